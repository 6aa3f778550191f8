package main

import "fmt"

// row is one pattern of the table.
type row struct {
	name, what string
	jobs       func(b *bucket, mnt string) []job
	options    string
	warm       bool // measured after a first pass and a remount
}

var rows = []row{
	{name: "seq", what: "one cold sequential reader, 1 MiB reads", jobs: sequential},
	{name: "warm", what: "the same from the cache, after a remount", jobs: sequential, warm: true},
	{name: "two", what: "two processes read one cold file", jobs: func(b *bucket, mnt string) []job {
		return append(sequential(b, mnt), sequential(b, mnt)...)
	}},
	{name: "four", what: "four cold files at once", jobs: func(b *bucket, mnt string) []job {
		return []job{{Mode: "seq", Paths: b.paths(mnt, "part", 4), Width: 4, Size: 1 << 20}}
	}},
	{name: "interleaved", what: "four interleaved streams in one handle, 256 KiB reads", jobs: func(b *bucket, mnt string) []job {
		return []job{{Mode: "interleaved", Paths: []string{mnt + "/big"}, Width: 1, Size: 256 << 10}}
	}},
	{name: "random", what: "64 KiB at random", jobs: func(b *bucket, mnt string) []job {
		return []job{{Mode: "random", Paths: []string{mnt + "/big"}, Width: 1, Size: 64 << 10, Count: 100}}
	}},
	{name: "first", what: "open and first byte of listed files", jobs: func(b *bucket, mnt string) []job {
		return []job{{Mode: "first", Paths: b.paths(mnt, "small/f", 100), Width: 1}}
	}},
	{name: "small", what: "1,000 x 64 KiB by 16 readers", jobs: func(b *bucket, mnt string) []job {
		return []job{{Mode: "seq", Paths: b.paths(mnt, "small/f", smallFiles), Width: 16, Size: 64 << 10}}
	}},
	{name: "4GiB", what: "4 GiB sequentially, for the peak memory", jobs: huge},
	{name: "4GiB-64M", what: "the same with --memory-limit 64MiB", jobs: huge, options: "memory_limit=64MiB"},
}

func sequential(_ *bucket, mnt string) []job {
	return []job{{Mode: "seq", Paths: []string{mnt + "/big"}, Width: 1, Size: 1 << 20}}
}

func huge(_ *bucket, mnt string) []job {
	return []job{{Mode: "seq", Paths: []string{mnt + "/huge"}, Width: 1, Size: 1 << 20}}
}

func (b *bucket) paths(mnt, prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s/%s%03d", mnt, prefix, i)
	}
	return all
}
