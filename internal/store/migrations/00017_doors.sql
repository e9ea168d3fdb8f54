-- +goose Up
-- Keys that seal values, wrapped by a master key that is not in the database. scope is
-- whose values a key seals: '' the gateway's own, else a tenant's (team/ID, key/ID).
CREATE TABLE data_keys (
    id      TEXT    PRIMARY KEY,
    scope   TEXT    NOT NULL,
    master  TEXT    NOT NULL,
    wrapped TEXT    NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;
CREATE INDEX data_keys_by_scope ON data_keys (scope, made_at);

-- Who did what. Rows are only added, each with the hash of the one before; audit_head
-- is one row, which whoever adds to the log holds while it does.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    actor   TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    outcome TEXT    NOT NULL,
    address TEXT    NOT NULL,
    agent   TEXT    NOT NULL,
    request TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    prev    TEXT    NOT NULL,
    hash    TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_by_kind ON audit (kind, seq);
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_subject ON audit (subject, seq);
CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY,
    seq  INTEGER NOT NULL,
    hash TEXT    NOT NULL
) STRICT;
INSERT INTO audit_head (one, seq, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- +goose Down
DROP TABLE audit_head;
DROP TABLE audit;
DROP TABLE data_keys;
