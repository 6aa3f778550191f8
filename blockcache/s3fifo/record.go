package s3fifo

// Record is what is to be kept of a key over a restart.
type Record[K comparable] struct {
	Key        K
	Cost       int64 // what it was, for a ghost; else for information only
	Queue      Queue
	References uint8
}

// Walk appends up to n records to list, each queue from its oldest, and reports
// whether there are more. With first it begins anew, else it goes on where it
// ended: what moves meanwhile may come twice, or not at all.
func (p *Policy[K]) Walk(list []Record[K], n int, first bool) ([]Record[K], bool) {
	if first {
		p.cursor = p.queues[Small].front()
	}
	for p.cursor != nil {
		e := p.cursor
		if q := &p.queues[e.queue]; e == &q.root {
			p.cursor = nil
			if q.name+1 < queues {
				p.cursor = p.queues[q.name+1].front()
			}
			continue
		}
		if n == 0 {
			return list, true
		}
		n--
		list = append(list, Record[K]{e.key, e.cost, e.queue, e.references})
		p.cursor = e.next
	}
	return list, false
}

// Restore puts what a record tells of into effect: a key that is there becomes
// the newest of its queue, and a ghost is remembered when nothing is known of
// it. Records of keys that are not there are ignored.
func (p *Policy[K]) Restore(r Record[K]) {
	e := p.entries[r.Key]
	switch {
	case r.Queue == Ghost:
		if e == nil && r.Cost > 0 && r.Cost <= p.capacity {
			e = &entry[K]{key: r.Key}
			p.entries[r.Key] = e
			p.remember(e, r.Cost)
		}
	case e == nil || e.queue == Ghost || e.queue == Parked || r.Queue > Parked:
	default:
		e.references = max(e.references, min(r.References, maxReferences))
		p.move(e, min(r.Queue, Main))
	}
}
