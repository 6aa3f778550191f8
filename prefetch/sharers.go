package prefetch

import (
	"container/list"
	"sync"
	"time"
)

// sharers is the files whose streams have asked for something ahead of their readers:
// they share the window. One that nobody has read for stealTime does not count, or
// hundreds that are held open, of which the head was read, would leave nothing for the
// one that is read. The zero value is empty; all methods may be called concurrently.
type sharers struct {
	mu      sync.Mutex // guards what follows, and file.sharer
	byUse   list.List  // of *sharer, the latest read first
	streams int        // of all of them
}

// sharer is a file's part.
type sharer struct {
	file    *file
	streams int
	used    time.Time
}

// take notes how many streams of f ask for something; it is read now.
func (s *sharers) take(f *file, streams int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case streams == 0:
		s.removeLocked(f)
		return
	case f.sharer == nil:
		f.sharer = s.byUse.PushFront(&sharer{file: f})
	default:
		s.byUse.MoveToFront(f.sharer)
	}
	own := f.sharer.Value.(*sharer)
	s.streams += streams - own.streams
	own.streams, own.used = streams, now
}

// others returns how many streams there are of other files than f, which may be nil.
func (s *sharers) others(f *file, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.byUse.Back(); e != nil && now.Sub(e.Value.(*sharer).used) > stealTime; e = s.byUse.Back() {
		s.removeLocked(e.Value.(*sharer).file)
	}
	if f == nil || f.sharer == nil {
		return s.streams
	}
	return s.streams - f.sharer.Value.(*sharer).streams
}

func (s *sharers) removeLocked(f *file) {
	if f.sharer != nil {
		s.streams -= s.byUse.Remove(f.sharer).(*sharer).streams
		f.sharer = nil
	}
}
