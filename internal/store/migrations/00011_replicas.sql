-- +goose Up
-- Work that one of several gateways does: who does it, and until when. until is
-- milliseconds since 1970 by the database's clock.
CREATE TABLE leases (
    name   TEXT    PRIMARY KEY,
    holder TEXT    NOT NULL,
    until  INTEGER NOT NULL
) STRICT;

-- On PostgreSQL, how often each table was changed that gateways have in memory;
-- tx is the transaction that did so last. SQLite counts for itself.
CREATE TABLE changes (
    topic   TEXT    PRIMARY KEY,
    version INTEGER NOT NULL,
    tx      INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE changes;
DROP TABLE leases;
