package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ReadForeign reads whole tables of a database of another program, each value as JSON: a file
// of SQLite, or PostgreSQL by its address. Tables that are not there are left out.
func ReadForeign(ctx context.Context, from string, file bool, names []string, most int) (t map[string][]map[string]json.RawMessage, err error) {
	driver, dsn := "pgx", from
	if file {
		driver, dsn = "sqlite", fileURI(from)+"?"+url.Values{"mode": {"ro"}, "_pragma": {"query_only(1)", "busy_timeout(2000)"}}.Encode()
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, errors.New("the address of the database cannot be read") // the driver's words have its password
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("the database: %w", err)
	}
	t = map[string][]map[string]json.RawMessage{}
	for _, name := range names {
		there, err := hasTable(ctx, db, file, name)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		if t[name], err = readTable(ctx, db, name, most); err != nil {
			return nil, fmt.Errorf("the table %s: %w", name, err)
		}
	}
	return t, nil
}

func hasTable(ctx context.Context, db *sql.DB, file bool, name string) (there bool, err error) {
	query := `SELECT count(*) > 0 FROM information_schema.tables WHERE table_name = $1`
	if file {
		query = `SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = ?`
	}
	err = db.QueryRowContext(ctx, query, name).Scan(&there)
	return there, err
}

func readTable(ctx context.Context, db *sql.DB, name string, most int) (list []map[string]json.RawMessage, err error) {
	rows, err := db.QueryContext(ctx, `SELECT * FROM "`+name+`"`) //nolint:gosec // a name of ours
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	list = []map[string]json.RawMessage{}
	for rows.Next() {
		if len(list) == most {
			return nil, fmt.Errorf("more than %d rows", most)
		}
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		r := map[string]json.RawMessage{}
		for i, column := range columns {
			if r[column], err = asJSON(values[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", column, err)
			}
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// asJSON writes a value of a database: bytes and texts that are JSON already stay so, and an
// array as PostgreSQL writes it, {a,b}, is a list.
func asJSON(v any) (json.RawMessage, error) {
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	s, ok := v.(string)
	if !ok {
		return json.Marshal(v)
	}
	if len(s) > 1 && (s[0] == '{' || s[0] == '[') {
		if json.Valid([]byte(s)) {
			return json.RawMessage(s), nil
		}
		if s[0] == '{' && s[len(s)-1] == '}' {
			return json.Marshal(arrayOf(s))
		}
	}
	return json.Marshal(s)
}

// arrayOf reads {a,"b c",NULL} as PostgreSQL writes arrays of texts.
func arrayOf(s string) []string {
	list := []string{}
	var word strings.Builder
	quoted, was := false, false
	flush := func() {
		if w := word.String(); was || w != "" && w != "NULL" {
			list = append(list, w)
		}
		word.Reset()
		was = false
	}
	for i := 1; i < len(s)-1; i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s)-1:
			i++
			word.WriteByte(s[i])
		case c == '"':
			quoted, was = !quoted, true
		case c == ',' && !quoted:
			flush()
		default:
			word.WriteByte(c)
		}
	}
	flush()
	return list
}
