package catalog

import "context"

// doubts asks whether there is a directory that names are held back for. In a
// directory of part-00000 to part-99999 nothing could be shown before the end, since
// "part/" sorts behind them all. Of one that ends before it is proved large that is the
// sooner answer, and no request more than for its pages.
type doubts struct {
	c     *Catalog
	pages int // received
	asked int
}

// due takes note of a page, and reports whether to ask: when more than a page is
// held back, and so that few requests are added to those for the pages.
func (d *doubts) due(m *mapping, n int) bool {
	if n > 0 {
		d.pages++
	}
	large := d.pages >= listAbreast.large
	return large && !m.whole && !m.unordered && len(m.held) > pageSize && d.asked <= 2+d.pages/16
}

// ask settles the doubt. A question that fails settles nothing.
func (d *doubts) ask(ctx context.Context, m *mapping) {
	_, dir := m.doubt()
	if dir == "" {
		return
	}
	d.asked++
	for _, err := range d.c.cfg.Bucket.List(ctx, m.prefix+dir+"/", 1) {
		if err == nil {
			m.settle(dir, true)
		}
		return
	}
	m.settle(dir, false)
}
