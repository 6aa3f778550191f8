package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/zs3fs/zs3fs/internal/control"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func (s *stand) runtimeDir() string { return filepath.Join(s.dir, "run") }

// get asks for a page, over the control socket or an address.
func get(t *testing.T, c *http.Client, url string) (code int, text string) {
	t.Helper()
	defer c.CloseIdleConnections()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestStatus(t *testing.T) {
	s := newStand(t)
	p := s.foreground()
	s.readFile()
	var got status
	for _, path := range []string{s.mnt, filepath.Join(s.mnt, "dir/small")} {
		o := s.run("status", "--json", path)
		if err := json.Unmarshal([]byte(o.stdout), &got); err != nil || o.code != OK {
			t.Fatalf("%s: code %d, %v: %s%s", path, o.code, err, o.stdout, o.stderr)
		}
	}
	if got.MountPoint != s.mnt || got.PID != p.cmd.Process.Pid || got.Cache.Dir != s.cache || got.Values["source_fetched_bytes_total"] < 3<<20+5 ||
		got.Values["cache_budget_bytes"] == 0 || got.Cache.WritingPaused != "" {
		t.Errorf("%+v", got)
	}
	if on, reason := got.Passthrough.On, got.Passthrough.Reason; on == (reason != "") {
		t.Errorf("passthrough %v, reason %q", on, reason)
	}
	page := s.run("status", s.mnt)
	for _, want := range []string{"s3://bucket on " + s.mnt, "passthrough", "source fetched bytes"} {
		if !strings.Contains(page.stdout, want) {
			t.Errorf("no %q in %s", want, page.stdout)
		}
	}
	_, metrics := get(t, control.Client(s.runtimeDir(), s.mnt, statusPatience), "http://zs3fs/metrics")
	for _, r := range rows() {
		if !strings.Contains(metrics, "\nzs3fs_"+r.name+" ") || !strings.Contains(page.stdout, r.help) {
			t.Errorf("no %s in the metrics or the page", r.name)
		}
	}
	if want := fmt.Sprintf("\nzs3fs_passthrough{reason=%q} ", got.Passthrough.Reason); !strings.Contains(metrics, want) {
		t.Errorf("no %q in the metrics", want)
	}
	for name, text := range map[string]string{"status": page.stdout, "metrics": metrics} {
		if strings.Contains(text, canary) || strings.Contains(text, accessKey) {
			t.Errorf("a secret is in the %s", name)
		}
	}
	if info, err := os.Lstat(filepath.Join(s.runtimeDir(), control.Name(s.mnt))); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", info, err)
	}
	s.must("umount", s.mnt)
	if code := p.wait(); code != OK {
		t.Errorf("code %d", code)
	}
	if left, err := os.ReadDir(s.runtimeDir()); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if o := s.run("status", s.mnt); o.code != NotMounted {
		t.Errorf("code %d: %s", o.code, o.stderr)
	}
}

// An output that cannot be written is no fault of the arguments.
func TestOutputCannotBeWritten(t *testing.T) {
	s := newStand(t)
	s.mem.Put("a//b", s3test.Bytes(nil)) // for doctor
	s.foreground()
	for _, args := range [][]string{
		{"status", s.mnt}, {"status", "--json", s.mnt}, {"version"}, {"completion", "bash"},
		{"doctor", "--keys", "--endpoint-url", s.server.URL(), s.server.Bucket()},
		{"cat", "--endpoint-url", s.server.URL(), "s3://" + s.server.Bucket() + "/file"},
	} {
		o := s.runAs("sh", append([]string{"-c", `exec "$0" "$@" >/dev/full`, binary}, args...)...)
		if o.code != Failed || strings.Count(o.stderr, "\n") != 1 || strings.Contains(o.stderr, "--help") {
			t.Errorf("%s: code %d, %q", args, o.code, o.stderr)
		}
	}
	s.must("umount", s.mnt)
}

// A daemon that is stopped keeps nobody waiting for minutes, and no mount from ending.
func TestStoppedDaemon(t *testing.T) {
	s := newStand(t)
	p := s.foreground()
	p.signal(syscall.SIGSTOP)
	defer p.signal(syscall.SIGCONT)
	outcomes := make(chan outcome, 3)
	for _, args := range [][]string{{"refresh", s.mnt}, {"cache", "pin", s.mnt + "/file"}, {"cache", "unpin", s.mnt + "/file"}} {
		go func() { outcomes <- s.runAs("timeout", append([]string{"-s", "KILL", "30", binary}, args...)...) }()
	}
	for range 3 {
		if o := <-outcomes; o.code != NoControl || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, "umount --force "+s.mnt) {
			t.Errorf("code %d: %q", o.code, o.stderr)
		}
	}
	s.must("umount", s.mnt)
}

func TestStatusOfStoppedControl(t *testing.T) {
	s := newStand(t)
	s.foreground()
	if o := s.run("status", "--runtime-dir", filepath.Join(s.dir, "elsewhere"), s.mnt); o.code != NoControl || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, "--runtime-dir") {
		t.Errorf("code %d: %q", o.code, o.stderr)
	}
	s.must("umount", s.mnt)
}

// What nobody has written, the URL and the socket's path of this moment, nobody reads.
func TestStatusOfKilledDaemon(t *testing.T) {
	s := newStand(t)
	p := s.foreground()
	for _, pid := range append(s.keepers(), fmt.Sprint(p.cmd.Process.Pid)) {
		n, _ := strconv.Atoi(pid)
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	p.wait()
	for _, args := range [][]string{{"status", s.mnt}, {"status"}, {"cache", "pin", s.mnt + "/file"}, {"refresh", s.mnt}} {
		o := s.run(args...)
		if o.code != NoControl || !strings.Contains(o.stderr, "zs3fs umount "+s.mnt) || strings.Contains(o.stderr, "http:") || strings.Contains(o.stderr, "/proc/self") {
			t.Errorf("%s: code %d: %q", args, o.code, o.stderr)
		}
	}
	s.must("umount", s.mnt)
}

func TestMetricsAddress(t *testing.T) {
	s := newStand(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_, port, _ := strings.Cut(address, ":")
	if o := s.run(s.mountArgs("--metrics", port)...); o.code != MetricsAddress || s.mounted() {
		t.Errorf("code %d: %s", o.code, o.stderr)
	}
	l.Close()
	s.foreground("--metrics", port)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if code, text := get(t, client, "http://"+address+"/metrics"); code != http.StatusOK || !strings.Contains(text, "\nzs3fs_cache_present_bytes ") {
		t.Errorf("%d: %s", code, text)
	}
	// Nothing that changes anything, or names what is mounted.
	for _, path := range []string{"/status", "/pin", "/debug/pprof/"} {
		if code, _ := get(t, client, "http://"+address+path); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
	s.must("umount", s.mnt)
}

func TestPin(t *testing.T) {
	s := newStand(t)
	const odd = "not UTF-8 \xff"
	s.mem.Put(odd, s3test.Bytes([]byte("odd")))
	s.mem.Put(strings.ToValidUTF8(odd, "\ufffd"), s3test.Bytes([]byte("its neighbour")))
	s.foreground()
	file := filepath.Join(s.mnt, "file")
	pinned := func() int64 {
		var got status
		if err := json.Unmarshal([]byte(s.run("status", "--json", s.mnt).stdout), &got); err != nil {
			t.Fatal(err)
		}
		return got.Values["cache_pinned_versions"]
	}
	s.must("cache", "pin", file, filepath.Join(s.mnt, "dir/small"))
	if n := pinned(); n != 2 {
		t.Errorf("%d versions are pinned", n)
	}
	s.must("cache", "unpin", file)
	if n := pinned(); n != 1 {
		t.Errorf("%d versions are pinned", n)
	}
	// What is replaced stays pinned, and no path names it any more.
	s.mem.Put("dir/small", s3test.Bytes([]byte("another")))
	s.must("refresh", s.mnt)
	s.must("cache", "unpin", filepath.Join(s.mnt, "dir/small"))
	if n := pinned(); n != 1 {
		t.Errorf("%d versions are pinned", n)
	}
	s.must("cache", "unpin-all", s.mnt)
	if n := pinned(); n != 0 {
		t.Errorf("%d versions are pinned", n)
	}
	s.must("cache", "pin", filepath.Join(s.mnt, "dir/small"))
	// As a version is known by its name, the neighbour is another.
	s.must("cache", "pin", filepath.Join(s.mnt, odd), filepath.Join(s.mnt, strings.ToValidUTF8(odd, "\ufffd")))
	if n := pinned(); n != 3 {
		t.Errorf("%d versions are pinned", n)
	}
	if o := s.run("cache", "pin", s.mnt); o.code != Failed || !strings.Contains(o.stderr, "is a directory") || strings.Contains(o.stderr, "Conflict") {
		t.Errorf("the mount point: code %d, %q", o.code, o.stderr)
	}
	for path, want := range map[string]Code{filepath.Join(s.mnt, "missing"): Failed, filepath.Join(s.mnt, "dir"): Failed, s.dir: NotMounted} {
		if o := s.run("cache", "pin", path); o.code != want || strings.Count(o.stderr, "\n") != 1 || strings.Contains(o.stderr, "Not Found") {
			t.Errorf("%s: code %d, %q", path, o.code, o.stderr)
		}
	}
	s.must("umount", s.mnt)
}

// Names and kinds are what Prometheus wants, each once.
func TestCollector(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newCollector(func() *snapshot { return &snapshot{} }))
	families, err := registry.Gather()
	if err != nil {
		t.Error(err)
	}
	want := []string{"zs3fs_passthrough"}
	for _, r := range rows() {
		want = append(want, "zs3fs_"+r.name)
	}
	var got []string
	for _, f := range families {
		got = append(got, f.GetName())
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("families %q, want %q", got, want)
	}
	var page bytes.Buffer
	if err := (status{}).write(&page); err != nil {
		t.Error(err)
	}
}
