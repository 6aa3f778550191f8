package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// Target is an empty bucket under test, and the ways to change what is in it. The
// zero value of a limit says that the store holds all that S3 does.
type Target struct {
	Bucket s3backend.Bucket
	// Put makes c the current version of key; Delete removes it. Both may be
	// called concurrently.
	Put    func(ctx context.Context, key string, c s3test.Content) error
	Delete func(ctx context.Context, key string) error
	// Archive puts an object that must be restored before it can be read; nil if
	// the store has none such.
	Archive func(ctx context.Context, key string, c s3test.Content) error
	// Requests returns the number of requests made so far; nil if nobody counts.
	Requests func() int

	// Versioned: old versions stay readable by their VersionID.
	Versioned bool
	// ListsVersions: a listing carries the VersionID.
	ListsVersions bool
	// PathKeys: the store keeps keys as paths of a file system. It has no empty,
	// "." or ".." components, no object "a" beside "a/b", and no control
	// characters.
	PathKeys bool
	// XMLKeys: the store writes keys as they are into XML, which has no control
	// characters; and it cannot list them.
	XMLKeys bool
	// Unsorted: listings have an order of their own.
	Unsorted bool
	// LooseETags: an answer sent during an overwrite may have the ETag of one
	// version over the body of the other.
	LooseETags bool
}

// suite is a Target in one test.
type suite struct {
	Target
	testing.TB
}

// Open makes the Target of one test.
type Open func(testing.TB) Target

// TestBucket tests buckets made by open, a new one for each subtest.
func TestBucket(t *testing.T, open Open) {
	for _, tt := range []struct {
		name string
		test func(suite)
	}{
		{"Head", testHead},
		{"HeadFollowsChanges", testHeadFollowsChanges},
		{"ListLevel", testListLevel},
		{"ListPrefixIsOfKeys", testListPrefixIsOfKeys},
		{"ListMarker", testListMarker},
		{"ListNothing", testListNothing},
		{"ListPages", testListPages},
		{"Pages", testPages},
		{"Peek", testPeek},
		{"ListCancelled", testListCancelled},
		{"AwkwardKeys", testAwkwardKeys},
		{"OpenRanges", testOpenRanges},
		{"OpenInvalid", testOpenInvalid},
		{"OpenSmallReads", testOpenSmallReads},
		{"OpenReplaced", testOpenReplaced},
		{"OpenDeleted", testOpenDeleted},
		{"VersionOfBodies", testVersionOfBodies},
		{"OpenArchived", testOpenArchived},
		{"OpenCancelled", testOpenCancelled},
		{"OpenClosed", testOpenClosed},
		{"OpenConcurrent", testOpenConcurrent},
		{"Versions", testVersions},
		{"VersionsOfAwkwardKeys", testVersionsOfAwkwardKeys},
		{"ReplacedWhileRead", testReplacedWhileRead},
		{"OverwritesUnderReaders", testOverwritesUnderReaders},
		{"Checksum", testChecksum},
		{"ChecksumOfVersions", testChecksumOfVersions},
		{"ChecksumOfBodies", testChecksumOfBodies},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(suite{open(t), t}) })
	}
}

// put puts an object of coded bytes and returns it as Head does.
func (s suite) put(key string, seed, version uint32, size int64) s3backend.Object {
	s.Helper()
	if err := s.Put(s.Context(), key, s3test.Coded(seed, version, size)); err != nil {
		s.Fatalf("put %q: %v", key, err)
	}
	return s.head(key)
}

// putAll puts empty objects, several at once.
func (s suite) putAll(keys []string) {
	s.Helper()
	g, ctx := errgroup.WithContext(s.Context())
	g.SetLimit(8)
	for _, key := range keys {
		g.Go(func() error {
			if err := s.Put(ctx, key, s3test.Bytes(nil)); err != nil {
				return fmt.Errorf("put %q: %w", key, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		s.Fatal(err)
	}
}

func (s suite) remove(key string) {
	s.Helper()
	if err := s.Delete(s.Context(), key); err != nil {
		s.Fatalf("delete %q: %v", key, err)
	}
}

func (s suite) head(key string) s3backend.Object {
	s.Helper()
	obj, err := s.Bucket.Head(s.Context(), key)
	if err != nil {
		s.Fatalf("head %q: %v", key, err)
	}
	return obj
}

// read returns the range, which has to be there.
func (s suite) read(obj s3backend.Object, off, n int64) ([]byte, error) {
	body, err := s.Bucket.Open(s.Context(), obj, off, n)
	if err != nil {
		return nil, err
	}
	p, err := io.ReadAll(body)
	return p, errors.Join(err, body.Close())
}

// check reads the range and compares it with the coded bytes.
func (s suite) check(obj s3backend.Object, seed, version uint32, off, n int64) error {
	p, err := s.read(obj, off, n)
	if err != nil {
		return err
	}
	if int64(len(p)) != n {
		return fmt.Errorf("%d bytes from %d, want %d", len(p), off, n)
	}
	return s3test.CheckCoded(p, off, seed, version)
}

// wantError compares an error with the contract: the right kind, in an OpError
// that says what was being done to which key.
func (s suite) wantError(err, want error, key string, ops ...string) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("error %v, want %v", err, want)
		return
	}
	op := new(s3backend.OpError)
	if !errors.As(err, &op) {
		s.Errorf("%v is no OpError", err)
		return
	}
	for _, name := range ops {
		if op.Op == name && op.Key == key {
			return
		}
	}
	s.Errorf("OpError of %q %q, want %q %q", op.Op, op.Key, ops, key)
}

// span is a random range of an object of a size.
func span(r *rand.Rand, size int64) (off, n int64) {
	off = r.Int64N(size)
	return off, 1 + r.Int64N(size-off)
}
