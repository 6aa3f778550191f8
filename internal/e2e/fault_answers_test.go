package e2e_test

import (
	"errors"
	"net/http"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// hasty are options with which a request fails within seconds.
var hasty = []string{"--request-timeout", "2s", "--retries", "5"}

// kind says what is special about a fault; 0 is nothing: it is repaired when it
// comes once, and an error when it comes always.
type kind int

const (
	// stalls: so, but only a time-out of 2 or 3 s tells.
	stalls kind = iota + 1
	// partial: each answer brings something, from which the next attempt goes on.
	partial
	// slowly: both.
	slowly
	// final: an error at once.
	final
	// right: nothing is wrong with such an answer.
	right
)

// answerFaults are wrong, broken and slow answers to a GET. Each is repaired when
// it comes once, and an error when it comes always: never a wrong byte.
var answerFaults = []struct {
	name string // begins with its row of docs/faults.md
	do   s3test.Action
	kind kind
}{
	{name: "F1 internal error", do: s3test.InternalError()},
	{name: "F1 bad gateway page", do: s3test.HTMLPage(http.StatusBadGateway)},
	{name: "F1 gateway time-out page", do: s3test.HTMLPage(http.StatusGatewayTimeout)},
	{name: "F2 slow down", do: s3test.SlowDown()},
	{name: "F4 truncated at once", do: s3test.Truncate(0)},
	{name: "F4 truncated", do: s3test.Truncate(1000), kind: partial},
	{name: "F4 truncated at a block's end", do: s3test.Truncate(64 * kib), kind: partial},
	{name: "F5 chunked and short", do: s3test.EndEarly(70_000)},
	{name: "F5 HTTP/1.0 and short", do: s3test.EndEarlyHTTP10(70_000)},
	{name: "F6 later range", do: s3test.ShiftRange(64 * kib)},
	{name: "F6 earlier range", do: s3test.ShiftRange(-1)},
	{name: "F6 short range", do: s3test.ShortRange(1000), kind: partial},
	{name: "F6 content range of another start", do: s3test.SetContentRange("bytes 1-65536/300001")},
	{name: "F6 content range that is none", do: s3test.SetContentRange("bytes */*")},
	{name: "F7 whole object", do: s3test.WholeObject()},
	{name: "F7 no content range", do: s3test.NoContentRange()},
	{name: "F8 error document as the body", do: s3test.ErrorAsBody()},
	{name: "F8 page with status 200", do: s3test.HTMLPage(http.StatusOK)},
	{name: "F8 page with status 206", do: s3test.HTMLPage(http.StatusPartialContent)},
	{name: "F22 reset before the header", do: s3test.ResetBefore()},
	{name: "F22 reset in the body", do: s3test.ResetAfter(5000), kind: partial},
	{name: "F22 closed in the header", do: s3test.CloseInHeader()},
	{name: "F22 closed before the header", do: s3test.CloseBefore()},
	{name: "F23 no answer", do: s3test.StallBefore(), kind: stalls},
	{name: "F23 stall in the header", do: s3test.StallInHeader(), kind: stalls},
	{name: "F23 stall in the body", do: s3test.StallAfter(70_000), kind: slowly},
	{name: "F24 trickle", do: s3test.Trickle(100), kind: slowly},
	{name: "F29 redirect", do: s3test.Redirect(http.StatusTemporaryRedirect, "http://127.0.0.1:1/other"), kind: final},
	{name: "F31 compressed unasked", do: s3test.Gzip()},
	{name: "F38 HTTP/1.0", do: s3test.HTTP10(), kind: right},
	{name: "F38 closes after each", do: s3test.CloseEach(), kind: right},
	{name: "bad length", do: s3test.BadLength("-5")},
	{name: "huge length", do: s3test.BadLength("99999999999999999999")},
	{name: "more bytes than the length", do: s3test.ExtraBytes(10), kind: right},
}

// TestFaultyAnswerOnce: a reader notices nothing of answers that are wrong for a
// while.
func TestFaultyAnswerOnce(t *testing.T) {
	for _, tt := range answerFaults {
		if tt.kind == final {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			f := s.put("f", 300_001)
			s.mount("--block-size", "64KiB", "--read-part-size", "128KiB")
			times := 2
			if tt.kind == stalls || tt.kind == slowly {
				times = 1
			}
			fault := s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet, Times: times}, Do: tt.do})
			f.verify(t)
			if fault.Hits() == 0 {
				t.Error("no request met the fault")
			}
			f.verify(t) // what was kept is right
		})
	}
}

// TestFaultyAnswerAlways: it is EIO in bounded time, what is cached is readable,
// nothing wrong is kept, and the mount recovers by itself.
func TestFaultyAnswerAlways(t *testing.T) {
	for _, tt := range answerFaults {
		if tt.kind == right {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			cached, f := s.put("cached", 100_000), s.put("f", 300_001)
			s.mount(append(hasty, "--block-size", "64KiB", "--read-part-size", "128KiB")...)
			cached.verify(t)
			h := f.open(t, unix.O_DIRECT)
			fault := s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet}, Do: tt.do})
			// In the second request's range, so that there is something before it.
			err := f.readAt(h, 140_000, 4096)
			if enough := err == nil && (tt.kind == partial || tt.kind == slowly); !enough && !errors.Is(err, unix.EIO) {
				t.Errorf("read: %v, want EIO", err)
			}
			// Five attempts for the read and as many for a guess beside it, which
			// net/http makes twice where a kept connection ends without an answer.
			if n := s.gets("f"); fault.Hits() == 0 || n > 20 {
				t.Errorf("%d requests, %d of them met the fault", n, fault.Hits())
			}
			cached.verify(t)
			s.server.ClearFaults()
			if err := f.readAt(h, 140_000, 4096); err != nil {
				t.Errorf("read on the same handle when the fault is gone: %v", err)
			}
			f.verify(t)
		})
	}
}

// TestFaultF2SlowDownForAWhile: while the server asks for fewer requests it gets
// few, and the reader gets its data after.
func TestFaultF2SlowDownForAWhile(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	f := s.put("f", 16*mib)
	s.mount()
	fault := s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet}, Do: s3test.SlowDown()})
	r := f.job("sequential").start(t)
	begun := time.Now()
	eventually(t, "the daemon tried ten times", func() bool { return fault.Hits() >= 10 })
	took := time.Since(begun)
	s.server.ClearFaults()
	if v, err := r.wait(); err != nil || v.Error != "" || v.SHA256 != f.sha256() {
		t.Errorf("%v %s", err, v.Error)
	}
	t.Logf("10 refused requests took %v", took)
	if n := fault.Hits(); n > 40 {
		t.Errorf("%d requests were refused before the daemon slowed down", n)
	}
}

// TestFaultF6SizeDiffers: another total size is another version.
func TestFaultF6SizeDiffers(t *testing.T) {
	s := newStand(t)
	f := s.put("f", 300_001)
	s.mount(hasty...)
	h := f.open(t, unix.O_DIRECT)
	s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet}, Do: s3test.WrongTotal(1)})
	if err := f.readAt(h, 0, 4096); !errors.Is(err, unix.ESTALE) && !errors.Is(err, unix.EIO) {
		t.Errorf("read: %v, want ESTALE or EIO", err)
	}
	s.server.ClearFaults()
	f.verify(t)
}

// TestFaultF21ClockSkew: the server's clock and ours differ by hours, from the
// start, and by others from some moment on.
func TestFaultF21ClockSkew(t *testing.T) {
	s := newStand(t)
	s.server.SetSkew(3 * time.Hour)
	f, g := s.put("f", 300_001), s.put("g", 300_001)
	s.mount()
	f.verify(t)
	s.server.SetSkew(-3 * time.Hour)
	g.verify(t)
}

// TestFaultF26ServerDownAtMount: the mount fails within its time-out with one
// line, and nothing is left.
func TestFaultF26ServerDownAtMount(t *testing.T) {
	s := newStand(t)
	s.server.Down()
	d := s.launch("--mount-timeout", "3s", "--log-level", "error")
	if code := d.wait(); code != 15 {
		t.Errorf("exit code %d, want 15\n%s", code, d.log.String())
	}
	if mounted(t, s.mnt) {
		t.Error("something is mounted")
	}
	if lines := countLines(d.log.String()); lines != 1 {
		t.Errorf("%d lines on standard error:\n%s", lines, d.log.String())
	}
}

func countLines(s string) int {
	n := 0
	for _, c := range s {
		if c == '\n' {
			n++
		}
	}
	return n
}

// TestFaultF28ServerGone: what is cached stays readable, the rest is EIO in
// bounded time, and all is well when the server is back.
func TestFaultF28ServerGone(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	cached, f := s.put("cached", 2*mib), s.put("f", 2*mib)
	s.mount(hasty...)
	if _, err := os.ReadDir(s.mnt); err != nil {
		t.Fatal(err)
	}
	cached.verify(t)
	s.server.Down()
	cached.verify(t)
	h := f.open(t, 0)
	if err := f.readAt(h, 0, 4096); !errors.Is(err, unix.EIO) {
		t.Errorf("read: %v, want EIO", err)
	}
	if err := s.server.Up(); err != nil {
		t.Fatal(err)
	}
	if err := f.readAt(h, 0, 4096); err != nil {
		t.Errorf("read on the same handle when the server is back: %v", err)
	}
	f.verify(t)
}

// TestFaultF29RedirectToAnotherHost: the credentials and the reader stay with the
// host that was named.
func TestFaultF29RedirectToAnotherHost(t *testing.T) {
	s, other := newStand(t), newStand(t)
	f := s.put("f", 100_000)
	other.put("f", 100_000)
	s.mount(hasty...)
	for _, status := range []int{301, 302, 307, 308} {
		fault := s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet},
			Do: s3test.Redirect(status, other.server.URL()+"/bucket/f")})
		h := f.open(t, unix.O_DIRECT)
		if err := f.readAt(h, 0, 4096); !errors.Is(err, unix.EIO) {
			t.Errorf("%d: read: %v, want EIO", status, err)
		}
		if fault.Hits() == 0 {
			t.Errorf("%d: no request met the fault", status)
		}
		fault.Remove()
	}
	if n := other.server.Count(); n != 0 {
		t.Errorf("the other host got %d requests", n)
	}
	f.verify(t)
}

// TestFaultF31StoredEncoding: the bytes are those stored, and so is the size.
func TestFaultF31StoredEncoding(t *testing.T) {
	s := newStand(t)
	f := s.put("f.gz", 100_000)
	s.bucket.PutWith(f.key, f.content, s3test.PutOptions{Encoding: "gzip"})
	s.mount()
	f.verify(t)
}

// TestFaultF38IdleConnectionsClosed: a server that closes idle connections costs
// no error.
func TestFaultF38IdleConnectionsClosed(t *testing.T) {
	s := newStand(t)
	f := s.put("f", 10*mib)
	s.mount("--read-ahead", "0")
	h := f.open(t, 0)
	for i := range int64(10) {
		s.server.CloseConnections()
		if err := f.readAt(h, i*mib, 4096); err != nil {
			t.Errorf("read at %d: %v", i*mib, err)
		}
	}
}
