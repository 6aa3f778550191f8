package prefetch

import "fmt"

// CheckFiles says what is wrong with the counts of a crew's files; left that nobody may have
// one open.
func (c *Crew) CheckFiles(left bool) error {
	fs := &c.files
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if left && len(fs.open) > 0 {
		return fmt.Errorf("%d files are open", len(fs.open))
	}
	chunks := int64(0)
	check := func(w *watch, open bool) error {
		chunks += w.chunks()
		w.mu.Lock()
		defer w.mu.Unlock()
		d := &w.detector
		if d.readers < 0 || d.handles < d.readers || !open && d.handles+d.readers > 0 {
			return fmt.Errorf("%d handles, %d have read, open: %v", d.handles, d.readers, open)
		}
		if !open && d.head > 0 {
			return fmt.Errorf("head of %d", d.head)
		}
		return nil
	}
	for _, o := range fs.open {
		if err := check(o.watch, true); err != nil {
			return err
		}
	}
	for _, p := range fs.closed {
		if err := check(p.watch, false); err != nil {
			return err
		}
	}
	if n := c.chunks.Load(); left && n != chunks { // else one may be learned of just now
		return fmt.Errorf("%d chunks are kept, and %d counted", chunks, n)
	}
	return nil
}
