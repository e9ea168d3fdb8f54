-- +goose Up
-- What operators set while gateways run, beside what the configuration declares: one row an
-- entry, in the words of the configuration. Its secrets are sealed apart.
CREATE TABLE live_entries (
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    members    TEXT    NOT NULL,
    sealed     TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE live_entries;
