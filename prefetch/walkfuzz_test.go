package prefetch

import (
	"testing"
	"time"
)

// FuzzWalk lets files be opened anywhere, by anybody, in a directory of all kinds,
// with and without room, and checks what may be fetched: only small files of the
// directory, never more than the limit, none that is ahead already, and every one
// ahead is opened or given up in the end.
func FuzzWalk(f *testing.F) {
	f.Add(uint8(200), uint8(64), []byte{0, 0, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1})
	f.Add(uint8(100), uint8(8), []byte{0, 10, 2, 2, 2, 2, 2, 2, 2, 9, 3, 0, 0, 50, 1, 1, 1, 1, 1, 6, 0})
	f.Add(uint8(30), uint8(1), []byte{0, 0, 0, 3, 0, 1, 0, 4, 0, 2, 0, 5, 1, 1, 1, 7, 200, 1, 1})
	f.Add(uint8('A'), uint8('R'), []byte("\x00\n\x02\x02\x02\x0207A\x00A0AB"))
	var batches []byte // of 16, by 4 workers
	for i := range 192 {
		batches = append(batches, 0, byte(i/64*64+i%4*16+i%64/4))
	}
	f.Add(uint8(250), uint8(64), batches)
	f.Fuzz(func(t *testing.T, files, limit uint8, script []byte) {
		if files == 0 || limit == 0 {
			return
		}
		suffixes := []string{"json", "txt", "", "a", "b"}
		roomy := true
		d := folder{
			files: int(files),
			kind:  func(i int) (string, bool) { return suffixes[i%7%len(suffixes)], i%11 != 10 },
			room:  func(int) bool { return roomy },
		}
		w := newWalk(int(limit), limit%2 == 0)
		now := time.Unix(0, 0)
		asked := map[int]int{}
		strike := func(places []int) {
			for _, p := range places {
				if asked[p]--; asked[p] < 0 {
					t.Fatalf("%d was given up and not asked for", p)
				}
			}
		}
		place := 0
		for i := 0; i < len(script); i++ {
			cached := false
			switch op := script[i]; {
			case op == 0 && i+1 < len(script):
				i++
				place = int(script[i]) % d.files
			case op < 6:
				place = (place + int(op)) % d.files
			case op == 6:
				roomy = !roomy
			case op == 7:
				cached = true
			case op == 8:
				now = now.Add(walkIdle * 2)
				strike(w.idle(now))
			default:
				place = (place + d.files - int(op)%d.files) % d.files
			}
			now = now.Add(time.Millisecond)
			p := w.open(now, place, cached, d)
			if p.useful {
				strike([]int{place})
			}
			strike(p.unread)
			if len(p.ahead) > 0 && !roomy {
				t.Fatal("asked without room")
			}
			for _, a := range p.ahead {
				if _, small := d.kind(a); a < 0 || a >= d.files || !small {
					t.Fatalf("asked for %d", a)
				}
				if asked[a]++; asked[a] > 1 {
					t.Fatalf("%d was asked for and is ahead already", a)
				}
			}
			sum := 0
			for _, n := range asked {
				sum += n
			}
			if sum != w.ahead() || sum > w.limit || len(w.trails) > maxTrails {
				t.Fatalf("%d files ahead, the walk says %d, the limit is %d; %d trails", sum, w.ahead(), w.limit, len(w.trails))
			}
		}
		strike(w.idle(now.Add(walkIdle * 2)))
		if len(w.trails) != 0 || w.ahead() != 0 {
			t.Fatalf("idle: %d trails, %d files ahead", len(w.trails), w.ahead())
		}
	})
}
