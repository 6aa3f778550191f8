package s3test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Mem is a bucket in memory and implements s3backend.Bucket. Changes are atomic:
// every answer, and every body to its end, is of one version. A body opened goes
// on with its version after that was replaced, as S3's do; a new Open of a
// replaced version is ErrChanged, unless versioning is on. Safe for concurrent use.
type Mem struct {
	mu         sync.RWMutex // guards all below
	versioning bool
	versioned  bool                  // versioning is or was on
	puts       uint64                // number of versions ever put, for ids
	keys       map[string][]*version // newest last; only the newest without versioning
	pageSize   int                   // of Pages; 0 is S3's
	sorted     []string              // the keys that have a current version; nil when out of date
	all        []string              // all keys of the map, sorted; nil when out of date
}

var (
	_ s3backend.Bucket      = (*Mem)(nil)
	_ s3backend.Pager       = (*Mem)(nil)
	_ s3backend.Checksummer = (*Mem)(nil)
)

// NewMem returns an empty bucket, without versioning.
func NewMem() *Mem { return &Mem{keys: make(map[string][]*version)} }

// nullID is the version id of what was put while versioning was not on.
const nullID = "null"

// SetVersioning turns versioning on or off for what is put or deleted from now
// on. With it on, each version has a VersionID by which it stays readable; what
// was there has the id "null". Once it was on, off means suspended, as in S3: a
// put replaces the version "null" only.
func (m *Mem) SetVersioning(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.versioning = on
	if !on || m.versioned {
		return
	}
	m.versioned = true
	for _, vs := range m.keys {
		for i, v := range vs {
			obj := v.obj
			obj.VersionID = nullID
			vs[i] = &version{obj: obj, content: v.content, opts: v.opts}
		}
	}
}

// Put makes c the current version of key and returns it as Head would.
func (m *Mem) Put(key string, c Content) s3backend.Object { return m.PutWith(key, c, PutOptions{}) }

// PutWith is Put with options.
func (m *Mem) PutWith(key string, c Content, o PutOptions) s3backend.Object {
	v := &version{content: c, opts: o, obj: s3backend.Object{
		Key:          key,
		ETag:         o.ETag,
		Size:         c.Size(),
		ModTime:      o.ModTime,
		StorageClass: o.StorageClass,
		Restored:     !o.RestoredUntil.IsZero(),
		ContentType:  cmp.Or(o.ContentType, "binary/octet-stream"),
	}}
	switch {
	case v.obj.ETag != "":
	case o.MD5:
		v.obj.ETag = md5Tag(c)
	default:
		v.obj.ETag = etagOf(c)
	}
	if v.obj.ModTime.IsZero() {
		v.obj.ModTime = time.Now()
	}
	v.obj.ModTime = v.obj.ModTime.UTC().Truncate(time.Second)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(key, v)
	return v.obj
}

// Delete removes key's current version; with versioning the versions stay, under
// a delete marker. Deleting what is not there does nothing.
func (m *Mem) Delete(key string) { m.DeleteAt(key, time.Now()) }

// DeleteAt is Delete with the time that a delete marker gets, in whole seconds.
func (m *Mem) DeleteAt(key string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current(key) == nil {
		return
	}
	if m.versioned {
		m.add(key, &version{deleted: true, obj: s3backend.Object{Key: key, ModTime: at.UTC().Truncate(time.Second)}})
	} else {
		delete(m.keys, key)
		m.all = nil
	}
	m.sorted = nil
}

// DeleteVersion removes a version or a delete marker for good.
func (m *Mem) DeleteVersion(key, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	vs := slices.DeleteFunc(slices.Clone(m.keys[key]), func(v *version) bool { return v.obj.VersionID == id })
	if m.keys[key] = vs; len(vs) == 0 {
		delete(m.keys, key)
	}
	m.sorted, m.all = nil, nil
}

// add makes v the newest version of key; mu is held.
func (m *Mem) add(key string, v *version) {
	if m.current(key) == nil {
		m.sorted = nil
	}
	m.puts++
	old, known := m.keys[key]
	if !known {
		m.all = nil
	}
	switch {
	case m.versioning:
		v.obj.VersionID = fmt.Sprintf("v%015x", m.puts*0x9e3779b97f4a7c15>>4)
		m.keys[key] = append(old, v)
	case m.versioned:
		v.obj.VersionID = nullID
		kept := slices.DeleteFunc(slices.Clone(old), func(v *version) bool { return v.obj.VersionID == nullID })
		m.keys[key] = append(kept, v)
	default:
		m.keys[key] = []*version{v}
	}
}

// current returns key's current version, nil if there is none; mu is held.
func (m *Mem) current(key string) *version {
	if vs := m.keys[key]; len(vs) > 0 && !vs[len(vs)-1].deleted {
		return vs[len(vs)-1]
	}
	return nil
}

// find returns the version id of key, or the current one if id is empty; nil if
// there is none.
func (m *Mem) find(key, id string) *version {
	if v := m.lookup(key, id); v != nil && !v.deleted {
		return v
	}
	return nil
}

// lookup is find that finds delete markers too.
func (m *Mem) lookup(key, id string) *version {
	m.mu.RLock()
	defer m.mu.RUnlock()
	vs := m.keys[key]
	if id == "" {
		if len(vs) == 0 {
			return nil
		}
		return vs[len(vs)-1]
	}
	for _, v := range vs {
		if v.obj.VersionID == id || id == nullID && v.obj.VersionID == "" {
			return v
		}
	}
	return nil
}

// sortedKeys returns the current keys in the order of their bytes; the slice is
// never changed once returned.
func (m *Mem) sortedKeys() []string {
	m.mu.RLock()
	keys := m.sorted
	m.mu.RUnlock()
	if keys != nil {
		return keys
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sorted == nil {
		m.sorted = make([]string, 0, len(m.keys))
		for k := range maps.Keys(m.keys) {
			if m.current(k) != nil {
				m.sorted = append(m.sorted, k)
			}
		}
		slices.Sort(m.sorted)
	}
	return m.sorted
}

// Head implements Bucket.
func (m *Mem) Head(ctx context.Context, key string) (s3backend.Object, error) {
	if err := ctx.Err(); err != nil {
		return s3backend.Object{}, &s3backend.OpError{Op: "head", Key: key, Err: err}
	}
	v := m.find(key, "")
	if v == nil {
		return s3backend.Object{}, &s3backend.OpError{Op: "head", Key: key, Err: fs.ErrNotExist}
	}
	return v.obj, nil
}

// List implements Bucket. Like a server it asks for a page at a time, so that
// changes during the loop may show in later pages.
func (m *Mem) List(ctx context.Context, prefix string, limit int) iter.Seq2[s3backend.Entry, error] {
	return func(yield func(s3backend.Entry, error) bool) {
		from := position{}
		for left := limit; ; {
			if err := ctx.Err(); err != nil {
				yield(s3backend.Entry{}, &s3backend.OpError{Op: "list", Key: prefix, Err: err})
				return
			}
			size := maxPage
			if limit > 0 {
				size = min(size, left)
			}
			p := m.page(prefix, "/", from, size)
			for _, e := range p.entries {
				if !yield(e, nil) {
					return
				}
			}
			left -= len(p.entries)
			if !p.truncated || limit > 0 && left == 0 {
				return
			}
			from = p.next
		}
	}
}

// SetPageSize makes the pages of Pages smaller than S3's: so that small tests have
// many.
func (m *Mem) SetPageSize(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pageSize = n
}

// Pages implements Pager.
func (m *Mem) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		m.mu.RLock()
		size := cmp.Or(m.pageSize, maxPage)
		m.mu.RUnlock()
		delimiter := "/"
		if span.Deep {
			delimiter = ""
		}
		for from := (position{after: span.After}); ; {
			if err := ctx.Err(); err != nil {
				yield(nil, &s3backend.OpError{Op: "list", Key: span.Prefix, Err: err})
				return
			}
			p := m.page(span.Prefix, delimiter, from, size)
			if !yield(p.entries, nil) || !p.truncated {
				return
			}
			from = p.next
		}
	}
}

// Open implements Bucket.
func (m *Mem) Open(ctx context.Context, obj s3backend.Object, off, n int64) (io.ReadCloser, error) {
	v, err := m.open(ctx, obj, off, n)
	if err != nil {
		return nil, &s3backend.OpError{Op: "open", Key: obj.Key, Err: err}
	}
	return newMemBody(ctx, v, off, n), nil
}

func (m *Mem) open(ctx context.Context, obj s3backend.Object, off, n int64) (*version, error) {
	if off < 0 || n <= 0 || off > obj.Size || n > obj.Size-off {
		return nil, fs.ErrInvalid
	}
	v, err := m.exact(ctx, obj)
	if err == nil && !v.readable() {
		return nil, s3backend.ErrArchived
	}
	return v, err
}

// exact returns the version obj.
func (m *Mem) exact(ctx context.Context, obj s3backend.Object) (*version, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v := m.find(obj.Key, obj.VersionID)
	if v != nil && v.obj.SameVersion(obj) {
		return v, nil
	}
	if v = m.former(obj); v == nil {
		return nil, s3backend.ErrChanged
	}
	return v, nil
}

// former returns the newest readable version with the bytes of obj, of which no
// VersionID is known; nil if there is none.
func (m *Mem) former(obj s3backend.Object) *version {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if obj.VersionID != "" {
		return nil
	}
	for _, v := range slices.Backward(m.keys[obj.Key]) {
		if !v.deleted && v.obj.SameVersion(obj) && !v.listed().Archived() {
			return v
		}
	}
	return nil
}

// Checksum implements Checksummer. The first call for a version reads all of it.
func (m *Mem) Checksum(ctx context.Context, obj s3backend.Object) (s3backend.Checksum, error) {
	if obj.Key == "" {
		return s3backend.Checksum{}, &s3backend.OpError{Op: "checksum", Key: obj.Key, Err: fs.ErrInvalid}
	}
	v, err := m.exact(ctx, obj)
	if err != nil {
		return s3backend.Checksum{}, &s3backend.OpError{Op: "checksum", Key: obj.Key, Err: err}
	}
	return v.checksum(), nil
}
