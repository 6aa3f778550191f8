package main

import (
	"slices"
	"time"
)

// pattern is a way of reading, a row of the tables.
type pattern struct {
	name, what string
	// jobs are of keys, which become paths of the mount; a process each.
	jobs func(d *dataset) []job
	// table is the key of one that is read with DuckDB instead of with jobs, which then
	// only say what has to be read.
	table string
	// walk is what is measured instead, on the bucket of names.
	walk *walk
	// before are read first, unmeasured; remount says that a new process then mounts.
	before  func(d *dataset) []job
	remount bool
	// latency says that what counts is the time of an operation, not the speed.
	latency bool
	// only names the tools that it is for; all without.
	only      []string
	options   string // of zs3fs
	faults    bool
	once      bool // measured in the first round only, and when asked for
	goProgram bool // of programs that use the library instead of a mount
	// everywhere: also measured in the profiles that have a part of the patterns only.
	everywhere bool
	// shares says that a figure compares it with others that share: their rounds take turns,
	// as the machine's speed changes within minutes.
	shares bool
}

// slow ends the readers of tools that would take minutes.
const slow = 8 * time.Second

func patterns() []pattern {
	cold := []pattern{
		{name: "seq", shares: true, what: "one sequential stream, 1 MiB reads", jobs: sequential, everywhere: true},
		{name: "4-streams", what: "4 files at once", jobs: streams(4)},
		{name: "in-order", what: "16 files, a sixteenth of that each, one after another", jobs: func(*dataset) []job {
			return []job{{Mode: "seq", Paths: parts(16), Width: 1, Size: 1 << 20}}
		}},
		{name: "16-streams", shares: true, what: "16 files at once", jobs: streams(16), everywhere: true},
		{name: "interleaved", shares: true, what: "4 interleaved streams in one handle, 256 KiB reads", jobs: one(job{Mode: "interleaved", Size: 256 << 10})},
		{name: "strided", what: "256 KiB every 4 MiB", jobs: one(job{Mode: "strided", Size: 256 << 10, Stride: 4 << 20})},
		{name: "backward", what: "backwards, 1 MiB reads", jobs: one(job{Mode: "backward", Size: 1 << 20})},
		{name: "columns", what: "a footer, then 2 of 14 columns of 20 row groups, 256 KiB reads", jobs: columns},
		{name: "duckdb", what: "the same of a real Parquet file by DuckDB", jobs: tableColumns(plainTable), table: plainTable},
		{name: "duckdb-zstd", what: "the same of one that is compressed, so that no two chunks are equally long", jobs: tableColumns(zstdTable), table: zstdTable},
		{name: "duckdb-files", what: "the same of 24 files of two row groups each", jobs: tableColumns(filesTable), table: filesTable},
		{name: "read-10%", what: "a tenth of a file, then close", jobs: one(job{Mode: "seq", Size: 1 << 20, Part: 0.1})},
		{name: "two-readers", what: "two processes read one cold file", jobs: func(d *dataset) []job {
			return append(sequential(d), sequential(d)...)
		}},
		{name: "seq-8K", what: "one sequential stream, reads of 8 KiB, as tar, Python and Java make", jobs: one(job{Mode: "seq", Size: 8 << 10})},
		{name: "64MiB", shares: true, what: "one sequential stream with --memory-limit 64MiB", jobs: sequential,
			only: []string{zs3fsName}, options: "memory_limit=64MiB"},
		{name: fuseName, shares: true, what: "one sequential stream from memory: what FUSE costs without S3 and without a cache", jobs: sequential,
			only: []string{memoryName}},
		{name: "faults", shares: true, what: "one sequential stream; of the GETs 1 % answered 503, 1 % cut half way, 1 % stalled", faults: true, jobs: func(*dataset) []job {
			// To its end: the sum is of the whole file.
			return []job{{Mode: "seq", Paths: []string{"big"}, Width: 1, Size: 1 << 20, Sum: true}}
		}},
	}
	return slices.Concat(cold, directPatterns(), randomPatterns(), smallPatterns(), warmPatterns(), libraryPatterns(), walkPatterns())
}

// inTurns are groups of patterns whose rounds take turns: those that share, at the place of
// the first of them, and each other one alone.
func inTurns(chosen []pattern) (groups [][]pattern) {
	sharing := -1
	for _, pat := range chosen {
		switch {
		case !pat.shares:
			groups = append(groups, []pattern{pat})
		case sharing < 0:
			sharing = len(groups)
			groups = append(groups, []pattern{pat})
		default:
			groups[sharing] = append(groups[sharing], pat)
		}
	}
	return groups
}

func randomPatterns() []pattern {
	return []pattern{
		{name: "random-4K", what: "4 KiB at random", jobs: random(4<<10, 1), latency: true},
		{name: "random-4K-x16", what: "the same by 16 threads", jobs: random(4<<10, 16), latency: true},
		{name: "random-64K", what: "64 KiB at random", jobs: random(64<<10, 1), latency: true, everywhere: true},
		{name: "random-64K-x16", what: "the same by 16 threads", jobs: random(64<<10, 16), latency: true},
		{name: "random-256K", what: "256 KiB at random", jobs: random(256<<10, 1), latency: true},
		{name: "random-256K-x16", what: "the same by 16 threads", jobs: random(256<<10, 16), latency: true},
		{name: "first-byte", what: "open and first byte of listed files", latency: true, everywhere: true, jobs: func(*dataset) []job {
			// Far apart, so that nothing looks like a walk.
			return []job{{Mode: "first", Paths: shuffled(100), Width: 1, Limit: slow}}
		}},
	}
}

func smallPatterns() []pattern {
	files := func(keys []string, width int) func(*dataset) []job {
		return func(*dataset) []job {
			return []job{{Mode: "seq", Paths: keys, Width: width, Size: smallSize, Limit: slow}}
		}
	}
	return []pattern{
		{name: "small-x16", what: "1,000 files of 64 KiB by 16 readers", jobs: files(small(smallFiles), 16), everywhere: true},
		{name: "small-in-order", what: "the same by one reader in the listing's order", jobs: files(small(smallFiles), 1)},
		{name: "small-loader", what: "the same by 8 processes that have every eighth batch of 8 files each, as a data loader's workers", jobs: loader(8, 8)},
		{name: "small-random", what: "300 of them by one reader in random order", jobs: files(shuffled(300), 1)},
	}
}

// loader is workers who take the small files in batches, in turns.
func loader(workers, batch int) func(*dataset) []job {
	return func(*dataset) []job {
		jobs := make([]job, workers)
		for w := range jobs {
			jobs[w] = job{Mode: "seq", Width: 1, Size: smallSize, Limit: slow}
		}
		for i, path := range small(smallFiles) {
			w := i / batch % workers
			jobs[w].Paths = append(jobs[w].Paths, path)
		}
		return jobs
	}
}

func warmPatterns() []pattern {
	return []pattern{
		{name: "warm", what: "one sequential stream of a file read before", before: sequential, jobs: sequential},
		{name: "warm-remount", what: "the same after a remount", before: sequential, remount: true, jobs: sequential},
		{name: "warm-random", what: "4 KiB at random of a file read before, after a remount", before: sequential, remount: true, latency: true,
			jobs: one(job{Mode: "random", Size: 4 << 10, Count: 50_000})},
	}
}

// libraryPatterns add up what they read, as a stage of a data pipeline does.
func libraryPatterns() []pattern {
	return []pattern{
		{name: "go-stream", what: "a Go program adds up one object", goProgram: true, jobs: func(*dataset) []job {
			return []job{{Mode: "seq", Paths: []string{"big"}, Width: 1, Size: 1 << 20, Sum: true}}
		}},
		{name: "go-files", what: "the same of 16 objects, 4 at a time", goProgram: true, jobs: func(*dataset) []job {
			return []job{{Mode: "seq", Paths: parts(16), Width: 4, Size: 1 << 20}}
		}},
	}
}

// directPatterns are of one stream with --direct-io, which is for large reads.
func directPatterns() (all []pattern) {
	for _, size := range []struct {
		name  string
		bytes int64
	}{{"8K", 8 << 10}, {"128K", 128 << 10}, {"1M", 1 << 20}} {
		all = append(all, pattern{name: "direct-io-" + size.name, what: "one sequential stream with --direct-io, reads of " + size.name,
			jobs: one(job{Mode: "seq", Size: size.bytes}), only: []string{zs3fsName}, options: "direct_io"})
	}
	return all
}

// one is a job of one reader of the large object.
func one(j job) func(*dataset) []job {
	j.Paths, j.Width, j.Limit = []string{"big"}, 1, slow
	return func(*dataset) []job { return []job{j} }
}

func sequential(d *dataset) []job { return one(job{Mode: "seq", Size: 1 << 20})(d) }

func streams(n int) func(*dataset) []job {
	return func(*dataset) []job {
		return []job{{Mode: "seq", Paths: parts(n), Width: n, Size: 1 << 20, Limit: slow}}
	}
}

// random reads 100 times a thread; a thread has a handle of its own.
func random(size int64, width int) func(*dataset) []job {
	return func(*dataset) []job {
		paths := make([]string, width)
		for i := range paths {
			paths[i] = "big"
		}
		return []job{{Mode: "random", Paths: paths, Width: width, Size: size, Count: 100, Limit: slow}}
	}
}

// columns reads the large object as if it were a table: its end, its footer, and in
// each row group the third and the tenth of its columns.
func columns(d *dataset) []job {
	const groups, width, footer = 20, 14, 64 << 10
	spans := []span{{d.size - 8, 8}, {d.size - footer, footer}}
	chunk := d.size / (groups * width)
	for g := range int64(groups) {
		for _, c := range []int64{2, 9} {
			spans = append(spans, span{(g*width + c) * chunk, chunk})
		}
	}
	return one(job{Mode: "spans", Size: 256 << 10, Spans: [][]span{spans}})(d)
}
