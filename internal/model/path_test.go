package model_test

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/internal/model"
	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
)

const block = 4 << 10

// readPath is the catalog, and the blocks of what is open, as fusefs uses them.
type readPath struct {
	catalog.Config
	dir  string // of the cache; without it no file is opened
	kept string // of names; without it they are not kept over a remount

	catalog *catalog.Catalog
	cache   *blockcache.Cache
	crew    *prefetch.Crew
}

// begin is the start of a mount.
func (p *readPath) begin() (err error) {
	p.Ledger = nil
	if p.kept != "" {
		p.Ledger = ledger.Open(ledger.Config{Dir: names(p.kept), Limit: 1 << 20})
	}
	if p.catalog, err = catalog.New(p.Config); err != nil || p.dir == "" {
		return err
	}
	memory := blockcache.NewMemory(64*block, block)
	p.cache, err = blockcache.Open(blockcache.Config{
		Dir: p.dir, BlockSize: block, Budget: 1 << 30, WriteQueue: 16 * block, Memory: memory,
	})
	if err != nil {
		return err
	}
	p.crew = prefetch.New(prefetch.Config{
		Cache: p.cache, Source: p.Bucket, Memory: memory, Connections: 8, RequestSize: 4 * block, MaxWindow: 16 * block,
	})
	return nil
}

// end is its end.
func (p *readPath) end() error {
	err := p.catalog.Close()
	if p.Ledger != nil {
		p.Ledger.Close()
	}
	if p.crew != nil {
		err = errors.Join(err, p.crew.Close(), p.cache.Close())
	}
	return err
}

// Remount implements model.Subject.
func (p *readPath) Remount() error {
	if err := p.end(); err != nil {
		return err
	}
	return p.begin()
}

// Refresh implements model.Subject.
func (p *readPath) Refresh(path string) error {
	p.catalog.Refresh(path)
	return nil
}

// Lookup implements model.Subject.
func (p *readPath) Lookup(path string) (model.Node, time.Duration, error) {
	n, err := p.catalog.Lookup(context.Background(), path)
	var absent *catalog.AbsentError
	if errors.As(err, &absent) {
		return model.Node{}, absent.Fresh, fs.ErrNotExist
	}
	return node(n), n.Fresh, err
}

func node(n catalog.Node) model.Node {
	if n.Dir {
		return model.Node{Kind: model.Dir}
	}
	return model.Node{Kind: model.File, Object: object(n.Object)}
}

func object(o s3backend.Object) model.Object { return model.Object{ETag: o.ETag, Size: o.Size} }

// Opendir implements model.Subject.
func (p *readPath) Opendir(path string) (model.Directory, error) {
	s, err := p.catalog.Open(path)
	if err != nil {
		return nil, err
	}
	return directory{s}, nil
}

// directory implements model.Directory.
type directory struct{ snapshot *catalog.Snapshot }

func (d directory) Read(n, most int) (names []model.Name, hidden *model.Hidden, fresh time.Duration, err error) {
	for ; len(names) < most; n++ {
		is, ok, err := d.snapshot.At(context.Background(), n)
		if err != nil {
			return nil, nil, 0, err
		}
		if !ok {
			l := d.snapshot.Complete()
			h := model.Hidden(l.Hidden)
			return names, &h, l.Fresh(), nil
		}
		names = append(names, model.Name{Name: is.Name, Node: node(is)})
	}
	return names, nil, 0, nil
}

func (d directory) Close() { d.snapshot.Close() }

// Open implements model.Subject.
func (p *readPath) Open(path string, direct bool) (model.Handle, error) {
	n, err := p.catalog.Lookup(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if n.Dir {
		return nil, nil
	}
	o := n.Object
	if direct {
		if n, err = p.catalog.Revalidate(context.Background(), path); errors.Is(err, fs.ErrNotExist) {
			return nil, model.ErrStale
		}
		if err != nil {
			return nil, err
		}
		o = n.Object
	}
	if p.crew == nil || o.Size == 0 {
		return &handle{p, path, o, nil}, nil
	}
	return &handle{p, path, o, p.crew.Open(o)}, nil
}

// handle implements model.Handle.
type handle struct {
	p      *readPath
	path   string
	object s3backend.Object
	reader *prefetch.Reader
}

func (h *handle) Object() model.Object { return object(h.object) }

func (h *handle) Read(b []byte, off int64) (int, error) {
	if h.reader == nil {
		return 0, nil
	}
	r, err := h.reader.Read(context.Background(), b, off)
	if errors.Is(err, s3backend.ErrChanged) {
		h.p.catalog.Forget(h.path)
		return 0, model.ErrStale
	}
	if err != nil {
		return 0, err
	}
	defer r.Release()
	n := 0
	for _, s := range r.Slices {
		n += copy(b[n:], s)
	}
	return n, nil
}

func (h *handle) Close() {
	if h.reader != nil {
		h.reader.Close()
	}
}
