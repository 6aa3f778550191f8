package s3backend_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// What a server does otherwise than S3 is said once; a right one is not accused.
func TestQuirksAreLoggedOnce(t *testing.T) {
	for _, q := range []s3test.Quirks{{}, {IgnoreMaxKeys: true}, {IgnoreStartAfter: true}, {IgnoreEncoding: true}} {
		mem := s3test.NewMem()
		for i := range 50 {
			mem.Put(fmt.Sprintf("d/%02d", i), s3test.Bytes(nil))
		}
		s, err := s3test.NewServer(mem, s3test.ServerConfig{PageSize: 20, Quirks: q})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var log bytes.Buffer
		c := newClient(t, s3backend.Options{Bucket: s.Bucket(), EndpointURL: s.URL(), NoSignRequest: true,
			Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for range 3 {
			for _, err := range c.List(context.Background(), "d/", 5) {
				if err != nil {
					t.Fatal(err)
				}
			}
			n := 0
			for page, err := range c.Pages(context.Background(), s3backend.Span{Prefix: "d/", After: "d/29", Deep: true}) {
				if err != nil {
					t.Fatal(err)
				}
				n += len(page)
			}
			if n != 20 {
				t.Errorf("%+v: %d keys after d/29", q, n)
			}
		}
		want := 1
		if q == (s3test.Quirks{}) {
			want = 0
		}
		if got := strings.Count(log.String(), "otherwise than S3"); got != want {
			t.Errorf("%+v: logged %d times, want %d:\n%s", q, got, want, log.String())
		}
	}
}
