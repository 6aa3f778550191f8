package control

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Client asks the daemon of one mount point. The host in its URLs means nothing:
// http://zs3fs/status. It waits for an answer for patience, as a daemon may be stopped.
func Client(dir, mountpoint string, patience time.Duration) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return Dial(ctx, dir, mountpoint)
		},
	}}
}
