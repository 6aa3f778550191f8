package zfs

import (
	"slices"
	"strconv"
)

// property is one that the cache's dataset should have.
type property struct {
	name  string
	want  string // what Create sets, and what mends it
	right func(value string) bool
	why   string
	// keep: Create leaves it as it is inherited, Check looks at it.
	keep bool
	// since names the OpenZFS that brought it; an older one goes without.
	since string
}

func is(values ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(values, v) }
}

func not(value string) func(string) bool {
	return func(v string) bool { return v != value }
}

// properties are those of a dataset for blocks of blockSize bytes.
func properties(blockSize int64) []property {
	size := strconv.FormatInt(blockSize, 10)
	return []property{
		{name: "recordsize", want: size, right: is(size),
			why: "a block should be one record: it is then written without being read first, and its eviction frees it whole. Files cached before keep their record size"},
		{name: "compression", want: "lz4", right: not("off"),
			why: "without compression the last record of each file takes its full size, and blocks of zeros take space"},
		{name: "atime", want: "off", right: is("off"),
			why: "each read of the cache would cause a write"},
		// From 2.3 on, "sa" reads back as "on".
		{name: "xattr", want: "sa", right: is("sa", "on"),
			why: "extended attributes as hidden directories cost several reads each"},
		{name: "sync", want: "disabled", right: is("disabled"),
			why: "the cache never needs the intent log, and a log of single files can come ahead of the blocks they speak of"},
		{name: "primarycache", want: "all", right: is("all"),
			why: "every small read would fetch, check and unpack a whole record from the disks again"},
		{name: "direct", want: "disabled", right: is("disabled"), since: "2.3",
			why: "programs that open files with O_DIRECT would bypass the memory cache (ARC) and wait for the disks"},
		{name: "redundant_metadata", want: "most", right: is("most", "some"),
			why: "what the cache loses is fetched again: further copies of its metadata only cost writes"},
		{name: "com.sun:auto-snapshot", want: "false", right: is("false"),
			why: "snapshots keep evicted blocks on the disks, and the cache's limit cannot hold"},
		{name: "exec", want: "off", right: is("off"), why: "nothing in the cache is a program"},
		{name: "setuid", want: "off", right: is("off"), why: "nothing in the cache is a program"},
		{name: "devices", want: "off", right: is("off"), why: "nothing in the cache is a device"},

		{name: "special_small_blocks", want: "0", right: below(blockSize), keep: true, since: "0.8",
			why: "records up to this size go to the special device: all of the cache would"},
		{name: "dedup", want: "off", right: is("off"), keep: true,
			why: "cached blocks hardly ever repeat, and the table of their checksums takes memory and time"},
		{name: "copies", want: "1", right: is("1"), keep: true,
			why: "what the cache loses is fetched again: copies only cost space"},
		{name: "readonly", want: "off", right: is("off"), keep: true,
			why: "nothing can be cached"},
		{name: "canmount", want: "on", right: is("on"), keep: true,
			why: "the dataset is not mounted at boot, and a mount that wants it is refused"},
	}
}

// below is right for a number of bytes smaller than limit.
func below(limit int64) func(string) bool {
	return func(v string) bool {
		n, err := strconv.ParseInt(v, 10, 64)
		return err == nil && n < limit
	}
}
