package blockcache

import "container/list"

// cached is one version on disk, for the accounting and the eviction order.
type cached struct {
	id         identity
	size       int64 // of the object
	bytes      int64 // its present blocks
	referenced bool  // opened since it was last passed over
	place      *list.Element
}

// fifo is the eviction order: first in, first out, with a second chance for what
// was opened since. It decides and does nothing: next is all that eviction asks
// of it, so that another policy can take its place.
type fifo struct{ list list.List }

func (q *fifo) add(e *cached)    { e.place = q.list.PushBack(e) }
func (q *fifo) remove(e *cached) { q.list.Remove(e.place) }
func (q *fifo) reference(e *cached) {
	if e != nil {
		e.referenced = true
	}
}
func (q *fifo) postpone(e *cached) {
	e.referenced = false
	q.list.MoveToBack(e.place)
}

// next returns whose turn it is, nil when there is nothing.
func (q *fifo) next() *cached {
	for range q.list.Len() {
		e := q.list.Front().Value.(*cached)
		if !e.referenced {
			return e
		}
		q.postpone(e)
	}
	if front := q.list.Front(); front != nil {
		return front.Value.(*cached)
	}
	return nil
}
