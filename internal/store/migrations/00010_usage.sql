-- +goose Up
-- What many attempts have in common, once. It is most of what there is to say of an
-- attempt, and each column and byte of a row is paid for by every request. Rows are
-- not changed, and two may say the same.
CREATE TABLE attempt_labels (
    id              INTEGER PRIMARY KEY,
    key_id          TEXT    NOT NULL,
    team_id         TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    tags            TEXT    NOT NULL,
    replica         TEXT    NOT NULL,
    dialect         TEXT    NOT NULL,
    stream          INTEGER NOT NULL,
    provider        TEXT    NOT NULL,
    surface         TEXT    NOT NULL,
    requested_model TEXT    NOT NULL,
    served_model    TEXT    NOT NULL,
    price_version   TEXT    NOT NULL,
    price_model     TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    region          TEXT    NOT NULL,
    geo             TEXT    NOT NULL,
    tier            TEXT    NOT NULL
) STRICT;

INSERT INTO attempt_labels
SELECT row_number() OVER (ORDER BY key_id, provider, served_model), key_id, '', '', '', '', dialect, stream, provider, surface,
    requested_model, served_model, price_version, price_model, kind, region, geo, tier
FROM (SELECT DISTINCT key_id, dialect, stream, provider, surface, requested_model, served_model, price_version, price_model, kind, region, geo, tier FROM attempts) d;

-- Attempts in one tree, in the order of time: one is found by when it began and its id.
-- cost_nano is null where the book had no price, or none was asked (price_version = '').
-- more is JSON: what most attempts have nothing to say of; empty for nothing.
CREATE TABLE attempts_in_order (
    at               INTEGER NOT NULL,
    id               TEXT    NOT NULL,
    request_id       TEXT    NOT NULL,
    label            INTEGER NOT NULL,
    number           INTEGER NOT NULL,
    status           INTEGER NOT NULL,
    error_class      TEXT    NOT NULL,
    stop             TEXT    NOT NULL,
    input            INTEGER NOT NULL,
    output           INTEGER NOT NULL,
    cache_read       INTEGER NOT NULL,
    cache_write_5m   INTEGER NOT NULL,
    cache_write_1h   INTEGER NOT NULL,
    reasoning        INTEGER NOT NULL,
    web_searches     INTEGER NOT NULL,
    estimated        INTEGER NOT NULL,
    latency_ns       INTEGER NOT NULL,
    queued_ns        INTEGER NOT NULL,
    first_byte_ns    INTEGER NOT NULL,
    first_content_ns INTEGER NOT NULL,
    cost_nano        INTEGER,
    more             TEXT    NOT NULL,
    PRIMARY KEY (at, id)
) STRICT, WITHOUT ROWID;

-- The loss report quotes bodies, so it may hold what JSON escapes; a cache story does not.
INSERT INTO attempts_in_order
SELECT a.at, a.id, a.request_id, l.id, a.number, a.status, a.error_class, a.stop, a.input, a.output, a.cache_read, a.cache_write_5m, a.cache_write_1h,
    a.reasoning, a.web_searches, a.estimated, a.latency_ns, 0, 0, a.first_content_ns, a.cost_nano,
    CASE WHEN a.losses = 0 AND a.loss_report = '' AND a.cache_story = '' THEN '' ELSE
        '{"losses":' || a.losses || ',"loss_report":"' || replace(replace(a.loss_report, '\', '\\'), '"', '\"') || '","cache_story":"' || a.cache_story || '"}' END
FROM attempts a JOIN attempt_labels l ON l.key_id = a.key_id AND l.dialect = a.dialect AND l.stream = a.stream AND l.provider = a.provider
    AND l.surface = a.surface AND l.requested_model = a.requested_model AND l.served_model = a.served_model AND l.price_version = a.price_version
    AND l.price_model = a.price_model AND l.kind = a.kind AND l.region = a.region AND l.geo = a.geo AND l.tier = a.tier;

DROP TABLE attempts;
ALTER TABLE attempts_in_order RENAME TO attempts;

-- Sums of attempts by label and quarter of an hour (slot, counted from 1970): every
-- zone's days and hours are made of whole quarters. A slot is written as a whole.
CREATE TABLE usage_quarters (
    slot             INTEGER NOT NULL,
    label            INTEGER NOT NULL,
    requests         INTEGER NOT NULL,
    attempts         INTEGER NOT NULL,
    errors           INTEGER NOT NULL,
    input            INTEGER NOT NULL,
    output           INTEGER NOT NULL,
    cache_read       INTEGER NOT NULL,
    cache_write_5m   INTEGER NOT NULL,
    cache_write_1h   INTEGER NOT NULL,
    reasoning        INTEGER NOT NULL,
    web_searches     INTEGER NOT NULL,
    estimated        INTEGER NOT NULL,
    latency_ns       INTEGER NOT NULL,
    first_content_ns INTEGER NOT NULL,
    first_contents   INTEGER NOT NULL,
    cost_nano        INTEGER NOT NULL,
    priced           INTEGER NOT NULL,
    PRIMARY KEY (slot, label)
) STRICT, WITHOUT ROWID;

-- Quarters whose attempts have changed since they were summed: for these the attempts
-- count. changes is another number with each change, so that one is noticed which is
-- made while they are being summed.
CREATE TABLE usage_stale (
    slot    INTEGER PRIMARY KEY,
    changes INTEGER NOT NULL
) STRICT;

INSERT INTO usage_stale SELECT DISTINCT at / 900000000000, 1 FROM attempts;

-- Whom the key of an answer belonged to when it was begun.
ALTER TABLE background ADD COLUMN team_id TEXT NOT NULL DEFAULT '';
ALTER TABLE background ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
ALTER TABLE background ADD COLUMN tags TEXT NOT NULL DEFAULT '';

-- What alerts have told, so that a restart tells nothing twice.
CREATE TABLE alerts (
    name       TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (name, subject)
) STRICT;

-- +goose Down
DROP TABLE alerts;
ALTER TABLE background DROP COLUMN tags;
ALTER TABLE background DROP COLUMN user_id;
ALTER TABLE background DROP COLUMN team_id;
DROP TABLE usage_stale;
DROP TABLE usage_quarters;

-- What is in more is lost.
CREATE TABLE attempts_before (
    id               TEXT    PRIMARY KEY,
    request_id       TEXT    NOT NULL,
    key_id           TEXT    NOT NULL,
    at               INTEGER NOT NULL,
    dialect          TEXT    NOT NULL,
    provider         TEXT    NOT NULL,
    surface          TEXT    NOT NULL,
    requested_model  TEXT    NOT NULL,
    served_model     TEXT    NOT NULL,
    stream           INTEGER NOT NULL,
    status           INTEGER NOT NULL,
    error_class      TEXT    NOT NULL,
    stop             TEXT    NOT NULL,
    input            INTEGER NOT NULL,
    output           INTEGER NOT NULL,
    cache_read       INTEGER NOT NULL,
    cache_write_5m   INTEGER NOT NULL,
    cache_write_1h   INTEGER NOT NULL,
    reasoning        INTEGER NOT NULL,
    estimated        INTEGER NOT NULL,
    latency_ns       INTEGER NOT NULL,
    first_content_ns INTEGER NOT NULL,
    losses           INTEGER NOT NULL,
    loss_report      TEXT    NOT NULL DEFAULT '',
    cache_story      TEXT    NOT NULL DEFAULT '',
    number           INTEGER NOT NULL DEFAULT 1,
    cost_nano        INTEGER,
    unpriced         INTEGER NOT NULL DEFAULT 0,
    price_version    TEXT    NOT NULL DEFAULT '',
    price_model      TEXT    NOT NULL DEFAULT '',
    kind             TEXT    NOT NULL DEFAULT '',
    region           TEXT    NOT NULL DEFAULT '',
    geo              TEXT    NOT NULL DEFAULT '',
    tier             TEXT    NOT NULL DEFAULT '',
    web_searches     INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO attempts_before (id, request_id, key_id, at, dialect, provider, surface, requested_model, served_model, stream, status, error_class, stop,
    input, output, cache_read, cache_write_5m, cache_write_1h, reasoning, estimated, latency_ns, first_content_ns, losses, number,
    cost_nano, unpriced, price_version, price_model, kind, region, geo, tier, web_searches)
SELECT a.id, a.request_id, l.key_id, a.at, l.dialect, l.provider, l.surface, l.requested_model, l.served_model, l.stream, a.status, a.error_class, a.stop,
    a.input, a.output, a.cache_read, a.cache_write_5m, a.cache_write_1h, a.reasoning, a.estimated, a.latency_ns, a.first_content_ns, 0, a.number,
    a.cost_nano, CASE WHEN a.cost_nano IS NULL AND l.price_version <> '' THEN 1 ELSE 0 END, l.price_version, l.price_model, l.kind, l.region, l.geo, l.tier, a.web_searches
FROM attempts a JOIN attempt_labels l ON l.id = a.label;

DROP TABLE attempts;
DROP TABLE attempt_labels;
ALTER TABLE attempts_before RENAME TO attempts;
CREATE INDEX attempts_at ON attempts (at);
CREATE INDEX attempts_key_at ON attempts (key_id, at);
