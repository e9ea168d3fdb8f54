-- +goose Up
-- What an attempt costs. cost_nano is nano-dollars, null where the book had no
-- price (unpriced = 1) or no book was asked (price_version = ''). The columns
-- behind it are what the price depends on beside the rest of the row;
-- price_model is the model that was priced where served_model does not tell it.
ALTER TABLE attempts ADD COLUMN cost_nano INTEGER;
ALTER TABLE attempts ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN price_version TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN price_model TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN region TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN geo TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN tier TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN web_searches INTEGER NOT NULL DEFAULT 0;

-- Rows of the price book beside those that came with the binary. from_at and
-- to_at are when a price holds, 0 for open; a price that its source does not tell
-- any more is ended, not deleted. rates is JSON: nano-dollars for a million by
-- class, and the steps for long prompts.
CREATE TABLE prices (
    id         TEXT    PRIMARY KEY,
    source     TEXT    NOT NULL,
    rank       INTEGER NOT NULL,
    model      TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    provider   TEXT    NOT NULL,
    region     TEXT    NOT NULL,
    geo        TEXT    NOT NULL,
    tier       TEXT    NOT NULL,
    from_at    INTEGER NOT NULL,
    to_at      INTEGER NOT NULL,
    rates      TEXT    NOT NULL,
    checked    TEXT    NOT NULL,
    confidence TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX prices_source ON prices (source);

-- The books attempts were priced with, by the digest of what is in them.
CREATE TABLE price_books (
    version TEXT    PRIMARY KEY,
    rows    INTEGER NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

-- What was fetched from a source last, so that it is asked only for news.
CREATE TABLE price_sources (
    source     TEXT    PRIMARY KEY,
    etag       TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    fetched_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    problem    TEXT    NOT NULL
) STRICT;

-- +goose Down
DROP TABLE price_sources;
DROP TABLE price_books;
DROP TABLE prices;
ALTER TABLE attempts DROP COLUMN web_searches;
ALTER TABLE attempts DROP COLUMN tier;
ALTER TABLE attempts DROP COLUMN geo;
ALTER TABLE attempts DROP COLUMN region;
ALTER TABLE attempts DROP COLUMN kind;
ALTER TABLE attempts DROP COLUMN price_model;
ALTER TABLE attempts DROP COLUMN price_version;
ALTER TABLE attempts DROP COLUMN unpriced;
ALTER TABLE attempts DROP COLUMN cost_nano;
