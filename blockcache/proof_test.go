package blockcache_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/minio/crc64nvme"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// slowProver answers when it is told to.
type slowProver struct {
	sum    s3backend.Checksum
	answer chan struct{}
}

func (p *slowProver) Checksum(context.Context, s3backend.Object) (s3backend.Checksum, error) {
	<-p.answer
	return p.sum, nil
}

// TestProofIsOfWhatIsThere: a block is dropped and fetched again, wrongly, while the server
// is asked for the checksum. Its answer proves the blocks of before only.
func TestProofIsOfWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 5 * kib
		whole := make([]byte, size)
		s3test.Coded(seed, 1, size).ReadAt(whole, 0)
		p := &slowProver{sum: s3backend.Checksum{CRC64NVME: crc64nvme.Checksum(whole), HasCRC: true}, answer: make(chan struct{})}
		dir := t.TempDir()
		cfg := config(dir, 1000)
		cfg.Prover = p
		c := open(t, cfg)
		obj := codedObject("a", size)
		v := c.Version(obj)
		for i := range int64(5) {
			fetch(t, v, &source{}, i, 1, true)
			synctest.Wait()
		}
		v.Forget(0, 5)
		v.Close()
		v = c.Version(obj)
		synctest.Wait() // finish waits for the prover now
		data, _ := files(t, dir)
		if err := flip(data[0]); err != nil {
			t.Fatal(err)
		}
		// What was damaged is fetched again, from a source that is wrong.
		bad := &wrongSource{wrong: 1 << 30}
		for i := range int64(5) {
			readOnce(t.Context(), v, bad, make([]byte, kib), i*kib, kib, func([]byte) error { return nil })
			synctest.Wait()
		}
		if bad.requests.Load() == 0 {
			t.Fatal("nothing was fetched again")
		}
		close(p.answer)
		synctest.Wait()
		proof, _ := v.Proof(t.Context())
		b, err := v.Passthrough(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if b != nil {
			got := make([]byte, size)
			unix.Pread(b.Fd(), got, 0)
			if err := s3test.CheckCoded(got, 0, seed, 1); err != nil {
				t.Errorf("%v, and handed to the kernel: %v", proof, err)
			}
			b.Release()
		}
		v.Close()
		closeCache(t, c)
	})
}
