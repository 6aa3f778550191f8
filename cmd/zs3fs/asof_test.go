package main

import (
	"strings"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestAsOfTimes(t *testing.T) {
	local := func(layout, s string) time.Time {
		at, err := time.ParseInLocation(layout, s, time.Local)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for s, want := range map[string]time.Time{
		"2026-01-31T12:00:00Z":      time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		"2026-01-31T12:00:00+02:00": time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC),
		"2026-01-31T12:00:00.5Z":    time.Date(2026, 1, 31, 12, 0, 0, 5e8, time.UTC),
		"2026-01-31 12:00:00Z":      time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		"2026-01-31T12:00:00":       local(time.DateTime, "2026-01-31 12:00:00"),
		"2026-01-31 12:00":          local(time.DateTime, "2026-01-31 12:00:00"),
		" 2026-01-31 ":              local(time.DateTime, "2026-01-31 00:00:00"),
	} {
		var v asOfValue
		if err := v.Set(s); err != nil || !v.Equal(want) {
			t.Errorf("%q is %v, %v, want %v", s, v.Time, err, want)
		}
	}
	for s, ago := range map[string]time.Duration{
		"2h": 2 * time.Hour, "1h30m": 90 * time.Minute, "45s": 45 * time.Second, "3d": 72 * time.Hour, "1.5d": 36 * time.Hour, "2w": 336 * time.Hour,
	} {
		var v asOfValue
		before := time.Now()
		err := v.Set(s)
		if err != nil || v.Before(before.Add(-ago)) || v.After(time.Now().Add(-ago)) {
			t.Errorf("%q is %v, %v", s, v.Time, err)
		}
	}
	for _, s := range []string{"", "0", "5", "-2h", "yesterday", "2026-13-01", "2026-01-31T25:00:00Z", "d", "NaNd", "9999-01-01", "2999-01-01T00:00:00Z"} {
		var v asOfValue
		if err := v.Set(s); err == nil {
			t.Errorf("%q is %v", s, v.Time)
		}
	}
	o, err := decodeArgs(t, "-o", "as_of=2026-01-31T12:00:00Z,consistency=open,metadata_ttl=5")
	if err != nil || o.AsOf.String() != "2026-01-31T12:00:00Z" || o.Tree.ttl() != forever || o.Tree.NegativeTTL != forever || o.Tree.Consistency.value == "open" {
		t.Errorf("%+v %+v, %v", o.AsOf, o.Tree, err)
	}
}

// The past of one object, and why there is none.
func TestCatAsOf(t *testing.T) {
	s := newStand(t)
	cat := func(asOf string, args ...string) outcome {
		return s.run(append([]string{"cat", "--endpoint-url", s.server.URL(), "--as-of", asOf}, args...)...)
	}
	if o := cat("1h", "s3://bucket/file"); o.code != NoVersions || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, "versioning") {
		t.Errorf("without versioning: code %d: %s", o.code, o.stderr)
	}
	if o := s.run("mount", "--endpoint-url", s.server.URL(), "--as-of", "1h", "--cache-dir", s.dir+"/c", "bucket", t.TempDir()); o.code != NoVersions {
		t.Errorf("mount without versioning: code %d: %s", o.code, o.stderr)
	}
	s.mem.SetVersioning(true)
	for i, text := range []string{"old", "older than new", "new"} {
		s.mem.PutWith("k", s3test.Bytes([]byte(text)), s3test.PutOptions{ModTime: time.Now().Add(time.Duration(i-3) * time.Hour)})
	}
	s.mem.DeleteAt("k", time.Now().Add(-time.Minute))
	for asOf, want := range map[string]string{"170m": "old", "110m": "older than new", "50m": "new"} {
		if o := cat(asOf, "s3://bucket/k"); o.code != OK || o.stdout != want {
			t.Errorf("%s: code %d, %q: %s", asOf, o.code, o.stdout, o.stderr)
		}
	}
	for asOf, code := range map[string]Code{"1s": NoObject, "4h": NoObject, "2999-01-01": Option, "soon": Option} {
		if o := cat(asOf, "s3://bucket/k"); o.code != code || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%s: code %d, want %d: %s", asOf, o.code, code, o.stderr)
		}
	}
	s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpVersioning}, Do: s3test.AccessDenied()})
	if o := cat("50m", "s3://bucket/k"); o.code != OK || o.stdout != "new" {
		t.Errorf("with versioning unknown: code %d, %q: %s", o.code, o.stdout, o.stderr)
	}
	s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpVersions}, Do: s3test.AccessDenied()})
	if o := cat("50m", "s3://bucket/k"); o.code != Denied || !strings.Contains(o.stderr, "s3:ListBucketVersions") {
		t.Errorf("without the right: code %d: %s", o.code, o.stderr)
	}
}
