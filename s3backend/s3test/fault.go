package s3test

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// Action is what a fault does to the right answer of a request. The constructors
// in the fault_*.go files make those of the fault catalogue; a test may write its
// own. Several faults that match one request act in the order of their injection.
type Action func(req Request, r *Reply)

// Match chooses requests. The zero value chooses all; every field that is set
// narrows the choice.
type Match struct {
	Op  Op
	Key string // exact; of listings their prefix
	// From and To choose GETs of bytes in [From, To), by a range or of all; To 0 is
	// no end.
	From, To int64
	// Where chooses by anything else.
	Where func(Request) bool
	// First is the first of the chosen requests that counts, from 1; 0 is 1.
	First int
	// Times is how many of them count from there on; 0 is all.
	Times int
	// Chance is the part of them that is hit, by a generator with Seed; 0 is all.
	Chance float64
	Seed   uint64
}

// Fault is a line of the script: what happens to which requests.
type Fault struct {
	Match Match
	Do    Action
}

// Injection is a fault in force.
type Injection struct {
	fault  Fault
	script *script
	seen   int
	hits   int
	random *rand.Rand
}

// script holds the faults in force.
type script struct {
	mu     sync.Mutex // guards all below, and the injections
	faults []*Injection
}

// Inject adds a fault to the script.
func (s *Server) Inject(f Fault) *Injection {
	i := &Injection{fault: f, script: &s.faults, random: rand.New(rand.NewPCG(f.Match.Seed, 1))}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = append(s.faults.faults, i)
	return i
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = nil
}

// Hits returns the number of requests that the fault was applied to.
func (i *Injection) Hits() int {
	i.script.mu.Lock()
	defer i.script.mu.Unlock()
	return i.hits
}

// Remove takes the fault out of the script.
func (i *Injection) Remove() {
	i.script.mu.Lock()
	defer i.script.mu.Unlock()
	i.script.faults = slices.DeleteFunc(i.script.faults, func(other *Injection) bool { return other == i })
}

// match returns what is to be done to a request, in order.
func (s *script) match(req Request) []Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	var do []Action
	for _, i := range s.faults {
		if i.strikes(req) {
			do = append(do, i.fault.Do)
		}
	}
	return do
}

// strikes counts the request; the script's mu is held.
func (i *Injection) strikes(req Request) bool {
	m := i.fault.Match
	if !m.chooses(req) {
		return false
	}
	i.seen++
	first := max(m.First, 1)
	if i.seen < first || m.Times > 0 && i.seen >= first+m.Times {
		return false
	}
	if m.Chance > 0 && i.random.Float64() >= m.Chance {
		return false
	}
	i.hits++
	return true
}

// chooses says that the request is one of those that m is about.
func (m Match) chooses(req Request) bool {
	if m.Op != "" && m.Op != req.Op || m.Key != "" && m.Key != req.Key {
		return false
	}
	if m.From != 0 || m.To != 0 {
		overlaps := req.Off >= 0 && (m.To == 0 || req.Off < m.To) && (req.Last < 0 || req.Last >= m.From)
		if req.Op != OpGet || req.Ranged && !overlaps {
			return false
		}
	}
	return m.Where == nil || m.Where(req)
}
