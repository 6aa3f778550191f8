package s3backend_test

import (
	"testing"

	"github.com/zs3fs/zs3fs/s3backend"
)

func TestDigest(t *testing.T) {
	const sum = "d41d8cd98f00b204e9800998ecf8427e"
	for etag, want := range map[string]bool{
		`"` + sum + `"`:                      true,
		`"` + sum + `-1"`:                    true,
		`"` + sum + `-4294967295"`:           true,
		`"` + sum + `-4294967296"`:           false,
		`"` + sum + `-0"`:                    false,
		`"` + sum + `-01"`:                   false,
		`"` + sum + `-+1"`:                   false,
		`"` + sum + `-"`:                     false,
		`"` + sum + `-1a"`:                   false,
		`"` + sum + `0"`:                     false,
		`"D41D8CD98F00B204E9800998ECF8427E"`: false,
		sum:                                  false,
		`"` + sum[1:] + `"`:                  false,
		`"` + sum[1:] + `x"`:                 false,
		`W/"` + sum + `"`:                    false,
		`""`:                                 false,
		"":                                   false,
	} {
		d, ok := s3backend.ParseDigest(etag)
		if ok != want || ok && d.ETag() != etag || !ok && d != (s3backend.Digest{}) {
			t.Errorf("%s: %v, gives %s; want %v", etag, ok, d.ETag(), want)
		}
	}
}
