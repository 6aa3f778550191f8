package catalog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// What a Ledger keeps: of a path whether there is a node and which, of a directory its
// listing, packed as it is in memory. Another form is another persistVersion; what has
// another is not there.
const persistVersion = 1

// What a node's first byte says, after the version.
const (
	keptAbsent = iota
	keptFile
	keptDir
	keptMarkedDir // of which the marker is known
)

var errUnreadable = errors.New("catalog: not an answer of ours")

// record has the ledger keep what memory keeps.
func (s *store) record(key string, h *held) {
	if s.ledger == nil {
		return
	}
	var body [][]byte
	if h.listing != nil {
		body = h.listing.encode()
	} else {
		body = [][]byte{encodeNode(h)}
	}
	s.ledger.Put(key[0], key[1:], h.asked, body...)
}

func encodeNode(h *held) []byte {
	raw := []byte{persistVersion, keptAbsent}
	switch {
	case h.absent:
		return raw
	case !h.node.Dir:
		raw[1] = keptFile
	case h.node.Object.Key == "":
		raw[1] = keptDir
		return raw
	default:
		raw[1] = keptMarkedDir
	}
	return appendObject(raw, h.node.Object)
}

// appendObject writes an object with its key, which need not be made of the path.
func appendObject(raw []byte, o s3backend.Object) []byte {
	var p packer
	p.add(Node{Name: o.Key, Object: o})
	raw = binary.AppendUvarint(raw, uint64(len(p.data)))
	return append(raw, p.data...)
}

func (l *Listing) encode() [][]byte {
	raw := []byte{persistVersion}
	for _, n := range []int{l.Hidden.Unrepresentable, l.Hidden.Shadowed, l.Hidden.MarkerContent, l.Hidden.TooLong} {
		raw = binary.AppendUvarint(raw, uint64(n))
	}
	found := byte(0)
	if l.found {
		found = 1
	}
	raw = append(raw, found)
	raw = appendObject(raw, l.Marker)
	raw = binary.AppendUvarint(raw, uint64(len(l.runs)))
	parts := make([][]byte, 0, 1+2*len(l.runs))
	for i := range l.runs {
		r := &l.runs[i]
		raw = binary.AppendUvarint(raw, uint64(r.n))
		raw = binary.AppendUvarint(raw, uint64(len(r.data)))
		parts = append(parts, raw, r.data)
		raw = nil
	}
	return append(parts, raw)
}

// persisted reads what encode and encodeNode wrote. It is proved by a checksum, so that
// a fault in it is one of zs3fs, or somebody's craft: whatever it is, it is an error.
type persisted struct{ raw []byte }

func (p *persisted) uvarint() int {
	n, k := binary.Uvarint(p.raw)
	if k <= 0 || n > 1<<40 {
		panic(errUnreadable)
	}
	p.raw = p.raw[k:]
	return int(n)
}

func (p *persisted) bytes(n int) []byte {
	b := p.raw[:n]
	p.raw = p.raw[n:]
	return b
}

func (p *persisted) version() {
	if p.bytes(1)[0] != persistVersion {
		panic(errUnreadable)
	}
}

func (p *persisted) object() s3backend.Object {
	r := run{data: p.bytes(p.uvarint()), whole: []uint32{0}, n: 1}
	u := r.from(0, "", false)
	n := u.node()
	if u.off != len(r.data) {
		panic(errUnreadable)
	}
	return n.Object
}

// reading makes an error of the panics of those who read packed bytes without looking
// where they end.
func reading(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", errUnreadable, p)
	}
}

func decodeNode(raw []byte, path string) (h *held, err error) {
	defer reading(&err)
	_, name := split(path)
	h = &held{node: Node{Name: name}}
	p := persisted{raw}
	p.version()
	switch kind := p.bytes(1)[0]; kind {
	case keptAbsent:
		h.node, h.absent = Node{}, true
	case keptDir:
		h.node.Dir = true
	case keptFile, keptMarkedDir:
		h.node.Dir = kind == keptMarkedDir
		h.node.Object = p.object()
		h.node.ModTime = h.node.Object.ModTime
	default:
		return nil, errUnreadable
	}
	return h, nil
}

// decodeListing reads a listing, whose bytes become its own. All nodes are looked at:
// a sum is by the seed of the process.
func decodeListing(raw []byte, below string, names escaping, seed maphash.Seed) (l *Listing, err error) {
	defer reading(&err)
	p := persisted{raw}
	p.version()
	l = &Listing{below: below, names: names}
	for _, n := range []*int{&l.Hidden.Unrepresentable, &l.Hidden.Shadowed, &l.Hidden.MarkerContent, &l.Hidden.TooLong} {
		*n = p.uvarint()
	}
	l.found = p.bytes(1)[0] == 1
	l.Marker = p.object()
	sum := sum{}
	sum.SetSeed(seed)
	last := ""
	for range p.uvarint() {
		n := p.uvarint()
		r := run{data: p.bytes(p.uvarint()), n: n}
		if last, err = r.restore(&sum, last, names); err != nil {
			return nil, err
		}
		l.add(r)
	}
	l.sum = sum.Sum64()
	return l, nil
}

// restore finds the whole nodes again, and looks at all: names in order after last, of
// which it returns the latest.
func (r *run) restore(sum *sum, last string, names escaping) (string, error) {
	if r.n <= 0 || r.n > len(r.data) {
		return "", errUnreadable
	}
	u := unpacker{run: r, names: names}
	for u.next < r.n {
		whole := u.next%restart == 0
		if whole {
			r.whole = append(r.whole, uint32(u.off))
			if r.data[u.off+1] != 0 {
				return "", errUnreadable
			}
		}
		n := u.node()
		if _, _, ok := names.parse(n.Name); !ok || n.Name <= last || !n.Dir && n.Object.Size < 0 {
			return "", errUnreadable
		}
		sum.add(n)
		last = n.Name
	}
	if u.off != len(r.data) {
		return "", errUnreadable
	}
	return last, nil
}

// recall looks in the ledger for what memory does not have, and keeps it there. It reads
// the disk, and gives up after seconds; nil is nothing of that age. A negative ttl takes
// any.
func (c *Catalog) recall(ctx context.Context, key string, ttl time.Duration) *held {
	flight, since := flightKey{c.epoch.Load(), key}, time.Now().Add(-ttl)
	if ttl < 0 {
		flight.path, since = "any "+key, time.Time{}
	}
	if h := c.store.get(key); h != nil && !h.asked.Before(since) {
		return h
	}
	// Most of what is asked for is not there: a flight takes a goroutine.
	if c.store.ledger == nil || ttl == 0 || c.store.ledger.Lacks(key[0], key[1:], since) {
		return nil
	}
	h, err := c.recalls.do(ctx, c, flight, func(context.Context) (*held, error) {
		return c.readLedger(key, since, flight.epoch)
	})
	if err != nil {
		return nil
	}
	return h
}

func (c *Catalog) readLedger(key string, since time.Time, epoch uint64) (*held, error) {
	path := key[1:]
	raw, asked, ok := c.store.ledger.Get(key[0], path, since)
	if !ok {
		return nil, nil
	}
	var h *held
	var err error
	if key[0] == 'n' {
		h, err = decodeNode(raw, path)
	} else {
		h = &held{}
		if h.listing, err = decodeListing(raw, c.Below(path), c.names(), c.seed); err == nil {
			h.listing.asked, h.listing.ttl, h.listing.recalled = asked, c.cfg.TTL, true
		}
	}
	if err != nil {
		c.cfg.Logger.Debug("an answer kept on disk cannot be read", "err", err)
		c.store.ledger.Drop(key[0], path)
		return nil, nil
	}
	h.asked = asked
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if c.epoch.Load() != epoch {
		return nil, nil
	}
	c.store.remember(key, h)
	return h, nil
}

// recallNode brings back what answers a lookup, and reports whether there is anything.
func (c *Catalog) recallNode(ctx context.Context, path string) bool {
	dir, _ := split(path)
	ttl := max(c.cfg.TTL, c.cfg.NegativeTTL)
	if c.cfg.TTL < 0 || c.cfg.NegativeTTL < 0 {
		ttl = -1
	}
	own := c.recall(ctx, nodeKey(path), ttl)
	list := c.recall(ctx, listingKey(dir), c.cfg.TTL)
	return own != nil || list != nil || c.recall(ctx, listingKey(path), c.cfg.TTL) != nil
}

// recallListing brings back the listing of the directory at path.
func (c *Catalog) recallListing(ctx context.Context, path string) *Listing {
	if h := c.recall(ctx, listingKey(path), c.cfg.TTL); h != nil && h.listing.Fresh() > 0 {
		return h.listing
	}
	return nil
}

// recorded reports whether the ledger has a fresh listing of the directory at path. It
// does not read it.
func (c *Catalog) recorded(path string) bool {
	if c.store.ledger == nil {
		return false
	}
	asked, ok := c.store.ledger.Asked('l', path)
	return ok && remaining(asked, c.cfg.TTL) > 0
}
