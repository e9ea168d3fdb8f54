-- +goose Up
-- Keys that access tokens are signed with, sealed. until is when the last token signed with one has run out.
CREATE TABLE signing_keys (
    kid     TEXT    PRIMARY KEY,
    sealed  TEXT    NOT NULL,
    made_at INTEGER NOT NULL,
    until   INTEGER NOT NULL
) STRICT;

-- What is remembered between two steps of signing in, sealed, and taken out once. id is a digest of what the
-- browser was told.
CREATE TABLE sign_flows (
    id         TEXT    PRIMARY KEY,
    kind       TEXT    NOT NULL,
    sealed     TEXT    NOT NULL,
    tries      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- What groups of an identity provider give those who are in them.
CREATE TABLE group_mappings (
    id         TEXT    PRIMARY KEY,
    provider   TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    scopes     TEXT    NOT NULL,
    teams      TEXT    NOT NULL,
    priority   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (provider, name)
) STRICT;

-- Machines that change tokens of another issuer for short-lived ones of the gateway (RFC 8693).
CREATE TABLE services (
    id           TEXT    PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    issuer       TEXT    NOT NULL,
    audience     TEXT    NOT NULL,
    claims       TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,
    lifetime     INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    disabled_at  INTEGER
) STRICT;

-- +goose Down
DROP TABLE services;
DROP TABLE group_mappings;
DROP TABLE sign_flows;
DROP TABLE signing_keys;
