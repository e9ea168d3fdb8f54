-- +goose Up
-- Whom keys belong to: teams, users, tags and the one organisation. The id of a
-- tag is the tag. limits is JSON, empty for none.
CREATE TABLE scopes (
    kind        TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    description TEXT    NOT NULL,
    email       TEXT    NOT NULL,
    limits      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER,
    PRIMARY KEY (kind, id),
    UNIQUE (kind, name)
) STRICT;

INSERT INTO scopes (kind, id, name, description, email, limits, created_at) VALUES ('organisation', 'org', 'organisation', '', '', '', 0);

-- Which users are in which teams.
CREATE TABLE members (
    user_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    PRIMARY KEY (user_id, team_id)
) STRICT;

CREATE INDEX members_team ON members (team_id);

-- Budgets of scopes and keys (scope_kind is key then). rule is JSON.
CREATE TABLE budget_rules (
    id         TEXT    PRIMARY KEY,
    scope_kind TEXT    NOT NULL,
    scope_id   TEXT    NOT NULL,
    rule       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX budget_rules_scope ON budget_rules (scope_kind, scope_id);

-- Whose a key is, and from where it may be used. Empty means nobody, none,
-- anywhere; tags and addresses are JSON lists. old_hash is of the secret before
-- the last rotation, good until old_until. sealed is the secret itself,
-- encrypted, where keys can be revealed.
ALTER TABLE keys ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN team_id TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN addresses TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN limits TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN log_payloads INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN old_hash BLOB;
ALTER TABLE keys ADD COLUMN old_until INTEGER;
ALTER TABLE keys ADD COLUMN sealed TEXT NOT NULL DEFAULT '';

CREATE UNIQUE INDEX keys_old_hash ON keys (old_hash);
CREATE INDEX keys_team ON keys (team_id);
CREATE INDEX keys_user ON keys (user_id);

-- +goose Down
DROP INDEX keys_user;
DROP INDEX keys_team;
DROP INDEX keys_old_hash;
ALTER TABLE keys DROP COLUMN sealed;
ALTER TABLE keys DROP COLUMN old_until;
ALTER TABLE keys DROP COLUMN old_hash;
ALTER TABLE keys DROP COLUMN log_payloads;
ALTER TABLE keys DROP COLUMN limits;
ALTER TABLE keys DROP COLUMN addresses;
ALTER TABLE keys DROP COLUMN tags;
ALTER TABLE keys DROP COLUMN team_id;
ALTER TABLE keys DROP COLUMN user_id;
ALTER TABLE keys DROP COLUMN description;
DROP TABLE budget_rules;
DROP TABLE members;
DROP TABLE scopes;
