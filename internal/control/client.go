package control

import (
	"context"
	"net"
	"net/http"
)

// Client asks the daemon of one mount point. The host in its URLs means nothing:
// http://zs3fs/status. It gives a daemon that is stopped up a little later than one
// that works gives up answering.
func Client(dir, mountpoint string) *http.Client {
	return &http.Client{Timeout: answerTimeout + headerTimeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return Dial(ctx, dir, mountpoint)
		},
	}}
}
