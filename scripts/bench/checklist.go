package main

import "fmt"

// line is a part of one of the ten figures that a run is to show; measure says what
// came of it, and whether enough was measured to say so.
type line struct {
	no      int
	what    string
	measure func(f facts) (check, bool)
}

const (
	seqName         = "seq"
	interleavedName = "interleaved"
	fuseName        = "fuse"
)

// checklist are the ten figures, in the first profile.
func checklist() []line {
	var all []line
	for _, part := range [][]line{streamFigures(), latencyFigures(), smallFigures(), otherFigures()} {
		all = append(all, part...)
	}
	return all
}

func streamFigures() []line {
	return []line{
		{1, "sequential, of bare+write", func(f facts) (check, bool) {
			part, ok := f.ratio(seqName, zs3fsName, seqName, bareWriteName, sample.speed)
			return atLeast(0.6, part, "(aim 0.75)"), ok
		}},
		{1, "sequential, to the fastest other mount", func(f facts) (check, bool) { return f.faster(seqName, 1.8) }},
		{1, "sequential, GETs", func(f facts) (check, bool) {
			s, ok := f.zs3fs(seqName)
			return atMost(float64(f.d.size/bareRequest+8), float64(s.Gets), "(size / 8 MiB + 8)"), ok
		}},
		{1, "sequential, fetched / read", func(f facts) (check, bool) { return f.fetched(seqName, 1.01) }},
		{2, "4 interleaved, of sequential", func(f facts) (check, bool) {
			part, ok := f.ratio(interleavedName, zs3fsName, seqName, zs3fsName, sample.speed)
			return atLeast(0.8, part, ""), ok
		}},
		{2, "4 interleaved, fetched / read", func(f facts) (check, bool) { return f.fetched(interleavedName, 1.1) }},
	}
}

func latencyFigures() []line {
	return []line{
		{3, "random 64 KiB, p50 ms", func(f facts) (check, bool) {
			s, ok := f.zs3fs("random-64K")
			return atMost(1.2*(milliseconds(f.p.Latency)+1000*blockSize/float64(f.p.Rate)), s.P50, "(1.2 x (latency + 1 MiB))"), ok
		}},
		{3, "random 64 KiB, blocks fetched", func(f facts) (check, bool) {
			s, ok := f.zs3fs("random-64K")
			return atMost(float64(s.Blocks), float64(s.Counts.Bytes)/blockSize, "(blocks read from)"), ok
		}},
		{4, "first byte, requests a file", func(f facts) (check, bool) {
			s, ok := f.zs3fs("first-byte")
			return atMost(1, float64(s.Gets+s.Heads+s.Lists+s.Others)/float64(max(s.Ops, 1)), ""), ok
		}},
		{4, "first byte, p50 to the server's own (bare)", func(f facts) (check, bool) {
			part, ok := f.ratio("first-byte", zs3fsName, "first-byte", bareName, func(s sample) float64 { return s.P50 })
			return atMost(1.15, part, ""), ok
		}},
		{5, "largest peak of resident memory, default options, MiB", func(f facts) (check, bool) {
			peak, pattern := f.peak()
			c := atMost(256, float64(peak)/(1<<20), "")
			c.measured += " (" + pattern + ")"
			return c, peak > 0
		}},
		{5, "with --memory-limit 64MiB, of sequential", func(f facts) (check, bool) {
			part, ok := f.ratio("64MiB", zs3fsName, seqName, zs3fsName, sample.speed)
			return atLeast(0.7, part, ""), ok
		}},
	}
}

func smallFigures() []line {
	return []line{
		{6, "1,000 files by 16, to the fastest other mount", func(f facts) (check, bool) { return f.faster("small-x16", 1.2) }},
		{6, "1,000 files by one in order, to the fastest other mount", func(f facts) (check, bool) { return f.faster("small-in-order", 10) }},
		{6, "1,000 files by one in order, fetched / read", func(f facts) (check, bool) { return f.fetched("small-in-order", 1.05) }},
		{6, "in random order, guesses after the first misses", func(f facts) (check, bool) {
			s, ok := f.zs3fs("small-random")
			return atMost(fewMisses, float64(s.Gets-s.Ops), "GETs more than files"), ok
		}},
		{6, "16 streams, of one", func(f facts) (check, bool) {
			part, ok := f.ratio("16-streams", zs3fsName, seqName, zs3fsName, sample.speed)
			return atLeast(1, part, ""), ok
		}},
	}
}

// fewMisses are the files that may be guessed before it shows that nobody wants them.
const fewMisses = 8

func otherFigures() []line {
	return []line{
		{7, "sequential, daemon CPU s/GB to bare+write", func(f facts) (check, bool) {
			part, ok := f.ratio(seqName, zs3fsName, seqName, bareWriteName, sample.cpuPerGB)
			return atMost(1.8, part, ""), ok
		}},
		{8, "faults, right bytes, of sequential", func(f facts) (check, bool) {
			if m := f.r.all[f.key("faults", zs3fsName)]; m != nil && m.err != nil {
				return check{"right bytes", m.err.Error(), false}, true
			}
			part, ok := f.ratio("faults", zs3fsName, seqName, zs3fsName, sample.speed)
			c := atLeast(0.6, part, "")
			s, _ := f.zs3fs("faults")
			c.measured += fmt.Sprintf(" (%d faults)", s.Faulty)
			return c, ok
		}},
		{9, "DuckDB, fetched to the blocks of the columns", func(f facts) (check, bool) {
			s, ok := f.zs3fs("duckdb")
			return atMost(1.3, float64(s.Counts.Bytes)/float64(max(s.Blocks, 1)*blockSize), ""), ok
		}},
		{9, "DuckDB, to the fastest other mount", func(f facts) (check, bool) { return f.faster("duckdb", 1) }},
		{10, "read 10 %, MiB fetched beyond", func(f facts) (check, bool) {
			s, ok := f.zs3fs("read-10%")
			return atMost(window>>20, float64(s.Counts.Bytes-s.outcome.Bytes)/(1<<20), "(one window)"), ok
		}},
	}
}

// window is the most that is read ahead of a reader: a quarter more than the memory
// limit's default.
const window = 200 << 20
