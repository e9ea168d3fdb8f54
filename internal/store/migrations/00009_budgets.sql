-- +goose Up
-- What budgets have come to, by the beginning of a period (nanoseconds; 0 for the
-- one of a budget that never starts again). extra is what was recharged, or spent
-- before a reset; carried what the period before left.
CREATE TABLE budget_accounts (
    budget_id TEXT    NOT NULL,
    period    INTEGER NOT NULL,
    amount    INTEGER NOT NULL,
    extra     INTEGER NOT NULL,
    carried   INTEGER NOT NULL,
    told      INTEGER NOT NULL,
    swept     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (budget_id, period)
) STRICT;

-- What each process may spend of them (granted), and what its attempts in the
-- ledger have spent: spent is written in the transaction that writes the attempts.
-- home is the process's journal. A lease without expires_at counts what is spent.
CREATE TABLE budget_leases (
    budget_id  TEXT    NOT NULL,
    period     INTEGER NOT NULL,
    replica    TEXT    NOT NULL,
    home       TEXT    NOT NULL,
    granted    INTEGER NOT NULL,
    spent      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (budget_id, period, replica)
) STRICT;

CREATE INDEX budget_leases_replica ON budget_leases (replica);
CREATE INDEX budget_leases_home ON budget_leases (home);

-- What people did to budgets: reset and recharge.
CREATE TABLE budget_events (
    id        TEXT    PRIMARY KEY,
    budget_id TEXT    NOT NULL,
    period    INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    amount    INTEGER NOT NULL,
    note      TEXT    NOT NULL,
    at        INTEGER NOT NULL
) STRICT;

CREATE INDEX budget_events_budget ON budget_events (budget_id, at);

-- What each attempt counts for each budget. Old rows are summed up (swept in
-- budget_accounts) and deleted.
CREATE TABLE budget_charges (
    at         INTEGER NOT NULL,
    attempt_id TEXT    NOT NULL,
    budget_id  TEXT    NOT NULL,
    period     INTEGER NOT NULL,
    amount     INTEGER NOT NULL,
    PRIMARY KEY (at, attempt_id, budget_id)
) STRICT;

CREATE INDEX budget_charges_budget ON budget_charges (budget_id, period);

-- The budgets of the request that began the answer.
ALTER TABLE background ADD COLUMN budgets TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE background DROP COLUMN budgets;
DROP TABLE budget_charges;
DROP TABLE budget_events;
DROP TABLE budget_leases;
DROP TABLE budget_accounts;
