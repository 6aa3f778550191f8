package s3fifo_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/blockcache/s3fifo"
)

// one adds a key of one byte, evicting what the policy names when the cache is full.
func one(p *s3fifo.Policy[int], capacity, key int) (evicted []int) {
	if p.Cost(key) > 0 {
		p.Reference(key)
		return nil
	}
	for p.Len() >= capacity {
		victim, _ := p.Victim(nil)
		p.Evict(victim, 1)
		evicted = append(evicted, victim)
	}
	p.Add(key, 1)
	return evicted
}

func TestWhatIsUsedAgainOutlivesAScan(t *testing.T) {
	const capacity = 100
	p := s3fifo.New[int](capacity)
	for range 2 {
		for key := range 50 {
			one(p, capacity, key)
		}
	}
	for key := range 10 * capacity {
		one(p, capacity, 1000+key)
	}
	for key := range 50 {
		if p.Cost(key) == 0 {
			t.Fatalf("%d went", key)
		}
	}
	if n := p.Bytes(s3fifo.Ghost); n != capacity {
		t.Errorf("%d bytes are remembered", n)
	}
}

func TestWhatComesBackSoonStays(t *testing.T) {
	const capacity = 100
	p := s3fifo.New[int](capacity)
	for key := range capacity + 5 {
		one(p, capacity, key)
	}
	if p.Cost(0) != 0 {
		t.Fatal("the first is still there")
	}
	one(p, capacity, 0)
	if n := p.Bytes(s3fifo.Main); n != 1 {
		t.Errorf("%d bytes in the main queue", n)
	}
}

// machine holds the policy against the same rules, written down with slices.
type machine struct {
	policy                       *s3fifo.Policy[int]
	capacity                     int64
	queues                       [4][]int
	cost, gone, references, held map[int]int64
}

const keys = 12

func key(t *rapid.T) int { return rapid.IntRange(0, keys-1).Draw(t, "key") }

func (m *machine) find(k int) (q s3fifo.Queue, there bool) {
	for q := range m.queues {
		if slices.Contains(m.queues[q], k) {
			return s3fifo.Queue(q), q != int(s3fifo.Ghost)
		}
	}
	return 0, false
}

func (m *machine) remove(k int) {
	for q := range m.queues {
		m.queues[q] = slices.DeleteFunc(m.queues[q], func(x int) bool { return x == k })
	}
}

func (m *machine) move(k int, to s3fifo.Queue) {
	m.remove(k)
	m.queues[to] = append(m.queues[to], k)
}

func (m *machine) bytes(q s3fifo.Queue) (sum int64) {
	for _, k := range m.queues[q] {
		sum += m.cost[k]
	}
	return sum
}

func (m *machine) Add(t *rapid.T) {
	k, n := key(t), rapid.Int64Range(1, 5).Draw(t, "n")
	m.policy.Add(k, n)
	q, there := m.find(k)
	if !there {
		to := s3fifo.Small
		if q == s3fifo.Ghost {
			to = s3fifo.Main
		}
		m.cost[k], m.gone[k], m.references[k] = 0, 0, 0
		m.move(k, to)
	}
	m.cost[k] += n
}

func (m *machine) Reference(t *rapid.T) {
	k := key(t)
	m.policy.Reference(k)
	if _, there := m.find(k); there {
		m.references[k] = min(3, m.references[k]+1)
	}
}

func (m *machine) Lose(t *rapid.T) {
	k, n := key(t), rapid.Int64Range(1, 5).Draw(t, "n")
	m.policy.Lose(k, n)
	if _, there := m.find(k); there {
		if m.cost[k] -= min(n, m.cost[k]); m.cost[k] == 0 {
			m.remove(k)
		}
	}
}

func (m *machine) Park(t *rapid.T) {
	k := key(t)
	m.policy.Park(k)
	if _, there := m.find(k); there {
		m.move(k, s3fifo.Parked)
	}
}

func (m *machine) Unpark(t *rapid.T) {
	k := key(t)
	m.policy.Unpark(k)
	if q, _ := m.find(k); q == s3fifo.Parked {
		m.move(k, s3fifo.Main)
	}
}

func (m *machine) Hold(t *rapid.T) { k := key(t); m.held[k] = 1 - m.held[k] }

// Restart puts all records into a new policy, as after a restart.
func (m *machine) Restart(t *rapid.T) {
	var records []s3fifo.Record[int]
	step := rapid.IntRange(1, 5).Draw(t, "step")
	for more, first := true, true; more; first = false {
		records, more = m.policy.Walk(records, step, first)
	}
	next := s3fifo.New[int](m.capacity)
	for k := range keys {
		if _, there := m.find(k); there { // found in any order
			next.Add(k, m.cost[k])
		}
	}
	for _, r := range records {
		next.Restore(r)
		if r.Queue == s3fifo.Parked {
			next.Park(r.Key)
		}
	}
	m.policy = next
	clear(m.gone)
}

// Evict takes bytes of the victim that both must agree on.
func (m *machine) Evict(t *rapid.T) {
	k, ok := m.policy.Victim(func(k int) bool { return m.held[k] > 0 })
	want, there := m.victim()
	if ok != there || ok && k != want {
		t.Fatalf("the victim is %d (%t), not %d (%t)", k, ok, want, there)
	}
	if !ok {
		return
	}
	n := rapid.Int64Range(1, m.cost[k]).Draw(t, "n")
	m.policy.Evict(k, n)
	m.cost[k] -= n
	m.gone[k] += n
	if m.cost[k] > 0 {
		return
	}
	if q, _ := m.find(k); q != s3fifo.Small {
		m.remove(k)
		return
	}
	m.move(k, s3fifo.Ghost)
	m.cost[k] = m.gone[k]
	for m.bytes(s3fifo.Ghost) > m.capacity {
		m.remove(m.queues[s3fifo.Ghost][0])
	}
}

// victim is the paper's loop: from the small queue while that is a tenth or more,
// else from the main one, and never what is held.
func (m *machine) victim() (int, bool) {
	for {
		queues := []s3fifo.Queue{s3fifo.Main, s3fifo.Small}
		if 10*m.bytes(s3fifo.Small) >= m.capacity-m.bytes(s3fifo.Parked) {
			slices.Reverse(queues)
		}
		k := -1
		for _, q := range queues {
			for range m.queues[q] {
				if first := m.queues[q][0]; m.held[first] == 0 {
					k = first
					break
				}
				m.move(m.queues[q][0], q)
			}
			if k >= 0 {
				break
			}
		}
		switch q, _ := m.find(k); {
		case k < 0:
			return 0, false
		case m.references[k] == 0:
			return k, true
		case q == s3fifo.Small:
			m.references[k] = 0
		default:
			m.references[k]--
		}
		m.move(k, s3fifo.Main)
	}
}

func (m *machine) Check(t *rapid.T) {
	count := 0
	for q := range m.queues {
		if got, want := m.policy.Bytes(s3fifo.Queue(q)), m.bytes(s3fifo.Queue(q)); got != want {
			t.Fatalf("queue %d has %d bytes, not %d", q, got, want)
		}
		if q != int(s3fifo.Ghost) {
			count += len(m.queues[q])
		}
	}
	if m.policy.Len() != count {
		t.Fatalf("%d keys, not %d", m.policy.Len(), count)
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{capacity: rapid.Int64Range(1, 40).Draw(t, "capacity")}
		m.policy = s3fifo.New[int](m.capacity)
		m.cost, m.gone, m.references, m.held = map[int]int64{}, map[int]int64{}, map[int]int64{}, map[int]int64{}
		t.Repeat(map[string]func(*rapid.T){
			"":          m.Check,
			"add":       m.Add,
			"add more":  m.Add,
			"reference": m.Reference,
			"evict":     m.Evict,
			"lose":      m.Lose,
			"park":      m.Park,
			"unpark":    m.Unpark,
			"hold":      m.Hold,
			"restart":   m.Restart,
		})
	})
}
