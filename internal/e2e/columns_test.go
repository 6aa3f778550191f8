package e2e_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestDuckDBColumns reads two of 14 columns of a Parquet file of 20 row groups,
// uncompressed, over a distant server. A column chunk is about a block, so the two
// are apart, at a distance that does not change much, and one or two blocks each:
// what lies between must not be fetched.
func TestDuckDBColumns(t *testing.T) {
	newStand(t).twoColumns(t, 20, "uncompressed", "sum(c3 % 1000)", func(i int) string {
		return fmt.Sprintf("(hash(i * 14 + %d) >> 1)::bigint", i)
	})
}

// twoColumns has DuckDB read c3 and c9 of 14 columns, whose values are given in terms of the row
// i, of a file with so many row groups of 122,880 rows. It may fetch hardly more than the
// blocks that hold the two.
func (s *stand) twoColumns(t *testing.T, groups int, compression, aggregate string, value func(column int) string) {
	t.Helper()
	bin, err := duckdb()
	if err != nil {
		t.Fatal(err)
	}
	src := s.source("src")
	path := filepath.Join(src, "wide.parquet")
	var columns []string
	for i := range 14 {
		columns = append(columns, fmt.Sprintf("%s as c%d", value(i), i))
	}
	program(t, bin, fmt.Sprintf("copy (select %s from range(%d) r(i)) to '%s' (format parquet, compression %s, row_group_size 122880)",
		strings.Join(columns, ", "), groups*122880, path, compression))
	s.upload(src)
	query := func(path string) string {
		return program(t, bin, fmt.Sprintf("select count(*), %s, max(c9) from read_parquet('%s')", aggregate, path))
	}
	want := query(path)
	needed := columnBlocks(t, bin, path, "c3", "c9")

	s.server.SetShape(20*time.Millisecond, 80e6)
	s.mount()
	s.server.Reset()
	began := time.Now()
	if got := query(filepath.Join(s.mnt, "wide.parquet")); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	took := time.Since(began)
	v := s.values()
	fetched := s.server.BytesSent() / blockSize
	t.Logf("%v, %d GETs, %d demands and %d fetches ahead, %d blocks fetched, %d hold the columns", took,
		s.server.Count(s3test.OpGet), v["fetch_demands_total"], v["fetch_guesses_total"], fetched, needed)
	if float64(fetched) > 1.3*float64(needed) {
		t.Errorf("%d blocks fetched where %d hold the columns", fetched, needed)
	}
}

// columnBlocks returns how many blocks of a Parquet file hold the named columns.
func columnBlocks(t *testing.T, bin, path string, names ...string) int {
	t.Helper()
	return len(blocksOfColumns(t, bin, path, names...))
}

// blocksOfColumns returns which blocks those are.
func blocksOfColumns(t *testing.T, bin, path string, names ...string) map[int64]bool {
	t.Helper()
	out := program(t, bin, fmt.Sprintf(`select coalesce(dictionary_page_offset, data_page_offset), total_compressed_size
		from parquet_metadata('%s') where path_in_schema in ('%s')`, path, strings.Join(names, "','")))
	blocks := map[int64]bool{}
	for line := range strings.Lines(out) {
		first, length, _ := strings.Cut(strings.TrimSpace(line), "|")
		off, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		n, err := strconv.ParseInt(length, 10, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for b := off / blockSize; b <= (off+n-1)/blockSize; b++ {
			blocks[b] = true
		}
	}
	return blocks
}
