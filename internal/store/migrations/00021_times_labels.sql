-- +goose Up
-- How long the attempts of a sum took, in fixed buckets, as store.Times writes it; empty
-- where that is not known: of sums made by versions before this one.
ALTER TABLE usage_quarters ADD COLUMN times TEXT NOT NULL DEFAULT '';

-- When a label was last written or looked up to be used, to about a day (nanoseconds);
-- 0 for those of versions before this one, which are kept.
ALTER TABLE attempt_labels ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;

CREATE INDEX attempt_labels_used ON attempt_labels (used_at);

-- +goose Down
DROP INDEX attempt_labels_used;
ALTER TABLE attempt_labels DROP COLUMN used_at;
ALTER TABLE usage_quarters DROP COLUMN times;
