package blockcache

// Paused tells why nothing is being cached at the moment, and why cached blocks are
// not being read; empty when they are. Both end by themselves.
func (c *Cache) Paused() (writing, reading string) {
	d := c.disk
	if d == nil {
		return "nothing is kept on disk", ""
	}
	c.mem.mu.Lock()
	defer c.mem.mu.Unlock()
	if d.writing.pause > 0 {
		writing = d.cause
		if writing == "" {
			writing = "the disk does not take writes"
		}
	}
	if d.reading.pause > 0 {
		reading = "the disk fails, or does not answer"
	}
	return writing, reading
}
