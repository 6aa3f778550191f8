package prefetch

import (
	"container/list"
	"sync"
	"time"
)

// shares is the files whose streams have asked for something ahead of their readers:
// they share the window. One that nobody has read for stealTime does not count, or
// hundreds that are held open, of which the head was read, would leave nothing for the
// one that is read. The zero value is empty; all methods may be called concurrently.
type shares struct {
	mu      sync.Mutex // guards what follows, and file.share
	byUse   list.List  // of *share, the latest read first
	streams int        // of all of them
}

// share is a file's part.
type share struct {
	file    *file
	streams int
	used    time.Time
}

// take notes how many streams of f ask for something; it is read now.
func (s *shares) take(f *file, streams int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case streams == 0:
		s.removeLocked(f)
		return
	case f.share == nil:
		f.share = s.byUse.PushFront(&share{file: f})
	default:
		s.byUse.MoveToFront(f.share)
	}
	own := f.share.Value.(*share)
	s.streams += streams - own.streams
	own.streams, own.used = streams, now
}

// others returns how many streams there are of other files than f, which may be nil.
func (s *shares) others(f *file, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.byUse.Back(); e != nil && now.Sub(e.Value.(*share).used) > stealTime; e = s.byUse.Back() {
		s.removeLocked(e.Value.(*share).file)
	}
	if f == nil || f.share == nil {
		return s.streams
	}
	return s.streams - f.share.Value.(*share).streams
}

func (s *shares) removeLocked(f *file) {
	if f.share != nil {
		s.streams -= s.byUse.Remove(f.share).(*share).streams
		f.share = nil
	}
}
