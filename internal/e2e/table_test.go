package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestDuckDBTable reads two of 14 columns of the files of a table over a distant server. The
// first few files are waited for; of the others the footer and what is read of the first row
// group have been asked for when they are opened, and nothing else.
func TestDuckDBTable(t *testing.T) {
	for _, c := range []struct {
		name, path string
		others     bool
	}{
		{"flat", "part-%05d.parquet", false},
		{"partitions", "dt=2024-01-%02d/part-0.parquet", false},
		{"beside other files", "part-%05d.parquet", true},
	} {
		t.Run(c.name, func(t *testing.T) { newStand(t).twoColumnsOfTable(t, c.path, c.others) })
	}
}

// twoColumnsOfTable reads a table whose files have such paths; others are a large one of
// another kind before each.
func (s *stand) twoColumnsOfTable(t *testing.T, path string, others bool) {
	t.Helper()
	const (
		files, groups, rows = 20, 2, 40_960
		// Of these the footer is waited for: those that two threads open before it is known
		// what is read, and room for a machine that is busy.
		few = 6
		// Of these and of no others anything is: the footer, and two columns of each row group.
		waits = few * (1 + 2*groups)
		// Blocks that are fetched and hold none of what is read: where the kernel reads ahead.
		spare = 8
	)
	bin, err := duckdb()
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	for i := range 14 {
		columns = append(columns, fmt.Sprintf("(hash(i * 14 + %d) >> 1)::bigint as c%d", i, i))
	}
	src := s.source("src")
	table := filepath.Join(src, "t")
	var script strings.Builder
	var names []string
	for n := range files {
		name := filepath.Join(table, fmt.Sprintf(path, n+1))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
		fmt.Fprintf(&script, "copy (select %s from range(%d, %d) r(i)) to '%s' (format parquet, compression uncompressed, row_group_size %d);\n",
			strings.Join(columns, ", "), n*groups*rows, (n+1)*groups*rows, name, rows)
	}
	program(t, bin, script.String())
	s.upload(src)
	for n := range files {
		if others {
			s.put(fmt.Sprintf("t/part-%05d.bin", n+1), 6*mib)
		}
	}
	query := func(dir string) string {
		return program(t, bin, fmt.Sprintf("set threads = 2; select count(*), sum(c3 %% 1000), max(c9) from read_parquet('%s/**/*.parquet', hive_partitioning = true)", dir))
	}
	want := query(table)
	needed := 0
	for _, name := range names {
		blocks := blocksOfColumns(t, bin, name, "c3", "c9")
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		// The end is fetched as two blocks.
		last := (info.Size() - 1) / blockSize
		blocks[last], blocks[last-1] = true, true
		needed += len(blocks)
	}

	s.server.SetShape(20*time.Millisecond, 80e6)
	s.mount()
	s.server.Reset()
	began := time.Now()
	if got := query(filepath.Join(s.mnt, "t")); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	took := time.Since(began)
	v := s.values()
	blocks := 0
	for n := range files { // none of which holds anything
		blocks += s.gets(fmt.Sprintf("t/part-%05d.bin", n+1))
	}
	for _, name := range names {
		key, err := filepath.Rel(src, name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, times := range s.server.BlockFetches(key, blockSize, info.Size()) {
			blocks += times
		}
	}
	t.Logf("%v, %d GETs, %d demands and %d fetches ahead, %d files guessed, %d useful, %d wasted; %d blocks fetched, %d needed", took,
		s.server.Count(s3test.OpGet), v["fetch_demands_total"], v["fetch_guesses_total"], v["files_guessed_total"],
		v["files_useful_total"], v["files_wasted_total"], blocks, needed)
	if v["files_useful_total"] < files-few || v["files_useful_total"] != v["files_guessed_total"] {
		t.Errorf("of %d files %d were guessed, %d useful", files, v["files_guessed_total"], v["files_useful_total"])
	}
	if n := v["fetch_demands_total"]; n > waits {
		t.Errorf("%d fetches were waited for, of more than the first %d files", n, few)
	}
	if blocks > needed+spare {
		t.Errorf("%d blocks fetched where %d hold the footers and the columns", blocks, needed)
	}
}
