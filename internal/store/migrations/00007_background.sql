-- +goose Up
-- Answers that upstreams make in the background: who may ask for one, where it is
-- made, and the attempt that will tell what it cost. Nothing that was said is here.
CREATE TABLE background (
    key_id          TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    attempt_id      TEXT    NOT NULL,
    request_id      TEXT    NOT NULL,
    number          INTEGER NOT NULL,
    dialect         TEXT    NOT NULL,
    provider        TEXT    NOT NULL,
    surface         TEXT    NOT NULL,
    requested_model TEXT    NOT NULL,
    served_model    TEXT    NOT NULL,
    input           INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    status          TEXT    NOT NULL,
    settled         INTEGER NOT NULL,
    PRIMARY KEY (key_id, id)
) STRICT;

CREATE INDEX background_id ON background (id);
CREATE INDEX background_settled_at ON background (settled, at);

-- +goose Down
DROP TABLE background;
