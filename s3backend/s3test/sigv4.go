package s3test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// maxSkew is how far a client's clock may differ from S3's.
const maxSkew = 15 * time.Minute

// authorization is the header of a signed request, taken apart.
type authorization struct {
	accessKey, date, region, service string
	signed                           []string
}

func parseAuthorization(h string) (a authorization, ok bool) {
	fields, ok := strings.CutPrefix(h, "AWS4-HMAC-SHA256 ")
	if !ok {
		return a, false
	}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != "aws4_request" {
				return a, false
			}
			a.accessKey, a.date, a.region, a.service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			a.signed = strings.Split(value, ";")
		}
	}
	return a, a.accessKey != "" && slices.Contains(a.signed, "host")
}

// authenticate answers requests that are not signed as the configuration asks.
func (s *Server) authenticate(r *http.Request) *Reply {
	if s.cfg.AccessKey == "" {
		return nil
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return errorReply(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	a, ok := parseAuthorization(header)
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	switch {
	case !ok:
		return errorReply(http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed.")
	case a.region != s.cfg.Region:
		return errorReply(http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region '"+
			a.region+"' is wrong; expecting '"+s.cfg.Region+"'", "Region", s.cfg.Region)
	case a.accessKey != s.cfg.AccessKey:
		return errorReply(http.StatusForbidden, "InvalidAccessKeyId",
			"The AWS Access Key Id you provided does not exist in our records.", "AWSAccessKeyId", a.accessKey)
	case err != nil || !strings.HasPrefix(r.Header.Get("X-Amz-Date"), a.date):
		return errorReply(http.StatusForbidden, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
	case s.now().Sub(at).Abs() > maxSkew:
		return timeSkewed(s.now())
	case s.cfg.SecretKey != "" && !a.covers(r.Header):
		return errorReply(http.StatusForbidden, "AccessDenied", "There were headers present in the request which were not signed")
	case s.cfg.SecretKey != "" && header != s.sign(r, a, at):
		return errorReply(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does "+
			"not match the signature you provided. Check your key and signing method.", "AWSAccessKeyId", a.accessKey)
	}
	return nil
}

// covers says that all headers that S3 asks to be signed are.
func (a authorization) covers(h http.Header) bool {
	for name := range h {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") && !slices.Contains(a.signed, name) {
			return false
		}
	}
	return true
}

// sign returns the Authorization header that r should have: it signs a copy that
// has only what the client says it signed.
func (s *Server) sign(r *http.Request, a authorization, at time.Time) string {
	u := *r.URL
	u.Host = r.Host
	plain := &http.Request{Method: r.Method, URL: &u, Host: r.Host, Header: http.Header{}}
	for _, name := range a.signed {
		if v := r.Header.Values(name); len(v) > 0 {
			plain.Header[http.CanonicalHeaderKey(name)] = slices.Clone(v)
		}
	}
	if slices.Contains(a.signed, "content-length") {
		plain.ContentLength = r.ContentLength
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	keys := aws.Credentials{AccessKeyID: s.cfg.AccessKey, SecretAccessKey: s.cfg.SecretKey}
	if err := signer.SignHTTP(context.Background(), keys, plain, r.Header.Get("X-Amz-Content-Sha256"), a.service, a.region, at); err != nil {
		return ""
	}
	return plain.Header.Get("Authorization")
}

// timeSkewed is S3's answer to a clock that is wrong.
func timeSkewed(now time.Time) *Reply {
	return errorReply(http.StatusForbidden, "RequestTimeTooSkewed",
		"The difference between the request time and the current time is too large.",
		"ServerTime", now.Format(time.RFC3339), "MaxAllowedSkewMilliseconds", "900000")
}
