package blockcache_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// killed is set in the process that TestKilledAtRandomMoments kills.
const killed = "BLOCKCACHE_TEST_KILLED"

func killConfig(dir string) blockcache.Config {
	const block = 64 * kib // what a file system can free one by one
	cfg := config(dir, 0)
	cfg.BlockSize, cfg.Budget, cfg.WriteQueue = block, 30*block, 8*block
	cfg.Memory = blockcache.NewMemory(16*block, block)
	cfg.Prover = codedProver{}
	return cfg
}

// codedProver knows what the coded contents' checksum is.
type codedProver struct{}

func (codedProver) Checksum(_ context.Context, obj s3backend.Object) (s3backend.Checksum, error) {
	h := crc64nvme.New()
	_, err := io.Copy(h, io.NewSectionReader(s3test.Coded(seed, 1, obj.Size), 0, obj.Size))
	return s3backend.Checksum{CRC64NVME: h.Sum64(), HasCRC: true}, err
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
	proved := 0
	for i := range 10 * soakFactor(t) {
		killOne(t, dir)
		// Whatever is believed of what the killed one has left, it is right.
		verify := []blockcache.Verify{blockcache.VerifyAuto, blockcache.VerifyNever, blockcache.VerifyAlways}[i%3]
		synctest.Test(t, func(t *testing.T) { proved += checkAfterKill(t, dir, verify) })
	}
	t.Logf("%d versions were found proved", proved)
}

// soakFactor multiplies the rounds of the random tests.
func soakFactor(t *testing.T) int {
	s := cmp.Or(os.Getenv("ZS3FS_SOAK"), "1")
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("ZS3FS_SOAK=%q is no positive number", s)
	}
	return n
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

func checkAfterKill(t *testing.T, dir string, verify blockcache.Verify) (proved int) {
	cfg := killConfig(dir)
	cfg.Verify = verify
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
		if p, err := v.Proof(t.Context()); err != nil {
			t.Error(err)
		} else if p.Proved() {
			proved++
		}
		readAll(t, v, src, 64*kib)
		v.Close()
	}
	if s := c.Stats(); s.Mismatches != 0 || s.Disproved != 0 {
		t.Errorf("%d blocks did not match, %d versions were disproved", s.Mismatches, s.Disproved)
	}
	closeCache(t, c)
	return proved
}
