-- +goose Up
-- policy is JSON: how requests of the key are treated; empty for as all others.
ALTER TABLE keys ADD COLUMN policy TEXT NOT NULL DEFAULT '';

-- What was lost, as the client was told it; empty for nothing.
ALTER TABLE attempts ADD COLUMN loss_report TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE attempts DROP COLUMN loss_report;
ALTER TABLE keys DROP COLUMN policy;
