package s3test

import (
	"sort"
	"strings"

	"github.com/zs3fs/zs3fs/s3backend"
)

// maxPage is the most entries that S3 puts into one page of a listing.
const maxPage = 1000

// position is a place in a bucket's listing: just after a key, or just after all
// the keys with a common prefix. The zero value is the beginning.
type position struct {
	after string
	group bool // after is a common prefix
}

// page is one page of a listing in S3's order: by the bytes of the keys, each
// common prefix standing where the first of its keys would.
type page struct {
	entries   []s3backend.Entry
	truncated bool     // more follow
	next      position // after the last entry
}

// page lists at most size entries below prefix from a position on; an empty
// delimiter makes no common prefixes. S3 ends a page of size 0 as if nothing
// followed.
func (m *Mem) page(prefix, delimiter string, from position, size int) page {
	var p page
	if size == 0 {
		return p
	}
	keys := m.sortedKeys()
	m.mu.RLock()
	defer m.mu.RUnlock()
	for i := firstKey(keys, prefix, from); i < len(keys) && strings.HasPrefix(keys[i], prefix); {
		v := m.current(keys[i])
		if v == nil { // deleted since the keys were sorted
			i++
			continue
		}
		if len(p.entries) == size {
			p.truncated = true
			break
		}
		rest := keys[i][len(prefix):]
		if end := strings.Index(rest, delimiter); delimiter != "" && end >= 0 {
			group := prefix + rest[:end+len(delimiter)]
			p.entries = append(p.entries, s3backend.Entry{Object: s3backend.Object{Key: group}, Dir: true})
			p.next = position{group, true}
			i += afterGroup(keys[i:], group)
			continue
		}
		p.entries = append(p.entries, s3backend.Entry{Object: v.listed()})
		p.next = position{keys[i], false}
		i++
	}
	return p
}

// firstKey returns the index of the first key that a listing of prefix from a
// position on looks at.
func firstKey(keys []string, prefix string, from position) int {
	i := sort.SearchStrings(keys, max(prefix, from.after))
	if from.group {
		return i + afterGroup(keys[i:], from.after)
	}
	if from.after != "" && i < len(keys) && keys[i] == from.after {
		i++
	}
	return i
}

// afterGroup returns the index of the first key that does not start with group;
// the keys before it do.
func afterGroup(keys []string, group string) int {
	return sort.Search(len(keys), func(j int) bool { return !strings.HasPrefix(keys[j], group) })
}
