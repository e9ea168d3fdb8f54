-- +goose Up
-- Logins of people at upstreams that have no keys. sealed holds what is secret; a
-- version is replaced by the next one only, so that of two who write over one, one
-- loses.
CREATE TABLE logins (
    account TEXT    PRIMARY KEY,
    version INTEGER NOT NULL,
    sealed  TEXT    NOT NULL
) STRICT;

-- +goose Down
DROP TABLE logins;
