package fusefs_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/fusefs"
	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// setting is the first line that a daemon reads.
type setting struct {
	Dir, CacheDir, Prefix string
	TTL, NegativeTTL      time.Duration
	RevalidateOnOpen      bool
	AllowOther, AllowRoot bool
	NameMax               int
	Escape                bool
	ReadAheadKB           int
	NoDirectMount         bool
	KernelOptions         []string
	BlockSize             int64
}

// command is every further line; answer is what comes back. Keys are bytes, since
// JSON's strings are not.
type command struct {
	Op      string // put, delete, fail, gate, counts, unmount, detach, abort, wait
	Key     []byte
	Data    []byte // of put, unless Size is given
	Seed    uint32
	Version uint32
	Size    int64
	Class   string
	ModTime time.Time
	Fail    string // of fail: "", permission, changed, unavailable, panic
	Closed  bool   // of gate
}

type answer struct {
	Error              string
	Errno              int
	Heads, Lists, Gets int
	Mutations          int
	Goroutines         int
	Waiting            int
	Inodes             int
}

// bucket counts what is asked, and can hold or fail the bodies.
type bucket struct {
	*s3test.Mem
	mu                 sync.Mutex // guards the following
	heads, lists, gets int
	waiting            int
	gate               chan struct{}
	fail               string
}

func (b *bucket) Head(ctx context.Context, key string) (s3backend.Object, error) {
	b.mu.Lock()
	b.heads++
	fail := b.fail
	b.mu.Unlock()
	switch fail {
	case "panic":
		panic("a test's panic")
	case "permission":
		return s3backend.Object{}, &s3backend.OpError{Op: "head", Key: key, Err: os.ErrPermission}
	case "unavailable":
		return s3backend.Object{}, &s3backend.OpError{Op: "head", Key: key, Err: s3backend.ErrUnavailable}
	}
	return b.Mem.Head(ctx, key)
}

func (b *bucket) List(ctx context.Context, prefix string, limit int) iter.Seq2[s3backend.Entry, error] {
	b.mu.Lock()
	b.lists++
	fail := b.fail
	b.mu.Unlock()
	if fail == "permission" || fail == "unavailable" {
		err := error(os.ErrPermission)
		if fail == "unavailable" {
			err = s3backend.ErrUnavailable
		}
		return func(yield func(s3backend.Entry, error) bool) {
			yield(s3backend.Entry{}, &s3backend.OpError{Op: "list", Key: prefix, Err: err})
		}
	}
	return func(yield func(s3backend.Entry, error) bool) {
		for e, err := range b.Mem.List(ctx, prefix, limit) {
			// A listing does not know these.
			e.Object.ContentType, e.Object.VersionID, e.Object.Restored = "", "", false
			if !yield(e, err) {
				return
			}
		}
	}
}

// Pages counts as one list, in pages of a hundred.
func (b *bucket) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		var page []s3backend.Entry
		for e, err := range b.List(ctx, span.Prefix, 0) {
			if err != nil {
				yield(nil, err)
				return
			}
			if page = append(page, e); len(page) == 100 {
				if !yield(page, nil) {
					return
				}
				page = nil
			}
		}
		yield(page, nil)
	}
}

func (b *bucket) Open(ctx context.Context, obj s3backend.Object, off, n int64) (io.ReadCloser, error) {
	b.mu.Lock()
	b.gets++
	gate, fail := b.gate, b.fail
	b.waiting++
	b.mu.Unlock()
	var err error
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	b.mu.Lock()
	b.waiting--
	b.mu.Unlock()
	switch {
	case err != nil:
		return nil, &s3backend.OpError{Op: "open", Key: obj.Key, Err: err}
	case fail == "unavailable":
		return nil, &s3backend.OpError{Op: "open", Key: obj.Key, Err: s3backend.ErrUnavailable}
	}
	return b.Mem.Open(ctx, obj, off, n)
}

// daemon serves a mount of a bucket in memory until its input ends.
func daemon() int {
	in := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	dec := json.NewDecoder(in)
	var set setting
	if err := dec.Decode(&set); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	d, err := start(set)
	if err != nil {
		out.Encode(answer{Error: err.Error()})
		return 1
	}
	out.Encode(answer{})
	for {
		var c command
		if err := dec.Decode(&c); err != nil {
			break
		}
		out.Encode(d.do(c))
	}
	d.mount.Detach()
	<-d.mount.Done()
	d.close()
	return 0
}

type served struct {
	bucket *bucket
	mount  *fusefs.Mount
	close  func()
}

func start(set setting) (*served, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	b := &bucket{Mem: s3test.NewMem()}
	memory := blockcache.NewMemory(64<<20, set.BlockSize)
	cache, err := blockcache.Open(blockcache.Config{
		Dir: set.CacheDir, BlockSize: set.BlockSize, Budget: 1 << 30, WriteQueue: 8 << 20, Memory: memory, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	crew := prefetch.New(prefetch.Config{
		Cache: cache, Source: b, Memory: memory, Connections: 8, RequestSize: 8 * set.BlockSize,
		MaxWindow: 64 * set.BlockSize, Logger: log,
	})
	cat, err := catalog.New(catalog.Config{
		Bucket: b, Prefix: set.Prefix, TTL: set.TTL, NegativeTTL: set.NegativeTTL,
		RevalidateOnOpen: set.RevalidateOnOpen, NameMax: set.NameMax, Escape: set.Escape, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	m, err := fusefs.New(set.Dir, fusefs.Config{
		Catalog: cat, Open: crew.Open, FSName: "s3://bucket/" + set.Prefix,
		UID: 12, GID: 34, FileMode: 0o644, DirMode: 0o755, AllowOther: set.AllowOther, AllowRoot: set.AllowRoot,
		EntryTTL: set.TTL, NegativeTTL: set.NegativeTTL, ReadAheadKB: set.ReadAheadKB,
		DirectMount: !set.NoDirectMount, KernelOptions: set.KernelOptions, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	return &served{bucket: b, mount: m, close: func() { cat.Close(); crew.Close(); cache.Close() }}, nil
}

func (d *served) do(c command) answer {
	b := d.bucket
	switch c.Op {
	case "put":
		content := s3test.Bytes(c.Data)
		if c.Size > 0 {
			content = s3test.Coded(c.Seed, c.Version, c.Size)
		}
		b.PutWith(string(c.Key), content, s3test.PutOptions{StorageClass: c.Class, ModTime: c.ModTime})
	case "delete":
		b.Delete(string(c.Key))
	case "fail":
		b.mu.Lock()
		b.fail = c.Fail
		b.mu.Unlock()
	case "gate":
		b.mu.Lock()
		if b.gate != nil {
			close(b.gate)
			b.gate = nil
		}
		if c.Closed {
			b.gate = make(chan struct{})
		}
		b.mu.Unlock()
	case "counts":
		b.mu.Lock()
		defer b.mu.Unlock()
		return answer{Heads: b.heads, Lists: b.lists, Gets: b.gets, Waiting: b.waiting, Goroutines: runtime.NumGoroutine(),
			Inodes: int(d.mount.Stats().Inodes)}
	case "unmount":
		if err := d.mount.Unmount(); err != nil {
			return failure(err)
		}
		<-d.mount.Done()
	case "detach":
		return failure(d.mount.Detach())
	case "abort":
		return failure(d.mount.Abort())
	case "wait":
		<-d.mount.Done()
	default:
		return answer{Error: "unknown " + c.Op}
	}
	return answer{}
}

func failure(err error) answer {
	if err == nil {
		return answer{}
	}
	var errno syscall.Errno
	errors.As(err, &errno)
	return answer{Error: err.Error(), Errno: int(errno)}
}
