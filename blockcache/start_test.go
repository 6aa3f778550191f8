package blockcache

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/zs3fs/zs3fs/s3backend"
)

// million makes a cache of 1,000,000 blocks at the price of its maps: the blocks
// are holes, which read as the zeros that the maps speak of. Ten each are in so many
// small versions, the others in three large ones.
func million(t testing.TB, small int) Config {
	cfg := Config{Dir: t.TempDir(), BlockSize: startBlock, Budget: 1 << 40, Memory: NewMemory(1<<20, startBlock)}
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	crc := crc64nvme.Checksum(make([]byte, startBlock))
	entries := make([]uint64, 1_000_000-10*small)
	for i := range entries {
		entries[i] = crc
	}
	put := func(obj s3backend.Object) {
		o := &object{c: c, id: identify(cfg.Namespace, obj), size: obj.Size}
		f, err := c.disk.createFiles(o.header())
		if err == nil {
			err = c.disk.writeEntries(f, 0, entries[:o.count()]...)
			f.close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		put(large(i, small))
	}
	for i := range small {
		put(startObject(uint32(3+i), 10))
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

const startBlock = 4096

func large(n, small int) s3backend.Object {
	return startObject(uint32(n), (1_000_000-10*int64(small))/3)
}

func startObject(n uint32, blocks int64) s3backend.Object {
	return s3backend.Object{Key: string(binary.LittleEndian.AppendUint32(nil, n)), ETag: "x", Size: blocks * startBlock}
}

// start opens the cache and reads from it, and returns how long both took, and how
// long the sweep.
func start(t testing.TB, cfg Config, obj s3backend.Object) (first, swept time.Duration) {
	began := time.Now()
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	v := c.Version(obj)
	chunk, err := v.Read(t.Context(), make([]byte, startBlock), obj.Size/2, startBlock/2)
	if err != nil {
		t.Fatal(err)
	}
	chunk.Release()
	first = time.Since(began)
	<-c.disk.swept
	swept = time.Since(began)
	if n := c.Stats().DiskBytes; n < 999_990*startBlock || n > 1_000_000*startBlock {
		t.Errorf("%d bytes counted", n)
	}
	v.Close()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return first, swept
}

// With 1,000,000 cached blocks the first read takes less than a second: it waits
// for nothing but its own version's map.
func TestStartWithAMillionBlocks(t *testing.T) {
	const small = 3_000
	cfg := million(t, small)
	for _, order := range []string{"without", "with"} {
		first, swept := start(t, cfg, large(1, small))
		t.Logf("%s a saved order: first read after %v, swept after %v", order, first, swept)
		if first > time.Second {
			t.Errorf("the first read took %v", first)
		}
	}
}

// BenchmarkStart is the same with nearly all blocks in small versions, of which the
// sweep has to open two files each.
func BenchmarkStart(b *testing.B) {
	const small = 99_999
	cfg := million(b, small)
	var first, swept time.Duration
	for b.Loop() {
		f, s := start(b, cfg, startObject(3, 10))
		first, swept = first+f, swept+s
	}
	b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "ms/first-read")
	b.ReportMetric(float64(swept.Milliseconds())/float64(b.N), "ms/sweep")
}
