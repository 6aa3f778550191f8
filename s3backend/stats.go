package s3backend

import "sync/atomic"

// Stats counts since New.
type Stats struct {
	// Gets are requests for bytes, attempts and hedges included.
	Gets int64
	// Hedges are GETs asked again on another connection because they were late, and
	// HedgesWon those of them that were answered first.
	Hedges, HedgesWon int64
	// Resumed are bodies gone on with on another connection: broken, stalled, late.
	Resumed int64
	// Throttled are refusals because of too many requests.
	Throttled int64
	// Outages are the times that the server was found to be away, and Away is whether
	// it is now.
	Outages int64
	Away    bool
}

type counters struct{ resumed, throttled atomic.Int64 }

// Stats returns the counters as of now; it is cheap.
func (c *Client) Stats() Stats {
	c.reach.mu.Lock()
	defer c.reach.mu.Unlock()
	return Stats{
		Outages: c.reach.outages, Away: c.reach.outage.away,
		Gets:   c.hedges.requests.Load(),
		Hedges: c.hedges.made.Load(), HedgesWon: c.hedges.won.Load(),
		Resumed: c.counts.resumed.Load(), Throttled: c.counts.throttled.Load(),
	}
}
