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

// table is a Parquet file of 14 columns, or several, and the program that reads it.
type table struct {
	duckdb string // path of the program
	dir    string
	// key is of the file, or of all in a directory, with a *.
	key         string
	files       []tableFile
	groups      int // of each file
	rows        int // of each group
	compression string
	answer      string // of the query
}

// tableFile is one file of a table.
type tableFile struct {
	key   string
	spans []span // of the two columns that the query reads
}

const (
	// plainTable has chunks of equal length, as nothing in it can be compressed.
	plainTable = "table.parquet"
	// zstdTable has numbers of 24 to 64 bits, another width in each row group of each column.
	zstdTable = "zstd.parquet"
	// filesTable is the same in files of 16 MB, as Spark writes them.
	filesTable = "table/part-*.parquet"

	tableFiles   = 24 // of filesTable
	tableWidth   = 14
	tableRows    = 122_880 // a row group, unless it says otherwise
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
	files := table{key: filesTable, groups: 2, rows: tableRows, compression: "zstd"}
	for i := range tableFiles {
		files.files = append(files.files, tableFile{key: strings.Replace(filesTable, "*", fmt.Sprintf("%05d", i), 1)})
	}
	for _, t := range []table{
		{key: plainTable, files: []tableFile{{key: plainTable}}, groups: 20, rows: 2 * tableRows, compression: "uncompressed"},
		{key: zstdTable, files: []tableFile{{key: zstdTable}}, groups: 20, rows: 2 * tableRows, compression: "zstd"},
		files,
	} {
		t.duckdb, t.dir = program, dir
		if err := t.write(ctx); err != nil {
			return err
		}
		for _, f := range t.files {
			path := filepath.Join(dir, f.key)
			st, err := os.Stat(path)
			if err != nil {
				return err
			}
			d.put(object{Key: f.key, File: path, Size: st.Size()})
		}
		d.tables[t.key] = &t
	}
	return nil
}

// write makes the files, and notes what a reader has to find in them.
func (t *table) write(ctx context.Context) error {
	for i := range t.files {
		f := &t.files[i]
		path := filepath.Join(t.dir, f.key)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		from, to := i*t.groups*t.rows, (i+1)*t.groups*t.rows
		if _, err := t.run(ctx, fmt.Sprintf("copy (select %s from range(%d, %d) r(i)) to '%s' (format parquet, compression %s, row_group_size %d)",
			strings.Join(t.columns(), ", "), from, to, path, t.compression, t.rows)); err != nil {
			return err
		}
		var err error
		if f.spans, err = t.locate(ctx, path); err != nil {
			return err
		}
	}
	var err error
	t.answer, err = t.query(ctx, filepath.Join(t.dir, t.key))
	return err
}

// columns are what is selected for the table.
func (t *table) columns() []string {
	columns := make([]string, tableWidth)
	for i := range columns {
		shift := "0"
		if t.compression == "zstd" {
			shift = fmt.Sprintf("8 * ((i // %d * 5 + %d) %% 6)", t.rows, 3*i)
		}
		columns[i] = fmt.Sprintf("hash(i * %d + %d) >> (%s)::ubigint as c%02d", tableWidth, i, shift, i)
	}
	return columns
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

// locate finds where the columns of the query lie in a file.
func (t *table) locate(ctx context.Context, path string) ([]span, error) {
	out, err := t.run(ctx, fmt.Sprintf(`select least(data_page_offset, coalesce(nullif(dictionary_page_offset, 0), data_page_offset)), total_compressed_size
		from parquet_metadata('%s') where column_id in (%d, %d) order by 1`, path, firstColumn, secondColumn))
	if err != nil {
		return nil, err
	}
	var spans []span
	for line := range strings.Lines(out) {
		off, n, _ := strings.Cut(strings.TrimSpace(line), "|")
		s := span{}
		var errs [2]error
		s.Off, errs[0] = strconv.ParseInt(off, 10, 64)
		s.Len, errs[1] = strconv.ParseInt(n, 10, 64)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("column chunk %q: %w", line, err)
		}
		spans = append(spans, s)
	}
	if len(spans) != 2*t.groups {
		return nil, fmt.Errorf("%s has %d column chunks of the two columns, not %d", path, len(spans), 2*t.groups)
	}
	return spans, nil
}

// tableColumns is what the query of a table has to read.
func tableColumns(key string) func(d *dataset) []job {
	return func(d *dataset) []job {
		j := job{Mode: "spans", Width: 1, Size: blockSize}
		for _, f := range d.tables[key].files {
			j.Paths = append(j.Paths, f.key)
			j.Spans = append(j.Spans, f.spans)
		}
		return []job{j}
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
	o := outcome{Ops: 1, Seconds: time.Since(start).Seconds()}
	for _, f := range t.files {
		o.Blocks += blocks(f.spans, blockSize)
		for _, s := range f.spans {
			o.Bytes += s.Len
		}
	}
	o.P50, o.P99 = o.Seconds*1000, o.Seconds*1000
	return o, nil
}
