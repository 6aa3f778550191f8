package s3backend

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"
)

const (
	// S3 closes an idle connection after some 5 s, other servers after 20 and
	// more. Go sends again when a reused connection proves dead, so being a
	// little late costs a round trip only.
	idleConnTimeout = 15 * time.Second
	// S3's limit of user metadata is 2 KB, all of its header stays below 8.
	maxHeaderBytes = 64 << 10
	// Redirects are followed on one host only; S3 never sends more than one.
	maxRedirects = 3
)

func newTransport(o Options, d *dialer, roots *x509.CertPool) *http.Transport {
	var protocols http.Protocols
	// One request a connection: HTTP/2 would put all bodies on one TCP
	// connection, whose rate S3 limits. S3 itself speaks 1.1.
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: d.DialContext,
		TLSClientConfig: &tls.Config{
			RootCAs:            roots,
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: o.NoVerifySSL, // asked for with --no-verify-ssl
			ClientSessionCache: tls.NewLRUClientSessionCache(256),
		},
		TLSHandshakeTimeout:   o.ConnectTimeout,
		ResponseHeaderTimeout: o.HeaderTimeout,
		IdleConnTimeout:       idleConnTimeout,
		// The SDK keeps 10, and beyond that a handshake is paid per request.
		// Twice, because demand and guesses overlap when a stream turns.
		MaxIdleConnsPerHost:    2 * o.Connections,
		MaxIdleConns:           0,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// Bytes are the stored bytes, whatever their Content-Encoding.
		DisableCompression: true,
		Protocols:          &protocols,
	}
}

// refuseRedirect lets a 307 or 308 within one host pass and turns any other
// redirect into the final answer: the SDK's own client would follow it to any
// host, and hand out that host's bytes as the object's.
func (c *Client) refuseRedirect(req *http.Request, via []*http.Request) error {
	code := req.Response.StatusCode
	from := via[len(via)-1].URL
	if code != http.StatusTemporaryRedirect && code != http.StatusPermanentRedirect ||
		len(via) > maxRedirects ||
		req.URL.Host != from.Host || req.URL.Scheme != from.Scheme {
		c.log.Warn("redirect refused", "status", code, "from", from.Host, "to_scheme", req.URL.Scheme, "to", req.URL.Host)
		return http.ErrUseLastResponse
	}
	return nil
}
