-- +goose Up
-- Logins under way: begun at one gateway, they may be ended at another. sealed holds what
-- is secret; a version is replaced by the next one only.
CREATE TABLE begun_logins (
    id      TEXT    PRIMARY KEY,
    version INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    sealed  TEXT    NOT NULL
) STRICT;

-- +goose Down
DROP TABLE begun_logins;
