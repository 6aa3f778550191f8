package model

// Counts are what a history has seen.
type Counts struct {
	Answers int // to questions for names
	Older   int // of them, lookups and opens that were true no more
	Offline int // of them, those given while S3 was away
	Failed  int // for S3 was away
	Reads   int // that were right
	Old     int // of them, those of a version that was gone
	Stale   int // reads whose version was gone
}

// Add adds others.
func (c *Counts) Add(d Counts) {
	c.Answers += d.Answers
	c.Older += d.Older
	c.Offline += d.Offline
	c.Failed += d.Failed
	c.Reads += d.Reads
	c.Old += d.Old
	c.Stale += d.Stale
}
