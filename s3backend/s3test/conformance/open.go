package conformance

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"testing/iotest"

	"golang.org/x/sync/errgroup"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func testOpenRanges(s suite) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, size := range []int64{1, 15, 1023, 1024, 1025, 1<<20 - 1, 1 << 20, 1<<20 + 1} {
		obj := s.put("k", 1, uint32(size), size)
		try := func(off, n int64) {
			if err := s.check(obj, 1, uint32(size), off, n); err != nil {
				s.Errorf("size %d, %d bytes from %d: %v", size, n, off, err)
			}
		}
		try(0, size)
		try(0, 1)
		try(size-1, 1)
		for range 10 {
			try(span(random, size))
		}
	}
}

func testOpenInvalid(s suite) {
	obj := s.put("k", 1, 1, 100)
	empty := s.put("empty", 1, 1, 0)
	before := 0
	if s.Requests != nil {
		before = s.Requests()
	}
	for _, tt := range []struct {
		obj    s3backend.Object
		off, n int64
	}{
		{obj, -1, 1}, {obj, 0, 0}, {obj, 0, -1}, {obj, 100, 1}, {obj, 99, 2}, {obj, 0, 101},
		{obj, math.MaxInt64, 1}, {obj, 1, math.MaxInt64}, {obj, math.MaxInt64, math.MaxInt64}, {obj, math.MinInt64, 1},
		{empty, 0, 1}, {empty, 0, 0},
	} {
		_, err := s.Bucket.Open(s.Context(), tt.obj, tt.off, tt.n)
		s.wantError(err, fs.ErrInvalid, tt.obj.Key, "open")
	}
	if s.Requests != nil && s.Requests() != before {
		s.Errorf("%d requests for what is invalid", s.Requests()-before)
	}
}

func testOpenSmallReads(s suite) {
	obj := s.put("k", 1, 1, 3000)
	body, err := s.Bucket.Open(s.Context(), obj, 1000, 1500)
	if err != nil {
		s.Fatal(err)
	}
	defer body.Close()
	p, err := io.ReadAll(iotest.OneByteReader(body))
	if err != nil || len(p) != 1500 {
		s.Fatalf("%d bytes, %v", len(p), err)
	}
	if err := s3test.CheckCoded(p, 1000, 1, 1); err != nil {
		s.Error(err)
	}
	for range 2 {
		if n, err := body.Read(make([]byte, 10)); n != 0 || err != io.EOF {
			s.Errorf("%d bytes, %v at the end", n, err)
		}
	}
}

func testOpenArchived(s suite) {
	if s.Archive == nil {
		return // such a store has no sentence to prove
	}
	if err := s.Archive(s.Context(), "k", s3test.Coded(1, 1, 100)); err != nil {
		s.Fatal(err)
	}
	obj := s.head("k")
	if !obj.Archived() || obj.Size != 100 || !s.list("", 0)["k"].Object.Archived() {
		s.Errorf("%+v is not archived", obj)
	}
	_, err := s.read(obj, 0, 100)
	s.wantError(err, s3backend.ErrArchived, "k", "open", "read")
}

func testOpenCancelled(s suite) {
	obj := s.put("k", 1, 1, 4<<20)
	ctx, cancel := context.WithCancel(s.Context())
	body, err := s.Bucket.Open(ctx, obj, 0, obj.Size)
	if err != nil {
		s.Fatal(err)
	}
	defer body.Close()
	p := make([]byte, 1000)
	if _, err := io.ReadFull(body, p); err != nil || s3test.CheckCoded(p, 0, 1, 1) != nil {
		s.Fatalf("before the end: %v", err)
	}
	cancel()
	for range 2 {
		_, err = body.Read(p)
		s.wantError(err, context.Canceled, "k", "open", "read")
	}
	_, err = s.Bucket.Open(ctx, obj, 0, 1)
	s.wantError(err, context.Canceled, "k", "open")
	_, err = s.Bucket.Head(ctx, "k")
	s.wantError(err, context.Canceled, "k", "head")
}

func testOpenClosed(s suite) {
	obj := s.put("k", 1, 1, 4<<20)
	for _, read := range []int64{0, 1000, obj.Size} {
		body, err := s.Bucket.Open(s.Context(), obj, 0, obj.Size)
		if err != nil {
			s.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, body, read); err != nil {
			s.Fatal(err)
		}
		if err := body.Close(); err != nil {
			s.Errorf("closed after %d bytes: %v", read, err)
		}
		if n, err := body.Read(make([]byte, 10)); n != 0 || err == nil || err == io.EOF && read < obj.Size {
			s.Errorf("closed after %d bytes: then %d more and %v", read, n, err)
		}
		if err := body.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			s.Errorf("closed twice: %v", err)
		}
	}
	// Close ends a Read that is going on.
	body, err := s.Bucket.Open(s.Context(), obj, 0, obj.Size)
	if err != nil {
		s.Fatal(err)
	}
	var g errgroup.Group
	var n int64
	g.Go(func() error {
		n, err = io.Copy(io.Discard, body)
		return nil
	})
	if err := body.Close(); err != nil {
		s.Error(err)
	}
	_ = g.Wait() // the function returns nil
	if err == nil && n < obj.Size {
		s.Errorf("a read that Close ended in the middle, after %d bytes, looks whole", n)
	}
}

func testOpenConcurrent(s suite) {
	const size = 200_000
	objects := make([]s3backend.Object, 4)
	for i := range objects {
		objects[i] = s.put(string(rune('a'+i)), uint32(i), 1, size)
	}
	var g errgroup.Group
	for worker := range uint64(16) {
		g.Go(func() error {
			random := rand.New(rand.NewPCG(worker, 2))
			for range 8 {
				i := random.IntN(len(objects))
				off, n := span(random, size)
				if err := s.check(objects[i], uint32(i), 1, off, n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		s.Error(err)
	}
}
