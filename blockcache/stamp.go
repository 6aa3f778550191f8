package blockcache

import "golang.org/x/sys/unix"

// stamp is what a data file's inode said when nobody of us was writing to it.
// Short ranges of verified blocks are read without comparing the whole block
// again; that is right only as long as nobody else has changed the file. A
// change by others shows in the time of modification, except while we write
// to the same file ourselves.
type stamp struct {
	known  bool
	mtime  unix.Timespec
	size   int64
	writes uint64 // our own writes before it
}

// beginWriteLocked and endWriteLocked enclose whatever changes the data file.
func (s *store) beginWriteLocked() { s.writing++ }

func (s *store) endWriteLocked() {
	s.writing--
	s.writes++
}

// noticeLocked compares the inode as it was after a read with the stamp; writes
// is s.writes as it was before the read. When somebody else has changed the file
// nothing is verified any more, the read is void, and it returns true.
func (s *store) noticeLocked(st *unix.Stat_t, writes uint64) bool {
	if s.writing > 0 || s.writes != writes {
		return false
	}
	now := stamp{true, st.Mtim, st.Size, writes}
	foreign := s.stamp.known && s.stamp.writes == writes && s.stamp != now
	s.stamp = now
	if foreign {
		s.gen++
		for _, p := range s.pages {
			clear(p.verified[:])
		}
	}
	return foreign
}
