package main

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestSizes(t *testing.T) {
	s := newSizes(1000)
	for i, c := range []struct {
		sample, size int64
		changed      bool
	}{
		{1000, 1000, false},
		{1009, 1000, false}, // what others do
		{2000, 2000, true},
		{1500, 2000, false}, // ZFS is freeing
		{1500, 2000, false},
		{2000, 2000, false}, // and has freed
		{1500, 2000, false},
		{0, 2000, false}, // no sample
		{1600, 2000, false},
		{1500, 1600, true},
		{1500, 1600, false},
		{1500, 1500, true},
	} {
		if size, changed := s.add(c.sample); size != c.size || changed != c.changed {
			t.Errorf("sample %d, %d: %d %v, want %d %v", i, c.sample, size, changed, c.size, c.changed)
		}
	}
}

// The limits follow a file system that really changes: a tmpfs.
func TestLimitsFollowTheFileSystem(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	resize := func(flags uintptr, mib int64) {
		t.Helper()
		if err := unix.Mount("tmpfs", dir, "tmpfs", flags, fmt.Sprintf("size=%dm", mib)); err != nil {
			t.Fatal(err)
		}
	}
	resize(0, 100)
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	type limit struct{ budget, minFree int64 }
	var got []limit
	synctest.Test(t, func(t *testing.T) {
		v, err := volumeOf(dir)
		if err != nil || v.size != 100<<20 || v.zfs {
			t.Fatalf("%+v, %v", v, err)
		}
		o := &cacheOptions{Dir: dir, Size: shareValue{Percent: 80}, MinFree: shareValue{Bytes: 7}}
		l := followLimits(o, v.size, func(b, m int64) { got = append(got, limit{b, m}) }, slog.New(slog.DiscardHandler))
		time.Sleep(limitsEvery + time.Second)
		resize(unix.MS_REMOUNT, 200)
		time.Sleep(limitsEvery)
		resize(unix.MS_REMOUNT, 50)
		time.Sleep(4 * limitsEvery)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	if want := []limit{{160 << 20, 7}, {40 << 20, 7}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
