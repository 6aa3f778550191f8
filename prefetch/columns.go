package prefetch

import (
	"slices"
	"sort"

	"github.com/zs3fs/zs3fs/prefetch/parquet"
)

// columns are where the column chunks of a Parquet file lie, once its footer has been
// seen, and which of them are read. A query reads some of the columns, in each row group
// again: so the rest of a chunk is known at its first read, the next columns of its group
// once they were read in another, and those of the next groups once groups were read in
// a row. Unlike the places of visits, chunks need not be equally long.
type columns struct {
	chunks  []parquet.Chunk // in the file's order; nil while unknown, never changed
	joint   int64           // bytes that lie in the page in which a chunk begins, at most
	seen    []sighting      // by column
	entered []bool          // by row group, since the file was left
	groups  int64           // that were entered
	rows    rows            // which they are
	// past is which they were when the file was left last, or those of another file where seen
	// is of that.
	past  rows
	begun bool // some were entered since then
	hoped bool // seen was of another file of the schema, and has come true if anything was read

	schema parquet.Schema
}

// sighting is when a column was read last.
type sighting struct {
	groups int64 // how many row groups had been entered; 0 for never
	group  int32 // the one it was read in
}

const (
	// maxChunks bounds what is kept of a file: 24 bytes each.
	maxChunks = 1 << 15
	// A column that was not read in so many row groups is another query's. Threads have
	// groups of their own, and begin them together. When all have left, the columns are
	// believed in one group more.
	staleGroups = 16
	// Who has read over so many ends of chunks reads all columns: he is a stream like others.
	throughChunks = 3
	// underWay is how many of the latest visits may be, as 16 threads have one each.
	underWay = 16
	// jointPart of a block is a page of 4 KiB.
	jointPart = 256
)

// learn takes the chunks, in order and apart, and keeps them.
func (c *columns) learn(l limits, f parquet.Footer) {
	most := parquet.Chunk{Group: -1, Column: -1}
	for _, k := range f.Chunks {
		most.Group, most.Column = max(most.Group, k.Group), max(most.Column, k.Column)
	}
	*c = columns{
		chunks:  f.Chunks,
		schema:  f.Schema,
		joint:   l.block / jointPart,
		seen:    make([]sighting, most.Column+1),
		entered: make([]bool, most.Group+1),
		rows:    rows{step: 1},
	}
}

// hope expects of a file that nobody has begun what is read of another one.
func (c *columns) hope(p projection) {
	clear(c.seen)
	c.groups, c.past, c.hoped = staleGroups, p.rows, true
	for i, age := range p.ages[:min(len(p.ages), len(c.seen))] {
		if age >= 0 {
			c.seen[i] = sighting{groups: c.groups - age, group: -1}
		}
	}
}

// projection returns what to expect of another file of the schema; false for nothing.
func (c *columns) projection() (p projection, ok bool) {
	p = projection{ages: make([]int64, len(c.seen)), rows: c.past}
	if c.begun {
		p.rows = c.outline()
	}
	for i, s := range c.seen {
		p.ages[i] = -1
		if age := c.groups - s.groups; s.groups > 0 && age < staleGroups {
			p.ages[i], ok = age, true
		}
	}
	return p, ok
}

// outline returns which row groups are read, where any are.
func (c *columns) outline() rows {
	r := c.rows
	r.head = r.head || c.entered[0] // where it is expected, a thread may be about to
	return r
}

// find returns which chunk a reader is meant for who begins with a read of [off, end), or -1.
// Reads begin with a page, of which the end of another chunk may be a part.
func (c *columns) find(off, end int64) int { return c.at(min(off+c.joint, end) - 1) }

// at returns in which chunk a byte lies, or -1.
func (c *columns) at(at int64) int {
	i := sort.Search(len(c.chunks), func(i int) bool { return c.chunks[i].End > at })
	if i == len(c.chunks) || c.chunks[i].Off > at {
		return -1
	}
	return i
}

// begins reports whether a read of [off, end) is the first of a chunk's.
func (c *columns) begins(off, end int64) bool {
	i := c.find(off, end)
	return i >= 0 && off <= c.chunks[i].Off
}

// arrive notes that chunk i is read, and reports whether that was to be expected: its
// column was read in another row group, lately, or in another file.
func (c *columns) arrive(i int) (expected bool) {
	k := c.chunks[i]
	if c.hoped && !c.begun && !c.chosen(i) { // another query's
		clear(c.seen)
		c.hoped = false
	}
	expected = c.chosen(i) && c.seen[k.Column].group != k.Group
	if !c.entered[k.Group] {
		c.enter(k.Group)
	}
	c.seen[k.Column] = sighting{c.groups, k.Group}
	return expected
}

// enter notes that a row group is read, the first time. The next ones are as far away as
// the nearest of those before it was; threads may enter them out of turn.
func (c *columns) enter(group int32) {
	before := func(step int32) bool { return step <= group && c.entered[group-step] }
	if c.hoped && !c.begun {
		c.rows = c.past
	} else {
		c.rows.enter(group, slices.Contains(c.entered[group:], true), before)
	}
	c.entered[group] = true
	c.groups++
	c.begun = true
}

// chosen reports whether the column of chunk i is one of those that are read.
func (c *columns) chosen(i int) bool {
	s := c.seen[c.chunks[i].Column]
	return s.groups > 0 && c.groups-s.groups < staleGroups
}

// reach returns up to which byte a reader of chunk i goes on, at least: the end of the
// last one of those that are read and touch each other, over the end of a row group only
// where groups were read in a row. It looks no further than far: where all columns are read, that would be all chunks at each read (32,768: 64 us, and now 1).
func (c *columns) reach(i int, far int64) int64 {
	for i+1 < len(c.chunks) && c.chunks[i].End <= far && c.chunks[i+1].Off-c.chunks[i].End <= c.joint &&
		c.chosen(i+1) && c.rows.follow(c.chunks[i].Group, c.chunks[i+1].Group) {
		i++
	}
	return c.chunks[i].End
}

// leave notes that nobody reads the file any more: the next query may want other columns.
func (c *columns) leave() {
	if !c.begun {
		return
	}
	c.past = c.rows
	c.past.head = c.entered[0]
	c.rows = rows{step: 1}
	c.groups += staleGroups - 2
	c.begun, c.hoped = false, false
	clear(c.entered)
}
