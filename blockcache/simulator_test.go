package blockcache

import (
	"container/heap"
	"container/list"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/blockcache/s3fifo"
)

// object traces: what is read, each time whole and from front to end. A block of
// the simulated cache is one byte, and it holds 2,000.
type (
	simObject struct {
		name   uint64
		blocks int64
	}
	trace []simObject
)

const simCache = 2000

// blocks returns the trace block by block.
func (t trace) blocks() (all []simBlock) {
	for _, o := range t {
		for i := range o.blocks {
			all = append(all, simBlock{o.name, i})
		}
	}
	return all
}

type simBlock struct {
	name  uint64
	index int64
}

// The traces are those of the published table (hit ratios with a cache of 2,000
// blocks), whose script is lost. They were found again by their LRU, FIFO and
// Belady columns, which depend on the trace alone. The first three come out to the
// last digit: only these sizes and lengths do, and then so does S3-FIFO's. Of the
// Zipf traces, number, mean size and requests were searched until the three columns
// were within 0.01 to 0.02; S3-FIFO's was not looked at.
func simTraces() map[string]trace {
	traces := map[string]trace{
		"one scan": {{1, 3 * simCache}},
	}
	for range 30 { // Belady .644 is 29/30 of the .667 that fits
		traces["full loop"] = append(traces["full loop"], simObject{1, 3 * simCache / 2})
	}
	for day := range uint64(60) {
		for d := day - min(day, 6); d <= day; d++ {
			traces["sliding window"] = append(traces["sliding window"], simObject{d, 450})
		}
	}
	for day := range uint64(120) {
		t := append(traces["hot dimensions"], simObject{1 << 32, 600}, simObject{day, 900})
		if day > 0 {
			t = append(t, simObject{day - 1, 900})
		}
		traces["hot dimensions"] = t
	}
	traces["Zipf"] = zipfTrace(300, 200, 3000, 0)
	traces["Zipf with scans"] = zipfTrace(1000, 80, 3000, 55000)
	return traces
}

// zipfTrace requests n objects with Zipf's law (0.9), of exponentially distributed
// sizes, and in between scans of 3,000 blocks that never come again.
func zipfTrace(n, mean, requests int, scanned int64) (t trace) {
	r := rand.New(rand.NewPCG(1, 1))
	var sum float64
	weights, sizes := make([]float64, n), make([]int64, n)
	for i := range n {
		sum += math.Pow(float64(i+1), -0.9)
		weights[i] = sum
		sizes[i] = 1 + int64(r.ExpFloat64()*float64(mean))
	}
	scans := int(scanned / 3000)
	for i := range requests {
		if scans > 0 && i%(requests/scans) == requests/scans/2 {
			t = append(t, simObject{1<<32 + uint64(i), 3000})
		}
		x, at := r.Float64()*sum, 0
		for weights[at] < x {
			at++
		}
		t = append(t, simObject{uint64(at), sizes[at]})
	}
	return t
}

// column is one policy's hit ratio on a trace.
type column struct {
	name string
	run  func(trace) float64
}

var simColumns = []column{
	{"LRU", func(t trace) float64 { return queueRatio(t.blocks(), true) }},
	{"FIFO", func(t trace) float64 { return queueRatio(t.blocks(), false) }},
	{"S3-FIFO blocks", func(t trace) float64 { return blockRatio(t.blocks()) }},
	{"S3-FIFO as built", builtRatio},
	{"Belady", func(t trace) float64 { return beladyRatio(t.blocks()) }},
}

// TestHitRatios prints the table and holds the policy to it.
func TestHitRatios(t *testing.T) {
	published := []struct {
		trace                     string
		lru, fifo, s3fifo, belady float64
	}{
		{"hot dimensions", .002, .005, .249, .540},
		{"full loop", .000, .000, .446, .644},
		{"sliding window", .025, .025, .576, .638},
		{"Zipf", .179, .161, .300, .428},
		{"Zipf with scans", .180, .160, .285, .374},
		{"one scan", 0, 0, 0, 0},
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-16s", "")
	for _, c := range simColumns {
		fmt.Fprintf(&table, "%18s", c.name)
	}
	traces := simTraces()
	for _, want := range published {
		got := map[string]float64{}
		fmt.Fprintf(&table, "\n%-16s", want.trace)
		for _, c := range simColumns {
			got[c.name] = c.run(traces[want.trace])
			fmt.Fprintf(&table, "%18.3f", got[c.name])
		}
		for name, value := range map[string]float64{"LRU": want.lru, "FIFO": want.fifo, "Belady": want.belady} {
			if math.Abs(got[name]-value) > 0.02 {
				t.Errorf("%s is not the published trace: %s %.3f, not %.3f", want.trace, name, got[name], value)
			}
		}
		for _, name := range []string{"S3-FIFO blocks", "S3-FIFO as built"} {
			if got[name] < 0.95*want.s3fifo || got[name] < got["LRU"] {
				t.Errorf("%s: %s %.3f, published %.3f, LRU %.3f", want.trace, name, got[name], want.s3fifo, got["LRU"])
			}
		}
	}
	t.Logf("hit ratios\n%s", table.String())
}

// queueRatio is LRU, or FIFO.
func queueRatio(blocks []simBlock, lru bool) float64 {
	var q list.List
	at := map[simBlock]*list.Element{}
	hits := 0
	for _, b := range blocks {
		if e := at[b]; e != nil {
			hits++
			if lru {
				q.MoveToBack(e)
			}
			continue
		}
		if q.Len() == simCache {
			delete(at, q.Remove(q.Front()).(simBlock))
		}
		at[b] = q.PushBack(b)
	}
	return float64(hits) / float64(len(blocks))
}

// beladyRatio evicts what is needed latest: no policy can do better.
func beladyRatio(blocks []simBlock) float64 {
	next := make([]int, len(blocks))
	seen := map[simBlock]int{}
	for i := len(blocks) - 1; i >= 0; i-- {
		next[i] = math.MaxInt
		if later, ok := seen[blocks[i]]; ok {
			next[i] = later
		}
		seen[blocks[i]] = i
	}
	held := map[simBlock]int{} // when it is needed
	var latest needs
	hits := 0
	for i, b := range blocks {
		if _, ok := held[b]; ok {
			hits++
		}
		for held[b] = next[i]; len(held) > simCache; {
			if n := heap.Pop(&latest).(need); held[n.block] == n.when {
				delete(held, n.block) // else it was needed, and is there for later
			}
		}
		heap.Push(&latest, need{next[i], b})
	}
	return float64(hits) / float64(len(blocks))
}

type (
	need struct {
		when  int
		block simBlock
	}
	needs []need
)

func (n needs) Len() int           { return len(n) }
func (n needs) Less(i, j int) bool { return n[i].when > n[j].when }
func (n needs) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *needs) Push(x any)        { *n = append(*n, x.(need)) }
func (n *needs) Pop() any {
	last := (*n)[len(*n)-1]
	*n = (*n)[:len(*n)-1]
	return last
}

// blockRatio is the policy with blocks for keys, as in the literature.
func blockRatio(blocks []simBlock) float64 {
	p := s3fifo.New[simBlock](simCache)
	hits := 0
	for _, b := range blocks {
		if p.Cost(b) > 0 {
			hits++
			p.Reference(b)
			continue
		}
		for p.Len() >= simCache {
			victim, _ := p.Victim(nil)
			p.Evict(victim, 1)
		}
		p.Add(b, 1)
	}
	return float64(hits) / float64(len(blocks))
}

// builtRatio is the cache's own order: versions and segments, one reference an
// open or a pass, of which blocks are evicted from the front.
func builtRatio(t trace) float64 {
	s := simulation{order: newOrder(simCache, 1), index: map[identity]*simVersion{}}
	var hits, reads int64
	for _, o := range t {
		hits += s.read(o)
		reads += o.blocks
	}
	return float64(hits) / float64(reads)
}

type simulation struct {
	order   *order
	index   map[identity]*simVersion
	present int64
}

type simVersion struct {
	*cached
	there []bool
}

func (s *simulation) read(o simObject) (hits int64) {
	var id identity
	binary.LittleEndian.PutUint64(id[:], o.name)
	v := s.index[id]
	if v == nil {
		v = &simVersion{s.order.version(id, o.blocks), make([]bool, o.blocks)}
		s.index[id] = v
	}
	s.order.opened(v.cached)
	at := pass{segments: s.order.segments(o.blocks)}
	for i := range o.blocks {
		if at.enter(i / segmentBlocks) {
			s.order.passed(v.cached, i/segmentBlocks)
		}
		if v.there[i] {
			hits++
			continue
		}
		for s.present >= simCache {
			s.evict(v.unit(i))
		}
		v.there[i] = true
		v.bytes++
		s.present++
		s.order.Add(v.unit(i), 1)
	}
	return hits
}

func (s *simulation) evict(reading unit) {
	u, ok := s.order.Victim(func(u unit) bool { return s.order.spares(u, reading) })
	if !ok {
		u, _ = s.order.Victim(nil)
	}
	v := s.index[u.id]
	n, _ := s.order.take(v.cached, u, 1, u.id == reading.id)
	for i, to := u.blocks(v.size); i < to && n > 0; i++ {
		if v.there[i] {
			v.there[i] = false
			v.bytes--
			s.present--
			n--
			s.order.Evict(u, 1)
		}
	}
}
