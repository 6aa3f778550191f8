package main

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// names is a bucket of generated keys, in their order, with the XML of each ready:
// S3's own work is done on other machines, and a million elements written anew for
// every listing would take the daemon's share of the processors. Never changed once made.
type names struct {
	records []byte   // the Contents elements, one after another
	starts  []uint32 // of each in records, and the end
}

// level is a level of a tree of names.
type level struct {
	form  string // of fmt, with as many digits for every number
	count int
}

const (
	recordHead = "<Contents><Key>"
	recordSize = 240 // about, in bytes
)

// newNames makes the names of all sets.
func newNames(sets []nameSet) *names {
	files := 0
	for _, s := range sets {
		files += s.files()
	}
	n := &names{records: make([]byte, 0, files*recordSize), starts: make([]uint32, 1, files+1)}
	sets = slices.SortedFunc(slices.Values(sets), func(a, b nameSet) int { return strings.Compare(a.dir, b.dir) })
	for _, s := range sets {
		n.fill(s.dir+"/", s.levels)
	}
	return n
}

func (n *names) fill(prefix string, levels []level) {
	for i := range levels[0].count {
		key := prefix + fmt.Sprintf(levels[0].form, i)
		if len(levels) > 1 {
			n.fill(key, levels[1:])
			continue
		}
		n.add(key)
	}
}

// add gives every key a tag, a size and a time of its own: nothing that keeps a
// million of them is to be helped by their being alike.
func (n *names) add(key string) {
	h := uint64(len(n.starts)) * 0x9e3779b97f4a7c15
	n.records = fmt.Appendf(n.records, recordHead+"%s</Key><LastModified>%s</LastModified><ETag>&quot;%016x%016x&quot;</ETag>"+
		"<Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>", key, n.modified(h).Format("2006-01-02T15:04:05.000Z"), h, ^h, size(h))
	n.starts = append(n.starts, uint32(len(n.records)))
}

func size(h uint64) int64 { return int64(h>>40) + 1 }

func (*names) modified(h uint64) time.Time { return time.Unix(1_700_000_000+int64(h>>38), 0).UTC() }

func (n *names) len() int { return len(n.starts) - 1 }

func (n *names) record(i int) []byte { return n.records[n.starts[i]:n.starts[i+1]] }

func (n *names) key(i int) string {
	key := n.record(i)[len(recordHead):]
	return string(key[:bytes.IndexByte(key, '<')])
}

// search returns the index of the first key that is not below the given one.
func (n *names) search(key string) int {
	return sort.Search(n.len(), func(i int) bool { return n.key(i) >= key })
}

// after returns the index of the first key from i on that does not begin with prefix;
// those before it do.
func (n *names) after(i int, prefix string) int {
	return i + sort.Search(n.len()-i, func(j int) bool { return !strings.HasPrefix(n.key(i+j), prefix) })
}
