package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestManyNames lists one large directory and a deep tree as ls, find and du do:
// 20,000 names of each, a million in a soak. It prints figures: of the time only its
// ratio to the bare pages means anything, and that on a quiet machine and of a million.
func TestManyNames(t *testing.T) {
	flat, tree := 20_000, []int{4, 5, 10, 10, 10} // files in each of the last directories at the end
	million := os.Getenv("ZS3FS_SOAK") != ""
	if million {
		flat, tree = 1_000_000, []int{10, 10, 10, 10, 100}
	}
	s := newStandWith(t, s3test.ServerConfig{Latency: 20 * time.Millisecond})
	for i := range flat {
		s.bucket.Put(fmt.Sprintf("flat/part-%07d.csv", i), s3test.Bytes([]byte{1}))
	}
	n := s.fill("tree/", tree)
	dirs, level := 1, 1
	for _, names := range tree[:len(tree)-1] {
		level *= names
		dirs += level
	}
	bare := s.barePages(t, "flat/")
	t.Logf("bare pages of the directory: %v", bare)
	for _, tt := range []struct {
		name    string
		dir     string
		command []string
		lines   int
		pages   int   // without anything ahead, split or asked beside
		mib     int64 // resident, of a million names
	}{
		{"ls -f", "flat", []string{"ls", "-f"}, flat + 2, flat / 1000, 400},
		{"find -name", "tree", []string{"find", ".", "-type", "f"}, n, n / 1000, 400},
		// Beside the names a line says which directory, one is empty, and two are . and ..
		{"ls -f", "tree", []string{"ls", "-fR"}, n + 5*dirs - 2, n / 1000, 400},
		{"ls -l", "tree", []string{"ls", "-lR"}, n + 4*dirs - 2, n / 1000, 1024},
		{"find -size", "tree", []string{"find", ".", "-size", "+0"}, n, n / 1000, 1024},
		{"ls -l", "flat", []string{"ls", "-l"}, flat + 1, flat / 1000, 1024},
		{"find -size", "flat", []string{"find", ".", "-size", "+0"}, flat, flat / 1000, 1024},
	} {
		t.Run(tt.name+" "+tt.dir, func(t *testing.T) {
			s := s.fresh(t)
			s.t = t
			if million {
				bare = s.barePages(t, "flat/") // the machine may be busier than it was
				t.Logf("bare pages of the directory: %v", bare)
			}
			d := s.mount("--log-level", "info", "--metadata-ttl", "600")
			for _, pass := range []string{"first", "second"} {
				s.server.Reset()
				began, server, daemon := time.Now(), cpuOf(os.Getpid()), cpuOf(d.cmd.Process.Pid)
				lines, command := s.lines(t, tt.dir, tt.command...)
				took := time.Since(began)
				t.Logf("%s pass: processor time of server %v, daemon %v, command %v", pass, cpuOf(os.Getpid())-server, cpuOf(d.cmd.Process.Pid)-daemon, command)
				lists, others := s.server.Count(s3test.OpList), s.server.Count(s3test.OpHead, s3test.OpGet)
				t.Logf("%s pass: %v, %.2f of bare; %d LISTs, %d others; resident %d MiB, at most %d MiB", pass, took.Round(time.Millisecond),
					took.Seconds()/bare.Seconds(), lists, others, d.proc("VmRSS")/kib, d.proc("VmHWM")/kib)
				if million && took > bare*13/10 {
					t.Errorf("%.2f times the bare pages, must be within 1.3", took.Seconds()/bare.Seconds())
				}
				if lines != tt.lines {
					t.Errorf("%d lines, want %d", lines, tt.lines)
				}
				if limit := tt.pages*3/2 + 10; lists > limit || pass == "second" && lists+others > 0 || others > 2 {
					t.Errorf("%d LISTs and %d others", lists, others)
				}
			}
			limit := int64(100) // 20,000 names take 42 to 61
			if million {
				limit = tt.mib
			}
			if peak := d.proc("VmHWM") / kib; peak >= limit {
				t.Errorf("peak resident memory is %d MiB, must be below %d MiB", peak, limit)
			}
		})
	}
}

// fill puts a tree of files of one byte, so many names a level, and returns their
// number.
func (s *stand) fill(prefix string, names []int) (n int) {
	for i := range names[0] {
		key := fmt.Sprintf("%s%03d", prefix, i)
		if len(names) > 1 {
			n += s.fill(key+"/", names[1:])
			continue
		}
		s.bucket.Put(key, s3test.Bytes([]byte{1}))
		n++
	}
	return n
}

// lines returns the number of lines that a command prints in dir, and its processor
// time.
func (s *stand) lines(t *testing.T, dir string, command ...string) (int, time.Duration) {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = filepath.Join(s.mnt, dir)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	var out counter
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v: %s", command, err, errs.String())
	}
	return int(out), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// cpuOf returns the processor time of a process, in steps of 10 ms.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var ticks time.Duration
	for _, field := range fields[11:13] { // utime and stime
		n, _ := strconv.Atoi(field)
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}

// counter counts lines.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

// barePages is the time that the pages of a LIST without delimiter take, one after
// another, for a client that looks for the next token and throws the rest away.
func (s *stand) barePages(t *testing.T, prefix string) time.Duration {
	t.Helper()
	// One that wants no signatures.
	server, err := s3test.NewServer(s.bucket, s3test.ServerConfig{Latency: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	began := time.Now()
	for token := ""; ; {
		q := url.Values{"list-type": {"2"}, "prefix": {prefix}}
		if token != "" {
			q.Set("continuation-token", token)
		}
		resp, err := http.Get(server.URL() + "/" + server.Bucket() + "?" + q.Encode())
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status, err)
		}
		_, after, more := strings.Cut(string(page), "<NextContinuationToken>")
		if !more {
			return time.Since(began)
		}
		token, _, _ = strings.Cut(after, "<")
	}
}
