package prefetch

// rows are which row groups of a Parquet file are read, one after another: every so many-th.
type rows struct {
	step int32 // how far apart they are, 1 where all are read
	row  int   // how many of them, the latest, came a step after another
	head bool  // the first one of the file is read
}

// Who reads every so many-th row group is followed up to this distance.
const maxStep = 16

// enter notes that a row group is read, one behind others if late; before reports whether
// the one so far before it was.
func (r *rows) enter(group int32, late bool, before func(step int32) bool) {
	step := int32(1)
	for step < min(maxStep, group) && !before(step) {
		step++
	}
	switch {
	case !before(step) && late: // by a slower thread
		return
	case !before(step):
		step, r.row = 1, 0
	case step == r.step:
		r.row++
	case step == 1:
		r.row = 1
	default:
		r.row = 0
	}
	r.step = step
}

// follow reports whether a row group is one of those that are read after the given one.
func (r rows) follow(group, next int32) bool {
	return next == group || r.row > 0 && (next-group)%r.step == 0
}

// horizon is the last row group in which chunks are fetched ahead of a reader of the given
// one: none beyond his own until he has come from one a step before; then two more steps, and
// twice as many each time (one more: 5 % slower).
func (r rows) horizon(group int32) int32 {
	if r.row == 0 {
		return group
	}
	return group + r.step<<min(r.row, 5)
}
