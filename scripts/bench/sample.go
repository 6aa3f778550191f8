package main

import "time"

// sample is one measured run of one tool.
type sample struct {
	outcome
	Counts
	cpu  time.Duration // of the daemon, or of the bare client
	peak int64         // its largest resident size
	// again is the second pass of a walk, nil without one.
	again *pass
}

// speed is in bytes/s.
func (s sample) speed() float64 { return float64(s.outcome.Bytes) / s.Seconds }

// amplification is the bytes fetched per byte read.
func (s sample) amplification() float64 {
	return float64(s.Counts.Bytes) / float64(s.outcome.Bytes)
}

func (s sample) gigabytes() float64 { return float64(s.outcome.Bytes) / 1e9 }

// cpuPerGB is in seconds.
func (s sample) cpuPerGB() float64 { return s.cpu.Seconds() / s.gigabytes() }
