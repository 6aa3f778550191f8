// Command duckdb runs SQL statements with DuckDB and prints their rows, so that
// the mounted tests can read Parquet through a mount as ELT users do. It is a
// module of its own: DuckDB's library is large and needs cgo and a C++ library.
package main

import (
	"database/sql"
	"fmt"
	"os"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "duckdb:", err)
		os.Exit(1)
	}
}

func run(statements []string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range statements {
		if err := query(db, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

func query(db *sql.DB, statement string) error {
	rows, err := db.Query(statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	cells := make([]any, len(names))
	for i := range cells {
		cells[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			return err
		}
		line := make([]string, len(cells))
		for i, c := range cells {
			line[i] = fmt.Sprint(*c.(*any))
		}
		fmt.Println(strings.Join(line, "|"))
	}
	return rows.Err()
}
