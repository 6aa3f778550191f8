package model_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/internal/model"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// oneFile is a subject with a file "a" of 100 bytes, which reads as it is told.
type oneFile struct {
	model.Subject
	read    func(p []byte, off int64) (int, error)
	version uint32
}

func (f *oneFile) Put(_ string, version uint32, _ int64) string {
	f.version = version
	return f.etag()
}

func (f *oneFile) etag() string { return fmt.Sprint("version ", f.version) }

func (f *oneFile) Delete(string) {}

func (f *oneFile) Reachable(bool) {}

func (f *oneFile) Open(string, bool) (model.Handle, error) { return f, nil }

func (f *oneFile) Object() model.Object { return model.Object{ETag: f.etag(), Size: 100} }

func (f *oneFile) Read(p []byte, off int64) (int, error) { return f.read(p, off) }

func (f *oneFile) Close() {}

// The bytes of every read are looked at, and their number.
func TestReadsAreJudged(t *testing.T) {
	const pickA = 2 // of "", "-", "a", ...
	steps := []model.Step{{Op: model.Put, Key: "a", Size: 100}, {Op: model.Direct, Pick: pickA}, {Op: model.Read, Size: 49, Off: 10}}
	coded := func(seed, version uint32) func([]byte, int64) (int, error) {
		return func(p []byte, off int64) (int, error) { return s3test.Coded(seed, version, 100).ReadAt(p, off) }
	}
	for name, tt := range map[string]struct {
		read  func(p []byte, off int64) (int, error)
		right bool
	}{
		"right":                    {coded(model.Seed, 1), true},
		"of another version":       {coded(model.Seed, 2), false},
		"of another object":        {coded(model.Seed+1, 1), false},
		"from elsewhere":           {func(p []byte, off int64) (int, error) { return coded(model.Seed, 1)(p, off+1) }, false},
		"too few":                  {func(p []byte, off int64) (int, error) { return coded(model.Seed, 1)(p[1:], off) }, false},
		"stale, though it is not":  {func([]byte, int64) (int, error) { return 0, model.ErrStale }, false},
		"failed, though S3 is not": {func([]byte, int64) (int, error) { return 0, errors.New("broken") }, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &oneFile{read: tt.read}
			teller := model.Teller{
				Judge:  &model.Judge{Record: model.NewRecord(model.Rules{NameMax: 1024}, time.Now()), TTL: time.Minute},
				Bucket: f, Subject: f,
			}
			if err := teller.Tell(steps); (err == nil) != tt.right {
				t.Errorf("%s: %v", name, err)
			}
			if n := teller.Counts.Reads; tt.right && n != 1 {
				t.Errorf("%s: %d reads", name, n)
			}
		})
	}
}
