-- +goose Up
-- Answers of the admin API to requests that may be sent again (Idempotency-Key), sealed,
-- for they may have secrets in them. status is 0 while the first of them is under way.
CREATE TABLE admin_answers (
    id       TEXT    PRIMARY KEY,
    request  TEXT    NOT NULL,
    status   INTEGER NOT NULL,
    answer   TEXT    NOT NULL,
    made_at  INTEGER NOT NULL
) STRICT;

-- What operators have changed of providers beside the configuration.
CREATE TABLE provider_switches (
    provider   TEXT    PRIMARY KEY,
    reason     TEXT    NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

-- Keys that are switched off for a while: unlike revoked ones they can be switched on again.
ALTER TABLE keys ADD COLUMN disabled_at INTEGER;

-- +goose Down
ALTER TABLE keys DROP COLUMN disabled_at;
DROP TABLE provider_switches;
DROP TABLE admin_answers;
