package prefetch_test

import "testing"

// TestLongTurns: one handle reads two places by turns that are longer than a request.
func TestLongTurns(t *testing.T) {
	run(t, near(2*mi), func(w *world) {
		r := w.open()
		defer w.close(r)
		for off := int64(0); off < mi; off += 16 * block {
			for _, base := range []int64{0, mi} {
				for b := off; b < off+16*block; b += block {
					w.read(r, base+b, block)
				}
			}
		}
		requests, _, most := w.src.seen()
		if requests > 350 || most > 2 { // without turns 270
			t.Errorf("%d requests, a block up to %d times", requests, most)
		}
	})
}
