package ledger

import "testing"

// A renewal of what the index does not have leaves nothing that is older than it.
func TestRenewalOfTheLost(t *testing.T) {
	x := newIndex()
	x.apply(record{what: recordPut, hash: 1, asked: 1, length: 100}, 64)
	x.apply(record{what: recordRenewal, hash: 1, asked: 2, length: 64}, 256)
	if p := x.places[1]; p.asked != 2 || p.offset() != 64 || x.live != 160 {
		t.Fatalf("%+v, %d live", p, x.live)
	}
	x.apply(record{what: recordRenewal, hash: 1, asked: 3, length: 128}, 304)
	if len(x.places) != 0 || x.live != 0 {
		t.Fatalf("%+v, %d live", x.places, x.live)
	}
}
