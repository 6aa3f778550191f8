package s3test_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// size is that of the object that faults are seen on; 100 to 299 is asked for.
const size = 1 << 20

// wrongAnswer is a fault that comes as a whole HTTP answer.
type wrongAnswer struct {
	name   string
	do     s3test.Action
	status int
	body   string            // a part of the body
	off, n int64             // or coded bytes
	header map[string]string // "" is none
}

func TestAnswersThatAreWrong(t *testing.T) {
	for _, tt := range []wrongAnswer{
		{"500", s3test.InternalError(), 500, "<Code>InternalError</Code>", 0, 0, nil},
		{"503", s3test.All(s3test.SlowDown(), s3test.RetryAfter(3*time.Second)), 503, "SlowDown", 0, 0, map[string]string{"Retry-After": "3"}},
		{"403", s3test.AccessDenied(), 403, "AccessDenied", 0, 0, nil},
		{"404", s3test.NoSuchKey(), 404, "NoSuchKey", 0, 0, nil},
		{"no bucket", s3test.NoSuchBucket(), 404, "NoSuchBucket", 0, 0, nil},
		{"412", s3test.PreconditionFailed(), 412, "PreconditionFailed", 0, 0, nil},
		{"expired", s3test.ExpiredToken(), 400, "ExpiredToken", 0, 0, nil},
		{"skewed", s3test.TimeSkewed(3 * time.Hour), 403, "RequestTimeTooSkewed", 0, 0, nil},
		{"301", s3test.WrongRegion("eu-west-1"), 301, "PermanentRedirect", 0, 0, map[string]string{"X-Amz-Bucket-Region": "eu-west-1", "Location": ""}},
		{"307", s3test.Redirect(307, "http://192.0.2.1/"), 307, "Redirect", 0, 0, map[string]string{"Location": "http://192.0.2.1/"}},
		{"html", s3test.HTMLPage(502), 502, "nginx", 0, 0, map[string]string{"Content-Type": "text/html"}},
		{"shifted", s3test.ShiftRange(16), 206, "", 116, 200, map[string]string{"Content-Range": "bytes 116-315/1048576"}},
		{"short", s3test.ShortRange(50), 206, "", 100, 50, map[string]string{"Content-Range": "bytes 100-149/1048576"}},
		{"total", s3test.WrongTotal(1), 206, "", 100, 200, map[string]string{"Content-Range": "bytes 100-299/1048577"}},
		{"no range", s3test.NoContentRange(), 206, "", 100, 200, map[string]string{"Content-Range": ""}},
		{"garbled range", s3test.SetContentRange("bytes"), 206, "", 100, 200, map[string]string{"Content-Range": "bytes"}},
		{"whole", s3test.WholeObject(), 200, "", 0, size, map[string]string{"Content-Range": ""}},
		{"etag", s3test.OtherETag(`"x"`), 206, "", 100, 200, map[string]string{"ETag": `"x"`}},
		{"error as body", s3test.ErrorAsBody(), 206, "<Error>", 0, 0, nil},
		{"chunked end", s3test.EndEarly(50), 206, "", 100, 50, map[string]string{"Content-Length": ""}},
		{"1.0 without length", s3test.EndEarlyHTTP10(50), 206, "", 100, 50, map[string]string{"Content-Length": ""}},
		{"1.0", s3test.HTTP10(), 206, "", 100, 200, map[string]string{"Content-Length": "200"}},
		{"extra bytes", s3test.ExtraBytes(7), 206, "", 100, 200, map[string]string{"Content-Length": "200"}},
		{"close each", s3test.CloseEach(), 206, "", 100, 200, nil},
		{"late", s3test.Delay(time.Millisecond), 206, "", 100, 200, nil},
	} {
		t.Run(tt.name, tt.see)
	}
}

// see compares what a plain client receives.
func (tt wrongAnswer) see(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	f.mem.Put("k", s3test.Coded(1, 1, size))
	hit := f.Inject(s3test.Fault{Do: tt.do})
	g := f.must(t, "GET", "/k", "Range", "bytes=100-299")
	if g.StatusCode != tt.status || hit.Hits() != 1 || !f.Requests(nil)[0].Faulty {
		t.Fatalf("status %d, want %d; %d hits", g.StatusCode, tt.status, hit.Hits())
	}
	if tt.body != "" && !strings.Contains(string(g.body), tt.body) || tt.body == "" && int64(len(g.body)) != tt.n {
		t.Fatalf("body of %d bytes: %.200s", len(g.body), g.body)
	}
	if tt.n > 0 {
		if err := s3test.CheckCoded(g.body, tt.off, 1, 1); err != nil {
			t.Error(err)
		}
	}
	for name, want := range tt.header {
		if h := g.Header.Get(name); h != want {
			t.Errorf("%s: %q, want %q", name, h, want)
		}
	}
	if old := strings.HasPrefix(tt.name, "1.0"); old != (g.ProtoMinor == 0) || g.Close != (old || tt.name == "close each" || tt.name == "extra bytes") {
		t.Errorf("%s, close %t", g.Proto, g.Close)
	}
	hit.Remove()
	if g := f.must(t, "GET", "/k"); g.StatusCode != 200 || s3test.CheckCoded(g.body, 0, 1, 1) != nil {
		t.Errorf("without the fault: %d", g.StatusCode)
	}
}

// TestAnswersThatBreakOff has the faults of the connection. want is the number of
// bytes that come; those after which the connection is reset may be lost.
func TestAnswersThatBreakOff(t *testing.T) {
	const never = -1 // no answer
	for _, tt := range []struct {
		name   string
		do     s3test.Action
		want   int64
		err    error
		stalls bool
	}{
		{"truncated", s3test.Truncate(50), 50, io.ErrUnexpectedEOF, false},
		{"truncated at 0", s3test.Truncate(0), 0, io.ErrUnexpectedEOF, false},
		{"truncated far", s3test.Truncate(700_000), 700_000, io.ErrUnexpectedEOF, false},
		{"reset before", s3test.ResetBefore(), never, syscall.ECONNRESET, false},
		{"reset after", s3test.ResetAfter(50), 50, syscall.ECONNRESET, false},
		{"closed before", s3test.CloseBefore(), never, io.EOF, false},
		{"closed in header", s3test.CloseInHeader(), never, nil, false},
		{"garbage length", s3test.BadLength("12x"), never, nil, false},
		{"negative length", s3test.BadLength("-5"), never, nil, false},
		{"no header", s3test.StallBefore(), never, context.DeadlineExceeded, true},
		{"half a header", s3test.StallInHeader(), never, context.DeadlineExceeded, true},
		{"half a body", s3test.StallAfter(50), 50, context.DeadlineExceeded, true},
		{"trickle", s3test.Trickle(100), 0, context.DeadlineExceeded, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := serve(t, s3test.ServerConfig{})
			f.mem.Put("k", s3test.Coded(1, 1, size))
			f.Inject(s3test.Fault{Do: tt.do})
			ctx := t.Context()
			if tt.stalls {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
				defer cancel()
			}
			body, err := f.receive(ctx, "k")
			if err == nil || tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			reset := errors.Is(tt.err, syscall.ECONNRESET)
			if n := int64(len(body)); n != max(tt.want, 0) && !(reset && n < tt.want) && tt.name != "trickle" {
				t.Errorf("%d bytes, want %d", n, tt.want)
			}
			if err := s3test.CheckCoded(body, 0, 1, 1); err != nil {
				t.Error(err)
			}
		})
	}
}

// receive gets a key once, and returns what came.
func (f *fixture) receive(ctx context.Context, key string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, "GET", f.URL()+"/bucket/"+key, nil)
	if err != nil {
		return nil, err
	}
	// A client of its own: net/http sends a request again when a connection that
	// it reuses is closed before the answer.
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func TestBodiesThatAreNotTheObject(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	old := f.mem.Put("k", s3test.Coded(1, 1, 5000))

	f.Inject(s3test.Fault{Match: s3test.Match{Times: 1}, Do: s3test.FlipBit(33)})
	g := f.must(t, "GET", "/k", "Range", "bytes=100-")
	m := new(s3test.Mismatch)
	if err := s3test.CheckCoded(g.body, 100, 1, 1); !errors.As(err, &m) || m.Off != 133 {
		t.Errorf("flipped bit: %v", err)
	}

	f.Inject(s3test.Fault{Match: s3test.Match{Times: 1}, Do: s3test.BodyOf(s3test.Coded(1, 2, 5000))})
	g = f.must(t, "GET", "/k", "Range", "bytes=100-")
	if err := s3test.CheckCoded(g.body, 100, 1, 2); err != nil || g.Header.Get("ETag") != old.ETag {
		t.Errorf("other body: %v", err)
	}

	f.Inject(s3test.Fault{Match: s3test.Match{Times: 1}, Do: s3test.Gzip()})
	g = f.must(t, "GET", "/k", "Range", "bytes=100-")
	z, err := gzip.NewReader(bytes.NewReader(g.body))
	if err != nil || g.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("gzip: %v", err)
	}
	if p, err := io.ReadAll(z); err != nil || s3test.CheckCoded(p, 100, 1, 1) != nil {
		t.Errorf("gzip: %v", err)
	}

	f.Inject(s3test.Fault{Match: s3test.Match{Times: 1}, Do: s3test.WrongChecksum()})
	g = f.must(t, "HEAD", "/k", "x-amz-checksum-mode", "ENABLED")
	sum := binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum(read(t, s3test.Coded(1, 1, 5000), 0, 5000)))
	if got := g.Header.Get("x-amz-checksum-crc64nvme"); got == "" || got == base64.StdEncoding.EncodeToString(sum) {
		t.Errorf("checksum %q is right", got)
	}

	next := f.mem.Put("k", s3test.Coded(1, 3, 5000))
	f.Inject(s3test.Fault{Do: s3test.IgnoreConditions(f.mem)})
	g = f.must(t, "GET", "/k", "Range", "bytes=100-199", "If-Match", old.ETag)
	if err := s3test.CheckCoded(g.body, 100, 1, 3); err != nil || g.StatusCode != 206 || g.Header.Get("ETag") != next.ETag {
		t.Errorf("ignored If-Match: %d %v", g.StatusCode, err)
	}
}

// A client of HTTP does not see what follows the length that it was told.
func TestExtraBytesAreSent(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	f.mem.Put("k", s3test.Coded(1, 1, 100))
	f.Inject(s3test.Fault{Do: s3test.ExtraBytes(7)})
	c, err := net.Dial("tcp4", strings.TrimPrefix(f.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /bucket/k HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	p, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := bytes.Cut(p, []byte("\r\n\r\n"))
	if len(body) != 107 || !bytes.HasSuffix(body, []byte("+++++++")) || !bytes.Contains(p, []byte("Content-Length: 100\r\n")) {
		t.Errorf("%q", p)
	}
}

func TestListingsThatAreWrong(t *testing.T) {
	for _, tt := range []struct {
		name  string
		do    s3test.Action
		check func(first, second listing) bool
	}{
		{"truncated without token", s3test.TruncatedNoToken(), func(a, _ listing) bool { return *a.IsTruncated && a.NextContinuationToken == "" }},
		{"repeated entries", s3test.RepeatEntries(), func(a, _ listing) bool { return len(a.Contents) == 4 && a.Contents[0].Key == a.Contents[2].Key }},
		{"unsorted", s3test.Unsorted(), func(a, _ listing) bool { return a.Contents[0].Key == "a%FFc" && a.Contents[1].Key == "a+b" }},
		{"not encoded", s3test.NotEncoded(), func(a, _ listing) bool { return a.Contents[0].Key == "a b" && a.EncodingType == "" }},
		{"replaced", s3test.ReplacedKeys(), func(a, _ listing) bool { return a.Contents[1].Key == "a\ufffdc" }},
		{"huge", s3test.HugePage(50), func(a, _ listing) bool { return len(a.Contents) == 52 && len(a.Contents[51].Key) >= 1000 }},
		{"same token", s3test.SameToken(), func(a, b listing) bool { return *b.IsTruncated && a.NextContinuationToken == b.NextContinuationToken }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := serve(t, s3test.ServerConfig{PageSize: 2})
			odd := "a\xffc"
			if tt.name == "not encoded" { // XML is UTF-8
				odd = "a-c"
			}
			for _, k := range []string{"a b", odd, "d", "e"} {
				f.mem.Put(k, s3test.Bytes(nil))
			}
			f.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpList}, Do: tt.do})
			a := f.list(t, url.Values{"encoding-type": {"url"}})
			b := listing{}
			if a.NextContinuationToken != "" {
				b = f.list(t, url.Values{"encoding-type": {"url"}, "continuation-token": {a.NextContinuationToken}})
			}
			if !tt.check(a, b) {
				t.Errorf("%.500s", fmt.Sprintf("%+v then %+v", a, b))
			}
		})
	}
	f := serve(t, s3test.ServerConfig{PageSize: 1})
	f.mem.Put("a", s3test.Bytes(nil))
	f.mem.Put("b", s3test.Bytes(nil))
	token := f.list(t, url.Values{}).NextContinuationToken
	broken := f.Inject(s3test.Fault{Do: s3test.BrokenXML()})
	if g := f.must(t, "GET", "?list-type=2"); g.StatusCode != 200 || xml.Unmarshal(g.body, &listing{}) == nil {
		t.Errorf("readable: %s", g.body)
	}
	broken.Remove()
	f.Inject(s3test.Fault{Do: s3test.TokenExpired()})
	if g := f.must(t, "GET", "?list-type=2&continuation-token="+url.QueryEscape(token)); g.StatusCode != 400 {
		t.Errorf("expired token: %d", g.StatusCode)
	}
	f.list(t, url.Values{}) // the first page is right
	f.Inject(s3test.Fault{Do: s3test.WrongDocument()})
	if g := f.must(t, "GET", "?list-type=2"); g.StatusCode != 200 || !bytes.Contains(g.body, []byte("<html>")) {
		t.Errorf("%d %s", g.StatusCode, g.body)
	}
}

// A whole object whose size differs has no Content-Range to say so.
func TestWrongTotalOfAll(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	f.mem.Put("k", s3test.Coded(1, 1, 1000))
	f.Inject(s3test.Fault{Do: s3test.WrongTotal(5)})
	g := f.must(t, "GET", "/k")
	if g.StatusCode != 200 || g.length() != 1005 || len(g.body) != 1005 {
		t.Errorf("%d, length %d, %d bytes", g.StatusCode, g.length(), len(g.body))
	}
	if h := f.must(t, "HEAD", "/k"); h.length() != 1000 {
		t.Errorf("HEAD: length %d", h.length())
	}
}

func TestMatches(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	f.mem.Put("k", s3test.Coded(1, 1, size))
	f.mem.Put("other", s3test.Coded(1, 1, size))
	statuses := func(m s3test.Match, requests ...string) (out []int) {
		defer f.ClearFaults()
		f.Inject(s3test.Fault{Match: m, Do: s3test.SlowDown()})
		for _, r := range requests {
			method, rest, _ := strings.Cut(r, " ")
			path, ask, _ := strings.Cut(rest, " ")
			out = append(out, f.must(t, method, path, "Range", ask).StatusCode/100)
		}
		return out
	}
	for _, tt := range []struct {
		name     string
		match    s3test.Match
		requests []string
		want     []int
	}{
		{"op", s3test.Match{Op: s3test.OpHead}, []string{"GET /k", "HEAD /k", "GET ?list-type=2"}, []int{2, 5, 2}},
		{"key", s3test.Match{Key: "k"}, []string{"GET /k", "GET /other"}, []int{5, 2}},
		{"prefix", s3test.Match{Op: s3test.OpList, Key: "p/"}, []string{"GET ?list-type=2&prefix=p/", "GET ?list-type=2"}, []int{5, 2}},
		{"range", s3test.Match{From: 100, To: 200}, []string{"GET /k bytes=0-99", "GET /k bytes=0-100", "GET /k bytes=199-", "GET /k bytes=200-", "GET /k", "HEAD /k"}, []int{2, 5, 5, 2, 5, 2}},
		{"nth", s3test.Match{First: 2, Times: 2}, []string{"GET /k", "GET /k", "GET /k", "GET /k"}, []int{2, 5, 5, 2}},
		{"where", s3test.Match{Where: func(r s3test.Request) bool { return r.Ranged }}, []string{"GET /k bytes=0-", "GET /k"}, []int{5, 2}},
	} {
		if got := statuses(tt.match, tt.requests...); !bytes.Equal(asBytes(got), asBytes(tt.want)) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	i := f.Inject(s3test.Fault{Match: s3test.Match{Chance: 0.25, Seed: 7}, Do: s3test.SlowDown()})
	for range 200 {
		f.must(t, "HEAD", "/k")
	}
	if i.Hits() < 25 || i.Hits() > 75 {
		t.Errorf("%d of 200 hit, want about 50", i.Hits())
	}
}

func asBytes(ints []int) (p []byte) {
	for _, i := range ints {
		p = append(p, byte(i))
	}
	return p
}

func TestDownAndUp(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	f.mem.Put("k", s3test.Coded(1, 1, 10))
	f.must(t, "GET", "/k")
	f.Down()
	var refused *net.OpError
	if _, err := f.do(t, "GET", "/k"); !errors.As(err, &refused) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("while down: %v", err)
	}
	if err := f.Up(); err != nil {
		t.Fatal(err)
	}
	f.must(t, "GET", "/k")
	before := f.Requests(nil)
	f.CloseConnections()
	f.must(t, "GET", "/k") // net/http tries again on a new connection
	after := f.Requests(nil)
	if a, b := before[len(before)-1].Conn, after[len(after)-1].Conn; a == b {
		t.Errorf("the same connection %d after it was closed", a)
	}
}
