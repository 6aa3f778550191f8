package main

import "time"

// profile is a network.
type profile struct {
	Name string
	What string
	// Latency to the first byte of an answer, evenly spread by Jitter both ways.
	Latency, Jitter time.Duration
	Rate            int64 // bytes/s of a connection; 0: unlimited
	TLS             bool
}

// profiles are the networks that are measured. The first is that of the figures and of the whole table.
func profiles() []profile {
	const region, far = 20 * time.Millisecond, 100 * time.Millisecond
	return []profile{
		{Name: "region", What: "20 ms, 80 MB/s a connection", Latency: region, Rate: 80e6},
		{Name: "none", What: "unshaped"},
		{Name: "far", What: "100 ms +- 50 ms, 50 MB/s a connection", Latency: far, Jitter: 50 * time.Millisecond, Rate: 50e6},
		{Name: "tls", What: "20 ms, 80 MB/s a connection, TLS", Latency: region, Rate: 80e6, TLS: true},
	}
}
