-- +goose Up
-- What requests of some keys said, sealed with the data key of a tenant (scope). dropped
-- says why there is no body.
CREATE TABLE payloads (
    request_id TEXT    PRIMARY KEY,
    key_id     TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    size       INTEGER NOT NULL,
    dropped    TEXT    NOT NULL,
    body       TEXT    NOT NULL
) STRICT;
CREATE INDEX payloads_by_time ON payloads (at);
CREATE INDEX payloads_by_key ON payloads (key_id);
CREATE INDEX payloads_by_scope ON payloads (scope);

-- +goose Down
DROP TABLE payloads;
