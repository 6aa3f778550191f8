package main

import (
	"log/slog"
	"time"
)

// limitsEvery is how often the file system is asked for its size.
const limitsEvery = 30 * time.Second

// followLimits keeps --cache-size and --cache-min-free, where they are shares, true to a
// file system whose size changes: a quota was set, or the pool has grown or filled. set is
// called with the new budget and what to leave free, until the caller's Close.
func followLimits(o *cacheOptions, size int64, set func(budget, minFree int64), log *slog.Logger) *periodic {
	share, minFree, dir := o.Size, o.MinFree, o.Dir
	seen := newSizes(size)
	return every(limitsEvery, func() {
		v, err := volumeOf(dir)
		if err != nil {
			return // a disk that fails is the cache's own to deal with
		}
		if size, changed := seen.add(v.size); changed {
			log.Info("the cache's file system has another size: the limits follow",
				"size", size, "cache-size", share.of(size), "cache-min-free", minFree.of(size))
			set(share.of(size), minFree.of(size))
		}
	})
}

// sizes decide when a file system has another size. On ZFS it dips when much is
// freed: that is given back two transaction groups, ten seconds or more, after it
// left the books. So it is taken as smaller only when it was so three times in a
// row, and not for changes below a hundredth, which every write nearby makes.
type sizes struct {
	now  int64
	last [3]int64
}

func newSizes(size int64) *sizes { return &sizes{now: size, last: [3]int64{size, size, size}} }

// add takes a sample and returns the size to go by, and whether it is a new one. A
// size of 0 is none.
func (s *sizes) add(sample int64) (size int64, changed bool) {
	if sample <= 0 {
		return s.now, false
	}
	s.last = [3]int64{s.last[1], s.last[2], sample}
	size = max(s.last[0], s.last[1], s.last[2])
	if diff := max(size-s.now, s.now-size); diff == 0 || diff < s.now/100 {
		return s.now, false
	}
	s.now = size
	return size, true
}
