package conformance

import (
	"context"
	"crypto/md5"
	"io"
	"io/fs"

	"github.com/minio/crc64nvme"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// checksummer is the bucket's optional part: every store that the suite runs on
// has it, so a Bucket without is one that lost it.
func (s suite) checksummer() s3backend.Checksummer {
	s.Helper()
	c, ok := s.Bucket.(s3backend.Checksummer)
	if !ok {
		s.Fatalf("%T is no Checksummer", s.Bucket)
	}
	return c
}

// wantChecksum compares with the bytes: of a store that keeps CRC64NVME.
func (s suite) wantChecksum(got s3backend.Checksum, c s3test.Content) {
	s.Helper()
	crc, sum := crc64nvme.New(), md5.New()
	if _, err := io.Copy(io.MultiWriter(crc, sum), io.NewSectionReader(c, 0, c.Size())); err != nil {
		s.Fatal(err)
	}
	if !got.HasCRC || got.CRC64NVME != crc.Sum64() {
		s.Errorf("%d bytes: CRC %t %#x, want %#x", c.Size(), got.HasCRC, got.CRC64NVME, crc.Sum64())
	}
	if got.HasMD5 && got.MD5 != [16]byte(sum.Sum(nil)) {
		s.Errorf("%d bytes: MD5 %x, want %x", c.Size(), got.MD5, sum.Sum(nil))
	}
}

func testChecksum(s suite) {
	c := s.checksummer()
	for _, size := range []int64{0, 1, 100, 1<<20 + 1} {
		for _, content := range []s3test.Content{s3test.Coded(1, 1, size), s3test.Bytes(make([]byte, size))} {
			if err := s.Put(s.Context(), "dir/k", content); err != nil {
				s.Fatal(err)
			}
			got, err := c.Checksum(s.Context(), s.head("dir/k"))
			if err != nil {
				s.Fatalf("size %d: %v", size, err)
			}
			s.wantChecksum(got, content)
		}
	}
	before := s.requests()
	_, err := c.Checksum(s.Context(), s3backend.Object{})
	s.wantError(err, fs.ErrInvalid, "", "checksum")
	if n := s.requests() - before; n > 0 {
		s.Errorf("%d requests for what is invalid", n)
	}
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	_, err = c.Checksum(ctx, s.head("dir/k"))
	s.wantError(err, context.Canceled, "dir/k", "checksum")
}

func testChecksumOfVersions(s suite) {
	c := s.checksummer()
	// wantGone: like wantOld, for the checksum.
	wantGone := func(old s3backend.Object, version uint32) {
		s.Helper()
		if s.Versioned {
			for _, id := range []string{old.VersionID, ""} {
				old.VersionID = id
				got, err := c.Checksum(s.Context(), old)
				if err != nil {
					s.Fatalf("version %q: %v", id, err)
				}
				s.wantChecksum(got, s3test.Coded(1, version, old.Size))
			}
			old.ETag = neverPut
		}
		_, err := c.Checksum(s.Context(), old)
		s.wantError(err, s3backend.ErrChanged, old.Key, "checksum")
	}
	old := s.put("k", 1, 1, 1000)
	next := s.put("k", 1, 2, 1000)
	wantGone(old, 1)
	listed := s.list("", 0)["k"].Object
	got, err := c.Checksum(s.Context(), listed)
	if err != nil {
		s.Fatal(err)
	}
	s.wantChecksum(got, s3test.Coded(1, 2, 1000))
	longer := listed
	longer.Size++
	_, err = c.Checksum(s.Context(), longer)
	s.wantError(err, s3backend.ErrChanged, "k", "checksum")
	s.remove("k")
	wantGone(next, 2)
}

// testChecksumOfBodies: the answer with a whole object names its checksum, that
// with a part of it none.
func testChecksumOfBodies(s suite) {
	const size = 100_000
	obj := s.put("k", 1, 1, size)
	before := s.requests()
	for _, r := range []struct {
		off, n int64
		known  bool
	}{{0, size, true}, {0, size - 1, false}, {1, size - 1, false}} {
		body, err := s.Bucket.Open(s.Context(), obj, r.off, r.n)
		if err != nil {
			s.Fatal(err)
		}
		summed, ok := body.(s3backend.ChecksummedBody)
		if !ok {
			s.Fatalf("%T has no Checksum", body)
		}
		got, known := summed.Checksum()
		if known != r.known {
			s.Errorf("%d bytes from %d: checksum known: %t", r.n, r.off, known)
		}
		if known {
			s.wantChecksum(got, s3test.Coded(1, 1, size))
		}
		p, err := io.ReadAll(body)
		if err != nil || int64(len(p)) != r.n {
			s.Errorf("%d bytes, %v", len(p), err)
		}
		if err := s3test.CheckCoded(p, r.off, 1, 1); err != nil {
			s.Error(err)
		}
		if err := body.Close(); err != nil {
			s.Error(err)
		}
		if again, still := summed.Checksum(); again != got || still != known {
			s.Error("another checksum after the body's end")
		}
	}
	if n := s.requests() - before; s.Requests != nil && n != 3 {
		s.Errorf("%d requests for 3 bodies", n)
	}
}

// requests is the number of requests made so far; 0 if nobody counts.
func (s suite) requests() int {
	if s.Requests == nil {
		return 0
	}
	return s.Requests()
}
