-- +goose Up
-- Teams, keys and budgets that the configuration file declares, under their names there.
-- They are rows like all others, and read-only but for the file.
CREATE TABLE declared (
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- The row that whoever declares something takes, so that one comes after the other.
INSERT INTO declared (kind, id, name) VALUES ('all', '', '');

-- +goose Down
DROP TABLE declared;
