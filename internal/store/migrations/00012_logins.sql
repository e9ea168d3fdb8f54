-- +goose Up
-- Logins of people at upstreams that have no keys. sealed holds what is secret; a
-- version is replaced by the next one only, so that of two who refresh one loses.
-- While leased_until is to come, holder alone may refresh.
CREATE TABLE logins (
    account      TEXT    PRIMARY KEY,
    version      INTEGER NOT NULL,
    sealed       TEXT    NOT NULL,
    holder       TEXT    NOT NULL,
    leased_until INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE logins;
