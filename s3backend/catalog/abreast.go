package catalog

import (
	"context"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/zs3fs/zs3fs/s3backend"
)

// abreast says how a large level is listed: one page after another at first, then
// several parts at once.
type abreast struct {
	large int // pages that prove it large
	parts int // at once
	pages int // that a part is to have; as many of them wait to be taken
}

// The parts add a request each, a sixteenth of them all. Four hide most of a
// request's 20 ms behind the decoding of the others' pages, 8 ms each.
var listAbreast = abreast{large: 32, parts: 4, pages: 16}

// part is a run of keys being listed.
type part struct {
	after, until string // until is empty to the end
	pages        chan []s3backend.Entry
	// The following are written before pages is closed.
	err  error
	last bool // nothing follows the part
	n    int  // entries
	// opened is closed at the first page with a name, or at the end. deaf, not written
	// after that, is whether the bucket began elsewhere.
	opened chan struct{}
	deaf   bool
}

// levelPages is pages for one level, in the same order, faster where it is large.
func (c *Catalog) levelPages(ctx context.Context, prefix string, how abreast) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		l := level{c: c, ctx: ctx, how: how, prefix: prefix, running: &running}
		if l.first(yield) {
			l.rest(yield)
		}
	}
}

// level is a large level being listed.
type level struct {
	c       *Catalog
	ctx     context.Context
	how     abreast
	prefix  string
	running *sync.WaitGroup
	split   splitter
	parts   []*part // in their order
}

// first lists one page after another, until the first part has come to where it is;
// false when there is no need to go on.
func (l *level) first(yield func([]s3backend.Entry, error) bool) bool {
	n, last, tried := 0, "", false
	for page, err := range l.c.pages(l.ctx, s3backend.Span{Prefix: l.prefix}) {
		if err != nil {
			yield(nil, err)
			return false
		}
		if !inOrder(page, last) {
			l.how.large = math.MaxInt
		} else if len(page) > 0 {
			last = page[len(page)-1].Object.Key
		}
		l.split.saw(page, l.prefix)
		if n++; n >= l.how.large && !tried && !l.c.spanless.Load() {
			tried = true
			l.plan(last)
		}
		if len(l.parts) == 0 {
			if !yield(page, nil) {
				return false
			}
			continue
		}
		mine, others := cut(page, l.parts[0].after)
		if len(mine) > 0 && !yield(mine, nil) {
			return false
		}
		if len(others) > 0 {
			if l.heard() {
				return true
			}
			l.parts = nil
			if !yield(others, nil) {
				return false
			}
		}
	}
	return false
}

// heard reports whether the bucket lists the parts as they were asked for.
func (l *level) heard() bool {
	p := l.parts[0]
	select {
	case <-p.opened:
	case <-l.ctx.Done():
		return true // the parts say so
	}
	if p.deaf {
		l.c.sawNoSpans()
	}
	return !p.deaf
}

// rest lists part after part.
func (l *level) rest(yield func([]s3backend.Entry, error) bool) {
	for len(l.parts) > 0 {
		p := l.parts[0]
		for page := range p.pages {
			l.split.saw(page, l.prefix)
			if !yield(page, nil) {
				return
			}
		}
		if p.err != nil {
			yield(nil, p.err)
			return
		}
		if p.last {
			return
		}
		end := l.parts[len(l.parts)-1]
		l.parts = l.parts[1:]
		switch {
		case end.until == "":
		case p.n < l.split.n:
			l.start(end.until, "") // the guesses are no good
		default:
			l.start(end.until, l.split.after(end.until, l.how.pages*l.split.n))
		}
	}
}

// plan starts the first parts, some pages behind the last key.
func (l *level) plan(last string) {
	size := l.how.pages * l.split.n
	after := l.split.after(last, size)
	for range l.how.parts - 1 {
		if after == "" {
			return
		}
		until := l.split.after(after, size)
		l.start(after, until)
		after = until
	}
}

// start lists a part ahead.
func (l *level) start(after, until string) {
	p := &part{after: after, until: until, pages: make(chan []s3backend.Entry, l.how.pages), opened: make(chan struct{})}
	l.parts = append(l.parts, p)
	l.running.Go(func() {
		defer close(p.pages)
		_, p.err = guarded(l.c, func() (struct{}, error) { return struct{}{}, p.list(l) })
	})
}

// list sends the part's pages.
func (p *part) list(l *level) error {
	open := sync.OnceFunc(func() { close(p.opened) })
	defer open()
	last, begun := p.after, false
	for page, err := range l.c.pages(l.ctx, s3backend.Span{Prefix: l.prefix, After: p.after}) {
		if err != nil {
			return err
		}
		if l.c.ignoresAfter() || !inOrder(page, last) {
			if begun {
				l.c.sawNoSpans() // so that the next listing is whole
			} else {
				p.deaf = true
			}
			return &s3backend.OpError{Op: "list", Key: l.prefix, Err: s3backend.ErrBadAnswer}
		}
		if len(page) == 0 {
			continue // all of it is hidden, as by --as-of
		}
		begun = true
		open()
		last = page[len(page)-1].Object.Key
		mine, others := cut(page, p.until)
		p.n += len(mine)
		select {
		case p.pages <- mine:
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
		if len(others) > 0 {
			return nil
		}
	}
	p.last = true
	return nil
}

// inOrder reports whether a page is sorted and lies behind a key. A name that comes
// twice, as some servers have it, is in order.
func inOrder(page []s3backend.Entry, after string) bool {
	return len(page) == 0 || page[0].Object.Key >= after && slices.IsSortedFunc(page, func(a, b s3backend.Entry) int {
		return strings.Compare(a.Object.Key, b.Object.Key)
	})
}
