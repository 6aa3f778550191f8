package ledger_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
)

// model is what a ledger may answer: of each path what was put since it was dropped or
// refreshed last, and after damage or a full queue an older one of these, or nothing.
type model struct {
	latest  map[string]string
	allowed map[string]map[string]bool
}

func (m *model) put(path, body string) {
	m.latest[path] = body
	if m.allowed[path] == nil {
		m.allowed[path] = map[string]bool{}
	}
	m.allowed[path][body] = true
}

func (m *model) drop(path string) {
	delete(m.latest, path)
	delete(m.allowed, path)
}

func (m *model) refresh(path string) {
	for p := range m.allowed {
		if p == path || path == "" || strings.HasPrefix(p, path+"/") {
			m.drop(p)
		}
	}
}

// check compares; exactly, unless something was lost.
func (m *model) check(t *testing.T, l *ledger.Ledger, lost bool) {
	t.Helper()
	settled(t, l)
	for _, path := range paths() {
		got, ok := get(l, path)
		want, known := m.latest[path]
		switch {
		case ok && !m.allowed[path][got], ok && !known:
			t.Fatalf("%s: %.40q, which was dropped or never put", path, got)
		case !lost && (ok != known || got != want):
			t.Fatalf("%s: %.40q, %v, want %.40q, %v", path, got, ok, want, known)
		}
	}
}

func paths() (all []string) {
	for i := range 6 {
		all = append(all, fmt.Sprint(i))
		for j := range 6 {
			all = append(all, fmt.Sprintf("%d/%d", i, j), fmt.Sprintf("%d/%d/x", i, j))
		}
	}
	return append(all, "")
}

// Random puts, drops, refreshes, restarts and new logs: the ledger is the map.
func TestModel(t *testing.T) {
	for seed := range uint64(15) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := newDir(t)
		cfg := ledger.Config{Dir: d, Limit: 1 << 20}
		l := open(t, cfg)
		m := &model{map[string]string{}, map[string]map[string]bool{}}
		all := paths()
		for step := range 1500 {
			path := all[r.IntN(len(all))]
			switch n := r.IntN(1000); {
			case n < 850:
				// Some large ones, so that the log is written anew now and then.
				body := strings.Repeat(fmt.Sprint(path, " ", step, " "), 1<<r.IntN(10))
				l.Put('n', path, time.Now(), []byte(body[:len(body)/2]), []byte(body[len(body)/2:]))
				m.put(path, body)
				if n%32 == 0 {
					settled(t, l)
				}
			case n < 980:
				l.Drop('n', path)
				m.drop(path)
			case n < 985:
				l.Refresh(path)
				m.refresh(path)
			case n < 986:
				l.Clear()
				m.refresh("")
			case n < 990:
				l = reopen(t, l, cfg)
			default:
				m.check(t, l, l.Stats().LeftOut > 0)
			}
			if got, ok := get(l, path); ok && !m.allowed[path][got] {
				t.Fatalf("seed %d, step %d: %s: %.40q", seed, step, path, got)
			}
		}
		l = reopen(t, l, cfg)
		m.check(t, l, false)
		l.Close()
	}
}

// Whatever happens to the files while nobody has them open or while somebody has, no
// answer is wrong: it is one of those that were put since the last drop of it, unless
// the drop itself was cut off from the end of the log, and refreshed ones stay away.
func TestModelWithDamage(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		d := newDir(t)
		cfg := ledger.Config{Dir: d, Limit: 1 << 20}
		l := open(t, cfg)
		m := &model{map[string]string{}, map[string]map[string]bool{}}
		all := paths()
		for step := range 200 {
			path := all[r.IntN(len(all))]
			if r.IntN(20) == 0 {
				l.Refresh(path)
				m.refresh(path)
				continue
			}
			body := strings.Repeat(fmt.Sprint(path, " ", step, " "), 1<<r.IntN(8))
			l.Put('n', path, time.Now(), []byte(body))
			m.put(path, body)
		}
		settled(t, l)
		live := r.IntN(2) == 0
		if !live {
			l.Close()
		}
		hurt(t, r, d)
		if live {
			m.check(t, l, true)
			l.Put('n', "1", time.Now(), []byte("more"))
			m.put("1", "more")
			l.Close()
		}
		for range 2 {
			l = open(t, cfg)
			m.check(t, l, true)
			l.Put('n', "2", time.Now(), []byte(fmt.Sprint("after ", seed)))
			m.put("2", fmt.Sprint("after ", seed))
			m.check(t, l, true)
			if got, ok := get(l, "2"); !ok || got != fmt.Sprint("after ", seed) {
				t.Fatalf("seed %d: it does not keep any more: %q", seed, got)
			}
			l.Close()
		}
	}
}

// hurt damages one of the files.
func hurt(t *testing.T, r *rand.Rand, d *dir) {
	t.Helper()
	name := d.name("log")
	if r.IntN(8) == 0 {
		name = d.name("marks")
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	at := r.IntN(len(raw))
	switch r.IntN(6) {
	case 0:
		raw = raw[:at]
	case 1:
		for range 1 + r.IntN(5) {
			raw[r.IntN(len(raw))] ^= 1 << r.IntN(8)
		}
	case 2:
		raw = append(raw, raw[at:]...)
	case 3:
		raw = append(raw, make([]byte, r.IntN(10000))...)
	case 4:
		clear(raw[at : at+r.IntN(len(raw)-at)])
	case 5: // a piece is missing
		raw = append(raw[:at:at], raw[at+r.IntN(len(raw)-at):]...)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(raw); err != nil {
		t.Fatal(err)
	}
}

// A log that ends anywhere is good up to there.
func TestTornTail(t *testing.T) {
	d := newDir(t)
	cfg := ledger.Config{Dir: d}
	l := open(t, cfg)
	put := map[string]string{}
	for i := range 10 {
		path := fmt.Sprint(i)
		put[path] = strings.Repeat(path, 50*i)
		l.Put('n', path, time.Now(), []byte(put[path]))
	}
	settled(t, l)
	ends := map[string]int64{}
	for path := range put {
		off, size := l.Place(path)
		ends[path] = off + size
	}
	l.Close()
	raw, err := os.ReadFile(d.name("log"))
	if err != nil {
		t.Fatal(err)
	}
	for cut := 64; cut <= len(raw); cut += 24 {
		c := copied(t, d)
		if err := os.WriteFile(c.name("log"), raw[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, ledger.Config{Dir: c})
		for path, body := range maps.All(put) {
			if ends[path] <= int64(cut) {
				wantGot(t, l, path, body)
			} else {
				wantNone(t, l, path)
			}
		}
		l.Put('n', "new", time.Now(), []byte("new"))
		wantGot(t, l, "new", "new")
		wantGot(t, reopen(t, l, ledger.Config{Dir: c}), "new", "new")
	}
}
