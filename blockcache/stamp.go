package blockcache

import (
	"sync"

	"golang.org/x/sys/unix"
)

// stamp is what a data file's inode said when nobody of us was writing to it.
// Short ranges of verified blocks are read without comparing the whole block
// again, and whole ones are read by the kernel without us; that is right only as
// long as nobody else has changed the file. A change by others shows in its ctime,
// except while we write to the same file ourselves.
type stamp struct {
	known  bool
	state  fileState
	size   int64
	writes uint64 // our own writes before it
}

// beginWriteLocked and endWriteLocked enclose whatever changes the data file. st is
// the inode after the change, nil when it is not known.
func (s *store) beginWriteLocked() {
	if s.writing == 0 {
		s.stamp = stamp{known: true}
	}
	s.writing++
}

func (s *store) endWriteLocked(st *unix.Stat_t) {
	s.writing--
	s.writes++
	switch {
	case st == nil:
		s.stamp.known = false
	case st.Ctim.Nano() >= s.stamp.state.ctime: // the latest of several at once
		s.stamp.state, s.stamp.size = stateOf(st), st.Size
	}
	s.stamp.writes = s.writes
}

// look notices a change by others before a write of ours would hide it.
func (s *store) look(mu *sync.Mutex, f files) {
	mu.Lock()
	writes := s.writes
	mu.Unlock()
	var st unix.Stat_t
	if unix.Fstat(f.data, &st) != nil {
		return // the write will fail, too
	}
	mu.Lock()
	defer mu.Unlock()
	if s.files == f {
		s.noticeLocked(&st, writes)
	}
}

// statData returns the inode of the data; nil when it cannot be had.
func (f files) statData() *unix.Stat_t {
	st := new(unix.Stat_t)
	if unix.Fstat(f.data, st) != nil {
		return nil
	}
	return st
}

// noticeLocked compares the inode as it was after a read with the stamp; writes
// is s.writes as it was before the read. When somebody else has changed the file
// nothing is verified any more, the read is void, and it returns true.
func (s *store) noticeLocked(st *unix.Stat_t, writes uint64) bool {
	if s.writing > 0 || s.writes != writes {
		return false
	}
	now := stamp{true, stateOf(st), st.Size, writes}
	foreign := s.stamp.known && s.stamp.writes == writes && s.stamp != now
	s.stamp = now
	if foreign {
		s.distrustLocked()
	}
	return foreign
}
