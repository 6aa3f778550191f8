package catalog

import (
	"sync/atomic"
	"time"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
)

// held is one thing kept: a node, that there is none, or a listing.
type held struct {
	node    Node
	absent  bool
	listing *Listing
	asked   time.Time
	kept    time.Time // set by put: the answer had come by then
}

// store keeps answers in ristretto, bounded in bytes. Anything put may be gone at
// once (ristretto drops a Set when its buffer is full, and rejects what seems not
// worth its cost), so a miss costs a request and never an answer. Expiry is by
// our own stamp, taken when the question was asked and not when it was answered.
type store struct {
	cache *ristretto.Cache[string, *held]
	marks marks
	// ledger is what outlives the process; nil is none.
	ledger *ledger.Ledger
	// recalled is the listing that the ledger gave last: ristretto may not take it, and
	// each question about a file in it would read it again.
	recalled atomic.Pointer[recalled]
}

type recalled struct {
	key string
	*held
}

// entryCost is about what an entry takes beside its strings: Node, held, the
// map's and the policy's share.
const entryCost = 400

func newStore(memory int64, l *ledger.Ledger) (*store, error) {
	cache, err := ristretto.NewCache(&ristretto.Config[string, *held]{
		// Ten counters for each entry that fits, as ristretto advises.
		NumCounters:        max(memory/entryCost*10, 1000),
		MaxCost:            memory,
		BufferItems:        64,
		IgnoreInternalCost: true,
		// Its own expiry is not used, so that its ticker need not run.
		TtlTickerDurationInSec: 1 << 30,
		ShouldUpdate:           func(cur, prev *held) bool { return !cur.asked.Before(prev.asked) },
	})
	if err != nil {
		return nil, err
	}
	return &store{cache: cache, ledger: l}, nil
}

// A key is one letter and a path.
func nodeKey(path string) string    { return "n" + path }
func listingKey(path string) string { return "l" + path }

func (s *store) get(key string) *held {
	h, _ := s.cache.Get(key)
	if last := s.recalled.Load(); h == nil && last != nil && last.key == key {
		h = last.held
	}
	if h != nil && s.marks.cover(key[1:], h.asked) {
		return nil
	}
	return h
}

// put returns when the entry can be found, if it is kept at all: it follows a
// request of milliseconds, and whoever asked is about to ask again.
func (s *store) put(key string, h *held) {
	s.record(key, h)
	s.forgetRecalled(key) // older than this, also when ristretto does not take it
	s.set(key, h)
}

// remember keeps what the ledger gave.
func (s *store) remember(key string, h *held) {
	if h.listing != nil {
		s.recalled.Store(&recalled{key, h})
	}
	s.set(key, h)
}

func (s *store) set(key string, h *held) {
	cost := int64(entryCost + len(key) + len(h.node.Object.Key))
	if h.listing != nil {
		cost += h.listing.bytes()
	}
	h.kept = time.Now()
	if s.cache.Set(key, h, cost) {
		s.cache.Wait()
	}
}

func (s *store) drop(keys ...string) {
	if s.ledger != nil {
		for _, k := range keys {
			s.ledger.Drop(k[0], k[1:])
		}
	}
	s.forget(keys...)
}

// forget drops from memory.
func (s *store) forget(keys ...string) {
	for _, k := range keys {
		s.forgetRecalled(k)
		s.cache.Del(k)
	}
	s.cache.Wait()
}

func (s *store) forgetRecalled(key string) {
	if last := s.recalled.Load(); last != nil && last.key == key {
		s.recalled.CompareAndSwap(last, nil)
	}
}

// clear drops everything.
func (s *store) clear() {
	if s.ledger != nil {
		s.ledger.Clear()
	}
	s.recalled.Store(nil)
	s.cache.Clear()
}

func (s *store) close() { s.cache.Close() }
