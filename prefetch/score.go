package prefetch

import "math/bits"

// score tells of the latest opens, a bit each, whether the file was ahead in time.
type score uint32

const (
	fullScore = ^score(0)
	// Who is followed well enough is not taken for another: a reader and a stray open
	// now and then, or workers who begin a batch.
	goodScore = 28
	// Who waits for more than half of the files is followed wrongly.
	poorScore = 16
)

// add adds the latest open.
func (s *score) add(useful bool) {
	*s <<= 1
	if useful {
		*s |= 1
	}
}

// hits returns how many files of the latest 32 were ahead in time.
func (s score) hits() int { return bits.OnesCount32(uint32(s)) }
