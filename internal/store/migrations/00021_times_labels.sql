-- +goose Up
-- How long the attempts of a sum took, in fixed buckets, as store.Times writes it; empty
-- where that is not known: of sums made by versions before this one.
ALTER TABLE usage_quarters ADD COLUMN times TEXT NOT NULL DEFAULT '';

-- When a label was last written or looked up to be used, to about a day (nanoseconds);
-- 0 for those of versions before this one, which are kept.
ALTER TABLE attempt_labels ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;

CREATE INDEX attempt_labels_used ON attempt_labels (used_at);

-- What each attempt counts for budgets, as store.BudgetCharges writes it: one row, where
-- budget_charges had one for each budget in three trees. That is read still, until its
-- rows are swept.
CREATE TABLE attempt_charges (
    at         INTEGER NOT NULL,
    attempt_id TEXT    NOT NULL,
    charges    TEXT    NOT NULL,
    PRIMARY KEY (at, attempt_id)
) STRICT, WITHOUT ROWID;

-- Parts of rolling windows that begin before are forgotten.
CREATE TABLE budget_forgotten (
    budget_id TEXT    PRIMARY KEY,
    before    INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE budget_forgotten;

-- What its attempts count for budgets is lost; what budgets have come to is not.
DROP TABLE attempt_charges;
DROP INDEX attempt_labels_used;
ALTER TABLE attempt_labels DROP COLUMN used_at;
ALTER TABLE usage_quarters DROP COLUMN times;
