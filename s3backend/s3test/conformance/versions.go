package conformance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// wantOld opens a version that is no longer current: readable where versions are
// kept, by its id and without; else changed.
func (s suite) wantOld(old s3backend.Object, version uint32) {
	s.Helper()
	if s.Versioned {
		for _, id := range []string{old.VersionID, ""} {
			old.VersionID = id
			if err := s.check(old, 1, version, 0, old.Size); err != nil {
				s.Errorf("version %q: %v", id, err)
			}
		}
		old.ETag = neverPut
	}
	_, err := s.read(old, 0, old.Size)
	s.wantError(err, s3backend.ErrChanged, old.Key, "open", "read")
	_, err = s.read(old, old.Size-1, 1)
	s.wantError(err, s3backend.ErrChanged, old.Key, "open", "read")
}

// neverPut is an ETag of no version.
const neverPut = `"00000000000000000000000000000000"`

func testOpenReplaced(s suite) {
	old := s.put("k", 1, 1, 1000)
	for i, size := range []int64{1000, 10, 5000} { // as large, smaller, larger
		version := uint32(i + 2)
		next := s.put("k", 1, version, size)
		s.wantOld(old, version-1)
		if err := s.check(next, 1, version, 0, size); err != nil {
			s.Errorf("the new version: %v", err)
		}
		if listed := s.list("", 0)["k"].Object; (listed.VersionID != "") != s.ListsVersions {
			s.Errorf("the VersionID of a listing: %+v", listed)
		} else if err := s.check(listed, 1, version, 0, size); err != nil {
			s.Errorf("the new version as listed: %v", err)
		}
		old = next
	}
}

// testVersionOfBodies: the answer to a GET names the version id that a listing
// lacks, and by it the version is read after it was replaced.
func testVersionOfBodies(s suite) {
	const size = 100_000
	s.put("k", 1, 1, size)
	listed := s.list("", 0)["k"].Object
	for _, r := range [][2]int64{{0, size}, {0, 10}, {size - 1, 1}} {
		body, err := s.Bucket.Open(s.Context(), listed, r[0], r[1])
		if err != nil {
			s.Fatal(err)
		}
		v, ok := body.(s3backend.VersionedBody)
		if !ok {
			s.Fatalf("%T has no VersionID", body)
		}
		id := v.VersionID()
		if err := body.Close(); err != nil {
			s.Error(err)
		}
		if (id != "") != s.Versioned {
			s.Fatalf("%d bytes from %d: version id %q", r[1], r[0], id)
		}
		old := listed
		old.VersionID = id
		s.put("k", 1, 2, size/2)
		s.wantOld(old, 1)
		s.remove("k")
		s.wantOld(old, 1)
		s.put("k", 1, 1, size)
		listed = s.list("", 0)["k"].Object
	}
}

func testOpenDeleted(s suite) {
	old := s.put("k", 1, 1, 1000)
	s.remove("k")
	s.wantOld(old, 1)
}

// testReplacedWhileRead: what is read of a body after its object was replaced is
// still of the old version, or the read says that it changed.
func testReplacedWhileRead(s suite) {
	const size = 8 << 20
	old := s.put("k", 1, 1, size)
	body, err := s.Bucket.Open(s.Context(), old, 0, size)
	if err != nil {
		s.Fatal(err)
	}
	defer body.Close()
	p := make([]byte, size)
	half, err := io.ReadFull(body, p[:size/2])
	if err != nil {
		s.Fatal(err)
	}
	s.put("k", 1, 2, size)
	n, err := io.ReadFull(body, p[half:])
	if err != nil && !errors.Is(err, s3backend.ErrChanged) {
		s.Errorf("error %v, want none or %v", err, s3backend.ErrChanged)
	}
	if err := s3test.CheckCoded(p[:half+n], 0, 1, 1); err != nil {
		s.Error(err)
	}
}

// versionsSeen remembers which version each ETag stood for.
type versionsSeen struct {
	mu   sync.Mutex // guards tags
	tags map[string]uint32
}

// agree says whether p is of one of the versions, and of the one that its ETag
// stood for before.
func (v *versionsSeen) agree(p []byte, off int64, etag string, versions uint32) error {
	for version := range versions {
		if s3test.CheckCoded(p, off, 1, version) != nil {
			continue
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if was, known := v.tags[etag]; known && was != version {
			return fmt.Errorf("ETag %s is of version %d and of %d", etag, was, version)
		}
		v.tags[etag] = version
		return nil
	}
	return fmt.Errorf("mixed: %w", s3test.CheckCoded(p, off, 1, 0))
}

func testOverwritesUnderReaders(s suite) {
	const size, versions = 100_000, 30
	s.put("k", 1, 0, size)
	seen := versionsSeen{tags: make(map[string]uint32)}
	done := make(chan struct{})
	var g errgroup.Group
	g.Go(func() error {
		defer close(done)
		for v := range uint32(versions) {
			if err := s.Put(s.Context(), "k", s3test.Coded(1, v, size)); err != nil {
				return err
			}
		}
		return nil
	})
	for reader := range uint64(4) {
		g.Go(func() error { return s.readUnder(&seen, done, reader, versions) })
	}
	if err := g.Wait(); err != nil {
		s.Error(err)
	}
}

// readUnder reads ranges of "k" until done.
func (s suite) readUnder(seen *versionsSeen, done chan struct{}, reader uint64, versions uint32) error {
	random := rand.New(rand.NewPCG(reader, 3))
	for {
		select {
		case <-done:
			return nil
		default:
		}
		obj, err := s.Bucket.Head(s.Context(), "k")
		if err != nil {
			return err
		}
		off, n := span(random, obj.Size)
		n = max(n, min(16, obj.Size-off)) // enough to tell versions apart
		p, err := s.read(obj, off, n)
		switch {
		case errors.Is(err, s3backend.ErrChanged):
			continue
		case errors.Is(err, fs.ErrNotExist):
			return errors.New("overwriting left a gap")
		case err != nil:
			return err
		}
		tag := obj.ETag
		if s.LooseETags {
			tag = fmt.Sprint(reader, off, n, tag, random.Uint64()) // says nothing
		}
		if err := seen.agree(p, off, tag, versions); err != nil {
			return err
		}
	}
}
