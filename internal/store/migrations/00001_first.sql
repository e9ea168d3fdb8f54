-- +goose Up
CREATE TABLE keys (
    id           TEXT    PRIMARY KEY,
    name         TEXT    NOT NULL,
    prefix       TEXT    NOT NULL,
    hash         BLOB    NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT;

-- key_id names no foreign key: with auth.api_key the key is not in the table.
CREATE TABLE attempts (
    id               TEXT    PRIMARY KEY,
    request_id       TEXT    NOT NULL,
    key_id           TEXT    NOT NULL,
    at               INTEGER NOT NULL,
    dialect          TEXT    NOT NULL,
    provider         TEXT    NOT NULL,
    surface          TEXT    NOT NULL,
    requested_model  TEXT    NOT NULL,
    served_model     TEXT    NOT NULL,
    stream           INTEGER NOT NULL,
    status           INTEGER NOT NULL,
    error_class      TEXT    NOT NULL,
    stop             TEXT    NOT NULL,
    input            INTEGER NOT NULL,
    output           INTEGER NOT NULL,
    cache_read       INTEGER NOT NULL,
    cache_write_5m   INTEGER NOT NULL,
    cache_write_1h   INTEGER NOT NULL,
    reasoning        INTEGER NOT NULL,
    estimated        INTEGER NOT NULL,
    latency_ns       INTEGER NOT NULL,
    first_content_ns INTEGER NOT NULL,
    losses           INTEGER NOT NULL
) STRICT;

CREATE INDEX attempts_at ON attempts (at);
CREATE INDEX attempts_key_at ON attempts (key_id, at);

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- +goose Down
DROP TABLE settings;
DROP TABLE attempts;
DROP TABLE keys;
