-- +goose Up
-- People who may sign in. login is what a person signs in with by a password; NULL for those who come by an
-- identity provider alone. user_id is the user whose keys are theirs. password is argon2id, totp is sealed.
CREATE TABLE accounts (
    id            TEXT    PRIMARY KEY,
    login         TEXT    UNIQUE,
    name          TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    scopes        TEXT    NOT NULL,
    managed       INTEGER NOT NULL,
    user_id       TEXT    UNIQUE,
    password      TEXT    NOT NULL,
    totp          TEXT    NOT NULL,
    totp_step     INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    last_login_at INTEGER,
    disabled_at   INTEGER
) STRICT;

-- Who an account is at an identity provider: issuer and subject, never an e-mail address.
CREATE TABLE identities (
    id            TEXT    PRIMARY KEY,
    issuer        TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    account_id    TEXT    NOT NULL,
    provider      TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    last_login_at INTEGER,
    UNIQUE (issuer, subject)
) STRICT;
CREATE INDEX identities_by_account ON identities (account_id);

-- Links that are good once: an invitation, the first start's, a new password. hash is of the secret in the link.
CREATE TABLE invitations (
    id         TEXT    PRIMARY KEY,
    hash       BLOB    NOT NULL UNIQUE,
    kind       TEXT    NOT NULL,
    account_id TEXT    NOT NULL,
    email      TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    scopes     TEXT    NOT NULL,
    teams      TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    created_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;

-- Sessions are families of refresh tokens, of which one is good.
CREATE TABLE account_sessions (
    id         TEXT    PRIMARY KEY,
    account_id TEXT    NOT NULL,
    via        TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    agent      TEXT    NOT NULL,
    id_token   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    reason     TEXT    NOT NULL
) STRICT;
CREATE INDEX account_sessions_by_account ON account_sessions (account_id, created_at);

-- child is the token that took its place, sealed, so that a second tab can be given the same one.
CREATE TABLE refresh_tokens (
    hash       BLOB    PRIMARY KEY,
    session_id TEXT    NOT NULL,
    made_at    INTEGER NOT NULL,
    used_at    INTEGER,
    child      TEXT    NOT NULL,
    child_hash BLOB
) STRICT;
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

-- +goose Down
DROP TABLE refresh_tokens;
DROP TABLE account_sessions;
DROP TABLE invitations;
DROP TABLE identities;
DROP TABLE accounts;
