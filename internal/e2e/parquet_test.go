package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

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
	f, err := parquet.Decode(b[end-int(n):end], int64(len(b)), 1<<15)
	return f.Chunks, err
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
	s := newStand(t)
	s.twoColumns(t, 40, "zstd", "bit_xor(c3)", func(i int) string {
		return fmt.Sprintf("hash(i * 14 + %d) >> (8 * ((i // 122880 * 5 + %d) %% 6))::ubigint", i, 3*i)
	})
	// 80 chunks: the reader waits for those of the first row groups.
	if n := s.values()["fetch_guesses_total"]; n < 20 {
		t.Errorf("%d fetches ahead", n)
	}
}
