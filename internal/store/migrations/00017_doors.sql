-- +goose Up
-- Keys that seal values, wrapped by a master key that is not in the database. scope is
-- whose values a key seals: '' the gateway's own, else a tenant's (team/ID, key/ID).
CREATE TABLE data_keys (
    id      TEXT    PRIMARY KEY,
    scope   TEXT    NOT NULL,
    master  TEXT    NOT NULL,
    wrapped TEXT    NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;
CREATE INDEX data_keys_by_scope ON data_keys (scope, made_at);

-- +goose Down
DROP TABLE data_keys;
