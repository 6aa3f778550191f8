package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// table is a Parquet file of 14 columns and 20 row groups, and the program that reads
// it.
type table struct {
	duckdb string // path of the program
	path   string
	key    string
	spans  []span // of the two columns that the query reads
	answer string // of the query
}

const (
	// plainTable has chunks of equal length, as nothing in it can be compressed.
	plainTable = "table.parquet"
	// zstdTable has numbers of 24 to 64 bits, another width in each row group of each column.
	zstdTable = "zstd.parquet"

	tableGroups  = 20
	tableWidth   = 14
	tableRows    = 122_880 * 2 // a row group; a column of one takes 2 MB at most
	firstColumn  = 2
	secondColumn = 9
)

// addTables makes the tables below dir, and puts them into the dataset.
func (d *dataset) addTables(ctx context.Context, dir string) error {
	program := filepath.Join(dir, "duckdb")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	build.Dir = filepath.Join("scripts", "tools", "duckdb")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build of %s: %w: %s", build.Dir, err, out)
	}
	d.tables = make(map[string]*table)
	for _, key := range []string{plainTable, zstdTable} {
		t := &table{duckdb: program, path: filepath.Join(dir, key), key: key}
		if err := t.write(ctx); err != nil {
			return err
		}
		st, err := os.Stat(t.path)
		if err != nil {
			return err
		}
		d.tables[key] = t
		d.put(object{Key: key, File: t.path, Size: st.Size()})
	}
	return nil
}

// write makes the file, and notes what a reader has to find in it.
func (t *table) write(ctx context.Context) error {
	compression, shift := "uncompressed", func(int) string { return "0" }
	if t.key == zstdTable {
		compression = "zstd"
		shift = func(column int) string { return fmt.Sprintf("8 * ((i // %d * 5 + %d) %% 6)", tableRows, 3*column) }
	}
	columns := make([]string, tableWidth)
	for i := range columns {
		columns[i] = fmt.Sprintf("hash(i * %d + %d) >> (%s)::ubigint as c%02d", tableWidth, i, shift(i), i)
	}
	if _, err := t.run(ctx, fmt.Sprintf("copy (select %s from range(%d) r(i)) to '%s' (format parquet, compression %s, row_group_size %d)",
		strings.Join(columns, ", "), tableGroups*tableRows, t.path, compression, tableRows)); err != nil {
		return err
	}
	if err := t.locate(ctx); err != nil {
		return err
	}
	var err error
	t.answer, err = t.query(ctx, t.path)
	return err
}

// query is what ELT does: two columns of all rows.
func (t *table) query(ctx context.Context, path string) (string, error) {
	return t.run(ctx, fmt.Sprintf("select bit_xor(c%02d), max(c%02d), count(*) from read_parquet('%s')", firstColumn, secondColumn, path))
}

func (t *table) run(ctx context.Context, statement string) (string, error) {
	cmd := exec.CommandContext(ctx, t.duckdb, statement)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return string(out), err
}

// locate finds where the columns of the query lie.
func (t *table) locate(ctx context.Context) error {
	out, err := t.run(ctx, fmt.Sprintf(`select least(data_page_offset, coalesce(nullif(dictionary_page_offset, 0), data_page_offset)), total_compressed_size
		from parquet_metadata('%s') where column_id in (%d, %d) order by 1`, t.path, firstColumn, secondColumn))
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		off, n, _ := strings.Cut(strings.TrimSpace(line), "|")
		s := span{}
		var errs [2]error
		s.Off, errs[0] = strconv.ParseInt(off, 10, 64)
		s.Len, errs[1] = strconv.ParseInt(n, 10, 64)
		if err := errors.Join(errs[:]...); err != nil {
			return fmt.Errorf("column chunk %q: %w", line, err)
		}
		t.spans = append(t.spans, s)
	}
	if len(t.spans) != 2*tableGroups {
		return fmt.Errorf("the table has %d column chunks of the two columns, not %d", len(t.spans), 2*tableGroups)
	}
	return nil
}

// tableColumns is what the query of a table has to read.
func tableColumns(key string) func(d *dataset) []job {
	return func(d *dataset) []job {
		return []job{{Mode: "spans", Paths: []string{key}, Width: 1, Size: blockSize, Spans: d.tables[key].spans}}
	}
}

// ask is the query as readers do it: the outcome is of the column chunks, of which
// the program does not say when it read which.
func (t *table) ask(ctx context.Context, path string) (outcome, error) {
	start := time.Now()
	got, err := t.query(ctx, path)
	if err != nil {
		return outcome{}, err
	}
	if got != t.answer {
		return outcome{}, fmt.Errorf("DuckDB answers %q, not %q", got, t.answer)
	}
	o := outcome{Ops: 1, Blocks: blocks(t.spans, blockSize), Seconds: time.Since(start).Seconds()}
	for _, s := range t.spans {
		o.Bytes += s.Len
	}
	o.P50, o.P99 = o.Seconds*1000, o.Seconds*1000
	return o, nil
}
