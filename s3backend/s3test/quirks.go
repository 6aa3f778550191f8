package s3test

import (
	"cmp"
	"hash/fnv"
	"slices"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Quirks are ways in which other stores list otherwise than S3.
type Quirks struct {
	// IgnoreMaxKeys gives pages of PageSize, which may then be above 1000,
	// whatever is asked for.
	IgnoreMaxKeys bool
	// IgnoreStartAfter begins at the prefix.
	IgnoreStartAfter bool
	// IgnoreEncoding writes names as they are, and what XML cannot hold as
	// references that no parser takes.
	IgnoreEncoding bool
	// Unsorted lists in an order that has nothing to do with the keys, as
	// directory buckets do, start-after included: it has no effect.
	Unsorted bool
}

// unsortedPage is page in an order of its own.
func (m *Mem) unsortedPage(prefix, delimiter string, from position, size int) page {
	all := m.page(prefix, delimiter, position{}, len(m.sortedKeys())+1).entries
	slices.SortFunc(all, func(a, b s3backend.Entry) int {
		return cmp.Or(cmp.Compare(scatter(a.Object.Key), scatter(b.Object.Key)), cmp.Compare(a.Object.Key, b.Object.Key))
	})
	if from.after != "" {
		at := scatter(from.after)
		all = all[slices.IndexFunc(append(all, s3backend.Entry{}), func(e s3backend.Entry) bool {
			h := scatter(e.Object.Key)
			return e.Object.Key == "" || h > at || h == at && e.Object.Key > from.after
		}):]
	}
	p := page{entries: all}
	if len(all) > size {
		last := all[size-1]
		p = page{entries: all[:size], truncated: true, next: position{last.Object.Key, last.Dir}}
	}
	return p
}

func scatter(key string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(key))
	return h.Sum64()
}
