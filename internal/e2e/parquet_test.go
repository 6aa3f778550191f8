package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/prefetch/parquet"
)

// TestParquetFooters: the column chunks are where DuckDB, who wrote the files, says that
// they are.
func TestParquetFooters(t *testing.T) {
	bin, err := duckdb()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		columns, options string
		rows             int
	}{
		"numbers": {"i as a, hash(i) as b, i / 7.0 as c", "compression uncompressed", 300_000},
		"strings": {"md5(i::varchar) as a, (i % 13)::varchar as b, repeat('x', (i % 99)::int) as c", "compression zstd, row_group_size 20000", 200_000},
		"nested":  {"[i, i + 1] as a, {'x': i, 'y': [{'z': i}]} as b, map {i: 'v'} as c, if(i % 3 = 0, i, null) as d", "compression snappy, row_group_size 10000", 50_000},
		"many":    {strings.TrimSuffix(strings.Repeat("i + 1 as c, ", 200), ", "), "compression snappy, row_group_size 2048", 100_000},
		"filters": {"(i % 100)::varchar as a, i % 77 as b", "compression zstd, row_group_size 10000, parquet_version v2", 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f.parquet")
			program(t, bin, fmt.Sprintf("copy (select %s from range(%d) r(i)) to '%s' (format parquet, %s)", c.columns, c.rows, path, c.options))
			got, err := chunksOf(path)
			if err != nil {
				t.Fatal(err)
			}
			want := duckdbChunks(t, bin, path)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%d chunks, %v; DuckDB says %d, %v", len(got), got[:min(len(got), 10)], len(want), want[:min(len(want), 10)])
			}
		})
	}
}

// chunksOf reads a file's footer.
func chunksOf(path string) ([]parquet.Chunk, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	end := len(b) - parquet.TrailerSize
	n, ok := parquet.FooterSize(b[end:], int64(len(b)))
	if !ok {
		return nil, fmt.Errorf("%q is no trailer of %d bytes", b[end:], len(b))
	}
	return parquet.Chunks(b[end-int(n):end], int64(len(b)), 1<<15)
}

// duckdbChunks has DuckDB say where the column chunks lie.
func duckdbChunks(t *testing.T, bin, path string) (all []parquet.Chunk) {
	t.Helper()
	out := program(t, bin, fmt.Sprintf(`select least(data_page_offset, coalesce(nullif(dictionary_page_offset, 0), data_page_offset)) as begins,
		total_compressed_size, row_group_id, column_id from parquet_metadata('%s') order by begins`, path))
	for line := range strings.Lines(out) {
		var n [4]int64
		fields := strings.Split(strings.TrimSpace(line), "|")
		if len(fields) != len(n) {
			t.Fatalf("%q", line)
		}
		for i, f := range fields {
			v, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			n[i] = v
		}
		all = append(all, parquet.Chunk{Off: n[0], End: n[0] + n[1], Group: int32(n[2]), Column: int32(n[3])})
	}
	return all
}

// TestDuckDBCompressedColumns is TestDuckDBColumns with chunks of which no two are equally
// long, so that only the footer says where the next one is.
func TestDuckDBCompressedColumns(t *testing.T) {
	bin, err := duckdb()
	if err != nil {
		t.Fatal(err)
	}
	s := newStand(t)
	src := s.source("src")
	path := filepath.Join(src, "wide.parquet")
	var columns []string
	for i := range 14 {
		columns = append(columns, fmt.Sprintf("hash(i * 14 + %d) >> (8 * ((i // 122880 * 5 + %d) %% 6))::ubigint as c%d", i, 3*i, i))
	}
	program(t, bin, fmt.Sprintf("copy (select %s from range(%d) r(i)) to '%s' (format parquet, compression zstd, row_group_size 122880)",
		strings.Join(columns, ", "), 40*122880, path))
	s.upload(src)
	query := "select count(*), bit_xor(c3), max(c9) from read_parquet('%s')"
	want := program(t, bin, fmt.Sprintf(query, path))
	needed := columnBlocks(t, bin, path, "c3", "c9")

	s.server.SetShape(20*time.Millisecond, 80e6)
	s.mount()
	s.server.Reset()
	began := time.Now()
	if got := program(t, bin, fmt.Sprintf(query, filepath.Join(s.mnt, "wide.parquet"))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	took := time.Since(began)
	v := s.values()
	fetched := s.server.BytesSent() / blockSize
	t.Logf("%v, %d demands and %d fetches ahead, %d blocks fetched, %d hold the columns",
		took, v["fetch_demands_total"], v["fetch_guesses_total"], fetched, needed)
	if float64(fetched) > 1.3*float64(needed) {
		t.Errorf("%d blocks fetched where %d hold the columns", fetched, needed)
	}
	// 80 chunks: the reader waits for those of the first row groups, and what the kernel
	// reads behind a chunk is demanded too.
	if v["fetch_guesses_total"] < 20 {
		t.Errorf("%d fetches ahead", v["fetch_guesses_total"])
	}
}
