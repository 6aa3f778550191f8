package blockcache_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

// killed is set in the process that TestKilledAtRandomMoments kills.
const killed = "BLOCKCACHE_TEST_KILLED"

func killConfig(dir string) blockcache.Config {
	const block = 64 * kib // what a file system can free one by one
	cfg := config(dir, 0)
	cfg.BlockSize, cfg.Budget, cfg.WriteQueue = block, 30*block, 8*block
	cfg.Memory = blockcache.NewMemory(16*block, block)
	return cfg
}

func killObjects() (objects []s3backend.Object) {
	for i, size := range []int64{1000, 5*64*kib + 1, 20 * 64 * kib, 50 * 64 * kib} {
		objects = append(objects, codedObject(fmt.Sprint(i), size))
	}
	return objects
}

// keepReading reads everywhere for ever.
func keepReading(t *testing.T, c *blockcache.Cache) {
	src := &source{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			objects, scratch := killObjects(), make([]byte, 64*kib)
			for {
				v := c.Version(objects[rand.IntN(len(objects))])
				for off := rand.Int64N(v.Object().Size); off < v.Object().Size; {
					n, err := readOnce(t.Context(), v, src, scratch, off, len(scratch), func([]byte) error { return nil })
					if err != nil {
						panic(err)
					}
					off += int64(n)
				}
				v.Close()
			}
		})
	}
	wg.Wait()
}

// F57, F58: after kill -9 at a random moment every read is right and the
// accounting is what is on disk.
func TestKilledAtRandomMoments(t *testing.T) {
	if dir := os.Getenv(killed); dir != "" {
		c := open(t, killConfig(dir))
		os.Stdout.WriteString("open\n")
		keepReading(t, c)
	}
	dir := t.TempDir()
	for range 10 {
		killOne(t, dir)
		synctest.Test(t, func(t *testing.T) { checkAfterKill(t, dir) })
	}
}

func killOne(t *testing.T, dir string) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledAtRandomMoments$")
	cmd.Env = append(os.Environ(), killed+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		t.Fatalf("%q, %v", line, err)
	}
	moment := time.NewTimer(time.Duration(rand.IntN(100)) * time.Millisecond)
	<-moment.C
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // says that it was killed
}

func checkAfterKill(t *testing.T, dir string) {
	cfg := killConfig(dir)
	c := open(t, cfg)
	synctest.Wait() // for the sweep
	data, maps := files(t, dir)
	if len(data) != len(maps) {
		t.Errorf("%d data files, %d maps", len(data), len(maps))
	}
	// A file system rounds up the end of each file, and a little is tolerated.
	counted, there := c.Stats().DiskBytes, onDisk(t, dir)
	if slack := int64(len(data)) * 68 * kib; counted > cfg.Budget || there > counted+slack {
		t.Errorf("%d bytes counted, %d on disk, budget %d", counted, there, cfg.Budget)
	}
	src := &source{}
	for _, obj := range killObjects() {
		v := c.Version(obj)
		readAll(t, v, src, 64*kib)
		v.Close()
	}
	if s := c.Stats(); s.Mismatches != 0 {
		t.Errorf("%d blocks did not match", s.Mismatches)
	}
	closeCache(t, c)
}
