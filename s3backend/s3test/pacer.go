package s3test

import "time"

// chunkSize is the most bytes of one write: large enough for few system calls and
// few timers (at 80 MB/s one in 3 ms), small enough to look like a stream.
const chunkSize = 256 << 10

// firstChunk begins a paced body, so that its first bytes do not wait for a large
// chunk to fall due; the next chunks double.
const firstChunk = 16 << 10

// pacer is the schedule of one body. It is absolute: the byte after n bytes falls
// due at n/rate from the start, however late earlier sleeps woke up. It begins
// anew when the rate changes. A pure value.
type pacer struct {
	rate  int64 // bytes/s, 0 is unlimited
	start time.Time
	sent  int64 // since start
	chunk int64
}

// next returns how many of the left bytes to send next, and when.
func (p *pacer) next(now time.Time, rate, left int64) (n int64, due time.Time) {
	if rate != p.rate || p.start.IsZero() {
		*p = pacer{rate: rate, start: now, chunk: firstChunk}
	}
	if rate <= 0 {
		return min(left, chunkSize), now
	}
	// A slow rate sends what falls due in about 20 ms.
	n = max(min(left, p.chunk, rate/50), min(left, 1))
	p.chunk = min(2*p.chunk, chunkSize)
	p.sent += n
	// In two steps, so that nothing overflows.
	whole, rest := p.sent/rate, p.sent%rate
	return n, p.start.Add(time.Duration(whole)*time.Second + time.Duration(float64(rest)/float64(rate)*float64(time.Second)))
}
