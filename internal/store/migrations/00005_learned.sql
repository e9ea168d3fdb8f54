-- +goose Up
-- What upstreams have taught: refusals that were healed, and what doctor found.
CREATE TABLE learned (
    provider   TEXT    NOT NULL,
    model      TEXT    NOT NULL,
    what       TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    evidence   TEXT    NOT NULL,
    learned_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (provider, model, what, value)
) STRICT;

-- number counts the attempts of a request from 1 on.
ALTER TABLE attempts ADD COLUMN number INTEGER NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE attempts DROP COLUMN number;
DROP TABLE learned;
