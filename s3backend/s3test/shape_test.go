package s3test_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// At one byte an hour nothing comes, and without a limit all of it, so the shape
// shows without a clock.
func TestShapeChangesAtRunTime(t *testing.T) {
	f := serve(t, s3test.ServerConfig{Latency: time.Hour})
	f.mem.Put("k", s3test.Coded(1, 1, 1<<20))
	short := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	if _, err := f.receive(short(), "k"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("late: %v", err)
	}
	if r := f.Requests(nil)[0]; r.Status != 0 {
		t.Errorf("late: %d was sent", r.Status)
	}
	f.SetShape(0, 10)
	if _, err := f.receive(short(), "k"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
	if r := f.Requests(nil)[1]; r.Status != 200 || r.Sent > 1000 {
		t.Errorf("slow: %+v", r)
	}
	f.SetShape(0, 0)
	if p, err := f.receive(t.Context(), "k"); err != nil || len(p) != 1<<20 {
		t.Errorf("unshaped: %d bytes, %v", len(p), err)
	}
	err := f.Await(t.Context(), func(rs []s3test.Request) bool {
		return len(rs) == 3 && rs[0].Done && rs[0].Aborted && rs[1].Aborted && rs[2].Done && !rs[2].Aborted
	})
	if err != nil || f.Open() != 0 {
		t.Errorf("%v; %+v", err, f.Requests(nil))
	}
}

func TestHold(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	f.mem.Put("k", s3test.Coded(1, 1, 1000))
	release, releaseBody := make(chan struct{}), make(chan struct{})
	f.Inject(s3test.Fault{Match: s3test.Match{Times: 1}, Do: s3test.Hold(release)})
	f.Inject(s3test.Fault{Match: s3test.Match{First: 2}, Do: s3test.HoldAfter(300, releaseBody)})
	for i, tt := range []struct {
		release chan struct{}
		status  int
		sent    int64
	}{{release, 0, 0}, {releaseBody, 200, 300}} {
		done := make(chan error, 1)
		go func() {
			p, err := f.receive(t.Context(), "k")
			if err == nil {
				err = s3test.CheckCoded(p, 0, 1, 1)
			}
			if err == nil && len(p) != 1000 {
				err = errors.New("short")
			}
			done <- err
		}()
		err := f.Await(t.Context(), func(rs []s3test.Request) bool { return len(rs) == i+1 && rs[i].Sent == tt.sent })
		if err != nil || f.Requests(nil)[i].Done {
			t.Errorf("not held: %v", err)
		}
		close(tt.release)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestSkewedClock(t *testing.T) {
	f := serve(t, s3test.ServerConfig{AccessKey: "AKIDTEST", SecretKey: "secret"})
	f.mem.Put("k", s3test.Coded(1, 1, 10))
	f.SetSkew(3 * time.Hour)
	head := &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k")}
	plain := f.sdk("us-east-1", "AKIDTEST", "secret")
	if _, err := plain.HeadObject(t.Context(), head); err == nil {
		t.Error("a signature of three hours ago was taken")
	}
	if _, err := plain.HeadObject(t.Context(), head); err != nil {
		t.Errorf("the SDK did not learn the time from the Date header: %v", err)
	}
}

func TestTLS(t *testing.T) {
	// The certificate that httptest has for 127.0.0.1.
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	f := serve(t, s3test.ServerConfig{TLS: &tls.Config{Certificates: certificates.TLS.Certificates}})
	pool := x509.NewCertPool()
	pool.AddCert(certificates.Certificate())
	f.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool}
	f.mem.Put("k", s3test.Coded(1, 1, 1<<20))
	f.Inject(s3test.Fault{Match: s3test.Match{First: 2}, Do: s3test.ResetAfter(100)})
	if g := f.must(t, "GET", "/k"); s3test.CheckCoded(g.body, 0, 1, 1) != nil || len(g.body) != 1<<20 {
		t.Errorf("%d bytes", len(g.body))
	}
	if g, err := f.do(t, "GET", "/k"); err == nil && g.err == nil {
		t.Error("not reset")
	}
}
