-- +goose Up
-- What an attempt counts for budgets stands in its own row: the amounts, for the budgets
-- that a label names, as store.BudgetCharges writes them without the amounts. The table
-- attempt_charges had a row for each attempt. It is read still, until its rows are swept.
CREATE TABLE charge_labels (
    id      INTEGER PRIMARY KEY,
    used_at INTEGER NOT NULL,
    label   TEXT    NOT NULL
) STRICT;

CREATE INDEX charge_labels_used ON charge_labels (used_at);

ALTER TABLE attempts ADD COLUMN charged_for INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN amounts TEXT NOT NULL DEFAULT '';

-- What attempts before that time count is in the sums of budget_accounts.
CREATE TABLE charges_swept (
    id     INTEGER PRIMARY KEY,
    before INTEGER NOT NULL
) STRICT;

INSERT INTO charges_swept (id, before) VALUES (1, 0);

-- +goose Down
-- What its attempts count for budgets is lost; what budgets have come to is not.
DROP TABLE charges_swept;
ALTER TABLE attempts DROP COLUMN amounts;
ALTER TABLE attempts DROP COLUMN charged_for;
DROP TABLE charge_labels;
