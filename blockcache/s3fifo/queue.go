package s3fifo

// Queue names one of a policy's queues.
type Queue uint8

const (
	Small  Queue = iota // came once
	Main                // used again, or missed soon after it went
	Parked              // out of the order
	Ghost               // gone, but remembered
	queues
)

// entry is a key in one of the queues.
type entry[K comparable] struct {
	key        K
	cost       int64 // a ghost's: what it was
	gone       int64 // evicted since it came
	prev, next *entry[K]
	queue      Queue
	references uint8
}

// queue is a list from the oldest to the newest entry.
type queue[K comparable] struct {
	name  Queue
	root  entry[K] // closes the ring; holds no key
	len   int
	bytes int64
}

func (q *queue[K]) init(name Queue) {
	q.name, q.root.queue = name, name
	q.root.prev, q.root.next = &q.root, &q.root
}

// front returns the oldest entry; only of a queue that has one.
func (q *queue[K]) front() *entry[K] { return q.root.next }

func (q *queue[K]) push(e *entry[K]) {
	e.queue = q.name
	e.prev, e.next = q.root.prev, &q.root
	e.prev.next, q.root.prev = e, e
	q.len++
	q.bytes += e.cost
}

func (q *queue[K]) remove(e *entry[K]) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
	q.len--
	q.bytes -= e.cost
}
