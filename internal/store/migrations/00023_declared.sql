-- +goose Up
-- Teams, keys and budgets that the configuration file declares, under their names there.
-- They are rows like all others, and read-only but for the file.
CREATE TABLE declared (
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE declared;
