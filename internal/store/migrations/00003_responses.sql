-- +goose Up
-- What clients go on from by id: a row is one exchange, its conversation the rows
-- from it back over previous. All rows of a conversation have the id of its first
-- as chain and are used together. body is sealed. No foreign key on previous:
-- with the exchange before it, a row is whole; without it, it is gone. home is the
-- provider that keeps the response too; empty for none. A response that its client
-- deleted leaves a row without a body, so that nobody goes on from it elsewhere.
CREATE TABLE responses (
    key_id   TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    previous TEXT    NOT NULL,
    home     TEXT    NOT NULL,
    chain    TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    used_at  INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (key_id, id)
) STRICT;

CREATE INDEX responses_used_at ON responses (used_at);
CREATE INDEX responses_id ON responses (id);
CREATE INDEX responses_chain ON responses (key_id, chain);

-- Items of answers, which clients may name instead of sending them again.
CREATE TABLE response_items (
    key_id      TEXT NOT NULL,
    item_id     TEXT NOT NULL,
    response_id TEXT NOT NULL,
    PRIMARY KEY (key_id, item_id),
    FOREIGN KEY (key_id, response_id) REFERENCES responses (key_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX response_items_item ON response_items (item_id);
CREATE INDEX response_items_response ON response_items (key_id, response_id);

-- +goose Down
DROP TABLE response_items;
DROP TABLE responses;
