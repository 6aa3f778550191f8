//go:build zfsvm

package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

const (
	// roundVariable tells TestBetweenPowerCuts how often the power was cut before,
	// and lastVariable that it will not be again.
	roundVariable = "ZS3FS_E2E_ROUND"
	lastVariable  = "ZS3FS_E2E_LAST"
	// loaded is what it says when the power may be cut.
	loaded = "under load: cut the power"
	// began is what the machine says before it starts anything of ours.
	began = "zfs-vm: up"
)

// TestPowerCuts runs on the host. It has a virtual machine read through a mount whose
// cache lies on ZFS, ends the emulator at a random moment, and boots the next one with
// the same disk, which looks at what is left; see TestBetweenPowerCuts.
func TestPowerCuts(t *testing.T) {
	disk, payload := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	must(t, "cp", self, filepath.Join(payload, "tests"))
	must(t, "cp", executable, filepath.Join(payload, "zs3fs"))
	r := rand.New(rand.NewPCG(1, 1))
	cuts := soak(t, 2)
	for round := range cuts + 1 {
		last := ""
		if round == cuts {
			last = "yes"
		}
		script := fmt.Sprintf("#!/bin/bash\ncd /tmp\nexport %s=/payload/zs3fs %s=/dev/vda %s=%d %s=%s\n"+
			"echo\necho %s\n/payload/tests -test.v -test.run '^TestBetweenPowerCuts$'\n",
			binaryVariable, diskVariable, roundVariable, round, lastVariable, last, began)
		if err := os.WriteFile(filepath.Join(payload, "run.sh"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		// ZFS closes a transaction group after 5 s, or when much was written.
		delay := time.Duration(r.IntN(8000)) * time.Millisecond
		console, err := boot(payload, disk, last != "", delay)
		for range 2 {
			if err == nil || strings.Contains(console, began) && !strings.Contains(console, "Oops: int3") {
				break // not the emulator's own mishap: see scripts/zfs-vm/exec
			}
			t.Logf("round %d: booted again after %v", round, err)
			console, err = boot(payload, disk, last != "", delay)
		}
		for line := range strings.Lines(console) {
			if strings.Contains(line, "powercut_test.go") {
				t.Logf("round %d: %s", round, strings.TrimSpace(line))
			}
		}
		if err != nil {
			t.Fatalf("round %d: %v\n%s", round, err, tail(console, 300))
		}
	}
}

// boot runs the machine to its end or, unless it is the last time, until a moment
// after it is under load. It returns what was on the console.
func boot(payload, disk string, last bool, delay time.Duration) (string, error) {
	cmd := exec.Command(filepath.Join("..", "..", "scripts", "zfs-vm", "run"), payload, "600")
	cmd.Env = append(os.Environ(), "DISK="+disk)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return "", err
	}
	var console strings.Builder
	cut := false
	lines := bufio.NewReader(io.TeeReader(out, &console))
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		if !last && strings.Contains(line, loaded) {
			<-time.NewTimer(delay).C
			// The emulator and all that was started with it are a session of their own.
			if _, err := run("pkill", "-KILL", "-s", strconv.Itoa(cmd.Process.Pid)); err != nil {
				return console.String(), err
			}
			cut = true
		}
	}
	err = cmd.Wait()
	switch {
	case cut:
		err = nil // killed
	case err == nil && !last:
		err = fmt.Errorf("the machine ended before its power was cut")
	}
	return console.String(), err
}

// TestBetweenPowerCuts runs in the machines of TestPowerCuts. After a cut, each block
// that a map calls present must be what the map says; all files must read right, those
// that do not change partly from the cache; and the accounting must be what is on
// disk. Then it reads on until the power is cut again.
func TestBetweenPowerCuts(t *testing.T) {
	text := os.Getenv(roundVariable)
	if text == "" {
		t.Skip("TestPowerCuts runs it, in a virtual machine")
	}
	round, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	const budget = 20 * mib
	d := surviving(t, round == 0)
	s := standOnWith(d, s3test.ServerConfig{Addr: "127.0.0.1:9000"})
	// The contents follow from the round: nothing but the pool outlives the machine.
	var files []file
	for i := range 4 {
		f := file{s: s, key: fmt.Sprintf("f%d", i), seed: uint32(i + 1)}
		if i%2 == 1 {
			f.version = uint32(round * 1000)
		}
		files = append(files, s.overwrite(f, int64(2+2*i)*mib+int64(i)))
	}
	if round > 0 {
		on := walkCache(t, s.cache, false)
		s.verifyAccounting(t, files, budget)
		t.Logf("cut %d left %d versions and %d KiB; %d of %d KiB were fetched again", round, on.versions, on.bytes/kib,
			s.server.BytesSent()/kib, sizes(files)/kib)
		if on.bytes == 0 || on.bytes > budget {
			t.Errorf("%d bytes on disk, the budget is %d", on.bytes, budget)
		}
		if t.Failed() || os.Getenv(lastVariable) != "" {
			return
		}
	}
	s.mount("--log-level", "info", "--metadata-ttl", "50ms", "--cache-size", fmt.Sprintf("%dB", budget))
	r := rand.New(rand.NewPCG(1, uint64(round)))
	s.load(t, []file{files[0], files[2]}, r)
	for i := 0; ; i++ {
		n := 1 + 2*r.IntN(2)
		files[n] = s.overwrite(files[n], files[n].size)
		files[n].job("sequential").run(t) // of the version before, while its name is kept
		s.server.Reset()
		if i == 1 {
			d.sync() // so that something outlives the cut
			fmt.Println(loaded)
			// What the console goes through on the host may hold back some KiB.
			fmt.Println(strings.Repeat(strings.Repeat(" ", 127)+"\n", 64))
		}
	}
}

// surviving makes the dataset, or finds it on the machine's disk.
func surviving(t testing.TB, fresh bool) *dataset {
	t.Helper()
	p := &pool{t: t, name: "zs3fstest-cut", disk: os.Getenv(diskVariable), dir: t.TempDir()}
	d := &dataset{pool: p, name: p.name + "/cache", dir: filepath.Join(p.dir, "cache")}
	if fresh {
		must(t, "zpool", "create", "-f", "-o", "ashift=12", "-o", "cachefile=none", "-O", "mountpoint=none", p.name, p.disk)
		return p.dataset("cache")
	}
	must(t, "zpool", "import", "-f", "-N", "-o", "cachefile=none", "-d", p.devices(), p.name)
	d.set("mountpoint=" + d.dir) // which mounts it
	t.Cleanup(p.export)
	return d
}
