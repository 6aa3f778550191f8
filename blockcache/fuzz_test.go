package blockcache_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/zs3fs/zs3fs/blockcache"
)

// FuzzDecodeHeader: nothing but what encoding gives is taken for a header.
func FuzzDecodeHeader(f *testing.F) {
	dir := f.TempDir()
	c := open(f, config(dir, 10))
	v := c.Version(codedObject("a", 3*kib))
	if err := v.Claim(0, 3, true).Run(f.Context(), &source{}); err != nil {
		f.Fatal(err)
	}
	v.Close()
	closeCache(f, c)
	_, maps := files(f, dir)
	whole, err := os.ReadFile(maps[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[:blockcache.HeaderSize])
	f.Add(whole)
	f.Add([]byte{})
	f.Add(make([]byte, blockcache.HeaderSize))
	f.Fuzz(func(t *testing.T, p []byte) {
		again, err := blockcache.DecodeHeader(p)
		if err == nil && !bytes.Equal(again, p) {
			t.Fatalf("%x was taken for %x", p, again)
		}
	})
}
