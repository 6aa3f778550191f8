package main

import "time"

// outcome is what readers did.
type outcome struct {
	Bytes   int64
	Ops     int
	Blocks  int64 // different blocks of 1 MiB that were read from
	Seconds float64
	// P50 and P99 of an operation, in milliseconds.
	P50, P99 float64
	Sum      uint32 // CRC-32C of what was read, where the job asks for it
	// Peak is the largest resident size of a process that reads without a mount. Not
	// ru_maxrss, which begins with that of the process that started it.
	Peak int64
	// ReaderCPU is what the readers took; those in this process are not counted.
	ReaderCPU time.Duration
}

// blockSize is that of the cache's blocks.
const blockSize = 1 << 20

// join is the outcome of processes that ran at once: the time is that of the slowest, and
// so are the percentiles, as those of all together cannot be had from them. The sum is the
// last one's: one process asks for it.
func join(all []outcome) outcome {
	var sum outcome
	for _, o := range all {
		sum.Bytes += o.Bytes
		sum.Ops += o.Ops
		sum.Blocks += o.Blocks
		sum.Seconds = max(sum.Seconds, o.Seconds)
		sum.P50, sum.P99 = max(sum.P50, o.P50), max(sum.P99, o.P99)
		sum.Sum = o.Sum
		sum.ReaderCPU += o.ReaderCPU
	}
	return sum
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
