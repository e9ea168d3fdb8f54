-- +goose Up
-- What became of the prompt cache, as the log tells it; empty where none was in play.
ALTER TABLE attempts ADD COLUMN cache_story TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE attempts DROP COLUMN cache_story;
