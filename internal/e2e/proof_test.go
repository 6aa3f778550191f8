package e2e_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// putWith is put with what the store keeps of the object beside its bytes.
func (s *stand) putWith(key string, size int64, o s3test.PutOptions) file {
	f := s.put(key, size)
	s.bucket.PutWith(key, f.content, o)
	return f
}

// proved returns what the mount says of f.
func (f file) proved(t testing.TB) string {
	t.Helper()
	var buf [128]byte
	n, err := unix.Getxattr(f.path(), "user.zs3fs.proved", buf[:])
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// asked returns the number of requests for nothing but f's checksum.
func (f file) asked() int {
	return len(f.s.server.Requests(func(r s3test.Request) bool {
		return r.Op == s3test.OpHead && r.Key == f.key && r.Header.Get("x-amz-checksum-mode") != ""
	}))
}

// TestProof: what has been cached whole is compared with what the store keeps of
// it, also after a restart, and a small file without a request of its own.
func TestProof(t *testing.T) {
	s := newStand(t)
	const crc, md5, none = "proved (CRC64NVME)", "proved (MD5)", "unprovable"
	files := map[string][]file{
		crc: {s.put("byte", 1), s.put("block", mib), s.put("large", 37*mib+11),
			s.putWith("kms", 3*mib, s3test.PutOptions{MD5: true, Encryption: "aws:kms"})},
		md5: {s.putWith("md5", 5*mib+1, s3test.PutOptions{MD5: true, NoChecksum: true})},
		none: {s.putWith("old", 100, s3test.PutOptions{NoChecksum: true}), s.putWith("parts", 2*mib, s3test.PutOptions{Composite: true}),
			s.putWith("old-kms", 9*mib, s3test.PutOptions{MD5: true, NoChecksum: true, Encryption: "aws:kms"})},
	}
	check := func() {
		t.Helper()
		for want, some := range files {
			for _, f := range some {
				cacheWhole(t, f)
				eventually(t, f.key+" is compared", func() bool { return strings.HasPrefix(f.proved(t), want) })
			}
		}
	}
	d := s.mount()
	check()
	if f := files[crc][1]; f.asked() != 0 {
		t.Errorf("%d requests for the checksum of one block", f.asked())
	}
	if f := files[crc][2]; f.asked() != 1 {
		t.Errorf("%d requests for the checksum of a large object", f.asked())
	}
	if strings.Contains(d.log.String(), "level=ERROR") {
		t.Error("errors in the log")
	}
	d.unmount()
	s.server.Reset()
	s.mount()
	check()
	for _, some := range files {
		for _, f := range some {
			if n := s.gets(f.key) + f.asked(); n != 0 {
				t.Errorf("%d requests for %s after a restart", n, f.key)
			}
		}
	}
}

// TestFaultF11WrongBody: the server sends other bytes under the right ETag, or one
// bit is flipped on the way (F30). No single answer shows it; the whole does, and is
// fetched again, also where the kernel has kept pages of it.
func TestFaultF11WrongBody(t *testing.T) {
	for name, tt := range map[string]struct {
		size  int64
		match s3test.Match
		do    s3test.Action
	}{
		"all":       {mib / 2, s3test.Match{}, s3test.BodyOf(s3test.Coded(99, 1, mib))},
		"one range": {20*mib + 5, s3test.Match{From: 9 * mib, To: 10 * mib}, s3test.BodyOf(s3test.Coded(99, 1, 20*mib+5))},
		"one bit":   {20*mib + 5, s3test.Match{From: 9 * mib, To: 10 * mib}, s3test.FlipBit(777)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			f, m := s.put("f", tt.size), tt.match
			d := s.mount()
			m.Times = 1
			m.Op = s3test.OpGet
			fault := s.server.Inject(s3test.Fault{Match: m, Do: tt.do})
			h := f.open(t, 0)
			for off := int64(0); off < f.size; off += mib {
				p := make([]byte, min(mib, f.size-off))
				if _, err := pread(h, p, off); err != nil {
					t.Fatal(err)
				}
			}
			if fault.Hits() != 1 {
				t.Fatalf("%d answers were wrong", fault.Hits())
			}
			eventually(t, "it is noticed", func() bool {
				return strings.Contains(d.log.String(), "does not have the object's checksum")
			})
			f.verify(t)
			cacheWhole(t, f)
			eventually(t, "it is proved", func() bool { return f.proved(t) == "proved (CRC64NVME)" })
			if v := f.job("mmap").must(t); v.SHA256 != f.sha256() {
				t.Errorf("sha256 %s, want %s", v.SHA256, f.sha256())
			}
		})
	}
}

// TestFaultF11NeverTheObject: what the server sends is never what it says that the
// object is. EIO after the second time, with a line in the log, for this version
// and for nothing else.
func TestFaultF11NeverTheObject(t *testing.T) {
	s := newStand(t)
	good := s.put("good", mib)
	bad := s.putWith("bad", 12*mib+3, s3test.PutOptions{ChecksumOf: s3test.Coded(98, 1, 12*mib+3)})
	d := s.mount()
	read := func() error {
		h := bad.open(t, unix.O_DIRECT)
		defer h.Close()
		for off := int64(0); off < bad.size; off += mib {
			if err := bad.readAt(h, off, mib); err != nil {
				return err
			}
		}
		return nil
	}
	eventually(t, "reads fail", func() bool {
		err := read()
		if err != nil && !errors.Is(err, unix.EIO) {
			t.Fatalf("%v, want EIO", err)
		}
		return err != nil
	})
	for range 3 {
		if err := read(); !errors.Is(err, unix.EIO) {
			t.Errorf("%v, want EIO", err)
		}
	}
	if n := strings.Count(d.log.String(), "does not have the object's checksum"); n != 2 {
		t.Errorf("%d lines in the log, want 2", n)
	}
	good.verify(t)
	bad = s.overwrite(bad, bad.size)
	eventually(t, "the next version is read", func() bool { return bad.job("direct").run(t).Error == "" })
	bad.verify(t)
}
