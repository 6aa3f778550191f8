package main

import (
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// Rule 7: every key that a mount hides is listed with its reason, and no other.
func TestDoctorKeys(t *testing.T) {
	s := newStand(t)
	for _, key := range []string{"p/a", "p/a-", "p/a/b", "p/c//d", "p/../e", "p/new\nline/./x", "p/long" + strings.Repeat("g", 20), "p/plain", "p/empty/", "q//x"} {
		s.mem.Put(key, s3test.Bytes(nil))
	}
	s.mem.Put("p/full/", s3test.Bytes([]byte("x")))
	doctor := func(args ...string) outcome {
		return s.run(append([]string{"doctor", "--endpoint-url", s.server.URL()}, args...)...)
	}
	o := doctor("--keys", "--name-max", "20", "s3://bucket/p")
	want := "unrepresentable\t\"p/../e\"\nshadowed by a directory\t\"p/a\"\nunrepresentable\t\"p/c//d\"\n" +
		"marker with content\t\"p/full/\"\ntoo long\t\"p/long" + strings.Repeat("g", 20) + "\"\nunrepresentable\t\"p/new\\nline/./x\"\n"
	if o.code != OK || o.stdout != want || o.stderr != "" {
		t.Errorf("code %d: %s\n%s\nwant\n%s", o.code, o.stderr, o.stdout, want)
	}
	s.mem.Put("p/x‛y", s3test.Bytes(nil))
	o = doctor("--keys", "--name-max", "20", "--unmappable", "escape", "s3://bucket/p")
	want = "unrepresentable\t\"p/../e\"\t\"．．/e\"\nshadowed by a directory\t\"p/a\"\t\"a‛file\"\nunrepresentable\t\"p/c//d\"\t\"c/／/d\"\n" +
		"marker with content\t\"p/full/\"\t\"full/‛marker\"\ntoo long\t\"p/long" + strings.Repeat("g", 20) +
		"\"\nunrepresentable\t\"p/new\\nline/./x\"\t\"new\\nline/．/x\"\nquoted\t\"p/x\\u201by\"\t\"x‛‛y\"\n"
	if o.code != OK || o.stdout != want || o.stderr != "" {
		t.Errorf("code %d: %s\n%s\nwant\n%s", o.code, o.stderr, o.stdout, want)
	}
	if o = doctor("--keys", "s3://bucket/p/empty"); o.code != OK || o.stdout != "" {
		t.Errorf("code %d: %q %s", o.code, o.stdout, o.stderr)
	}
	for code, args := range map[Code][]string{Usage: {"s3://bucket"}, NoBucket: {"--keys", "s3://none"}, Source: {"--keys", "::"}} {
		if o = doctor(args...); o.code != code || o.stdout != "" || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%q: code %d, want %d: %s", args, o.code, code, o.stderr)
		}
	}
	s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpList}, Do: s3test.Unsorted()})
	if o = doctor("--keys", "bucket"); o.code != BadAnswer {
		t.Errorf("without order: code %d: %s", o.code, o.stderr)
	}
}
