package s3test

import (
	"context"
	"io/fs"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/zs3fs/zs3fs/s3backend"
)

var _ s3backend.VersionLister = (*Mem)(nil)

// Versioning implements s3backend.VersionLister.
func (m *Mem) Versioning(ctx context.Context) (bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return false, &s3backend.OpError{Op: "versioning", Err: err}
	}
	return m.versioned, nil
}

// HeadVersion implements s3backend.VersionLister.
func (m *Mem) HeadVersion(ctx context.Context, key, id string) (s3backend.Object, error) {
	err := ctx.Err()
	v := m.find(key, id)
	switch {
	case err != nil:
	case id == "":
		err = fs.ErrInvalid
	case v == nil:
		err = fs.ErrNotExist
	default:
		return v.obj, nil
	}
	return s3backend.Object{}, &s3backend.OpError{Op: "head", Key: key, Err: err}
}

// Versions implements s3backend.VersionLister.
func (m *Mem) Versions(ctx context.Context, prefix string, from s3backend.VersionMark, limit int) (s3backend.VersionPage, error) {
	err := ctx.Err()
	if err == nil && (limit < 1 || limit > maxPage) {
		err = fs.ErrInvalid
	}
	if err != nil {
		return s3backend.VersionPage{}, &s3backend.OpError{Op: "versions", Key: prefix, Err: err}
	}
	return m.versionsPage(prefix, from, limit), nil
}

// versionsPage lists at most size versions in S3's order.
func (m *Mem) versionsPage(prefix string, from s3backend.VersionMark, size int) s3backend.VersionPage {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = slices.Sorted(maps.Keys(m.keys))
	}
	var p s3backend.VersionPage
	passed := from.ID == "" // the mark's version
	for _, key := range m.all[sort.SearchStrings(m.all, max(prefix, from.Key)):] {
		if !strings.HasPrefix(key, prefix) {
			break
		}
		if key == from.Key && from.ID == "" {
			continue
		}
		for _, v := range slices.Backward(m.keys[key]) {
			shown := v.shown()
			if key == from.Key && !passed {
				passed = shown.Object.VersionID == from.ID
				continue
			}
			if len(p.Versions) == size {
				p.More = true
				last := p.Versions[size-1].Object
				p.Next = s3backend.VersionMark{Key: last.Key, ID: last.VersionID}
				return p
			}
			p.Versions = append(p.Versions, shown)
		}
	}
	return p
}

// shown is the version as a listing of versions has it.
func (v *version) shown() s3backend.Version {
	o := v.listed()
	o.VersionID = v.obj.VersionID
	if o.VersionID == "" {
		o.VersionID = nullID
	}
	return s3backend.Version{Object: o, Deleted: v.deleted}
}

// isLatest says that the id is of the key's newest version or delete marker.
func (m *Mem) isLatest(key, id string) bool {
	v := m.lookup(key, "")
	return v != nil && v.shown().Object.VersionID == id
}
