package s3backend

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// verdict is what one failed attempt means: the error if it stays so, and what
// may help.
type verdict struct {
	err       error
	again     bool          // another attempt may do better
	throttled bool          // the server wants fewer requests
	unnamed   bool          // the name was not resolved: no attempt was made
	quiet     bool          // no header came: idle connections may be dead too
	refresh   bool          // new credentials may help, once
	after     time.Duration // before which the server wants no other attempt
	region    string        // the bucket's region, where the answer names one
	dated     bool          // refused, with the server's time: our clock may be the cause
	skew      time.Duration // then: how far the server's clock is ahead
}

// wrongAnswer is a failed comparison of an answer with its question: asked
// again, since a proxy or a node may be at fault, and in the end both a wrong
// answer and an unavailable endpoint.
func wrongAnswer(format string, args ...any) error {
	return &failure{sentinel: ErrBadAnswer, also: ErrUnavailable, detail: fmt.Sprintf(format, args...)}
}

// changed is the verdict that the version asked for is gone.
func changed(format string, args ...any) error {
	return &failure{sentinel: ErrChanged, detail: fmt.Sprintf(format, args...)}
}

// judge translates the error of one attempt at op, as in OpError.
func judge(op string, err error) verdict {
	if f := (*failure)(nil); errors.As(err, &f) {
		again := errors.Is(f.sentinel, ErrBadAnswer) || errors.Is(f.sentinel, ErrUnavailable)
		return verdict{err: f, again: again, quiet: f == errStalled}
	}
	status := statusOf(err)
	switch {
	case status >= 300:
		resp := (*smithyhttp.ResponseError)(nil)
		errors.As(err, &resp)
		return judgeAnswer(op, resp.HTTPResponse().Response, err)
	case status == 0 || errors.Is(err, context.DeadlineExceeded):
		return judgeTransport(err)
	}
	return verdict{err: wrongAnswer("status %d with an unreadable body", status), again: true}
}

// errNotOffered: the question for versions is not a part of this server.
var errNotOffered = errors.New("not offered by the server")

func notOffered(status int) bool {
	return status == http.StatusNotImplemented || status == http.StatusMethodNotAllowed
}

func judgeAnswer(op string, resp *http.Response, err error) verdict {
	code := ""
	if api := smithy.APIError(nil); errors.As(err, &api) {
		code = api.ErrorCode()
	}
	v := byCode(code)
	if v.err == nil {
		v = byStatus(resp.StatusCode)
	}
	if resp.StatusCode == http.StatusMethodNotAllowed && resp.Header.Get("X-Amz-Delete-Marker") == "true" {
		// S3's answer about a delete marker that was asked for by its id. Any other 405 is
		// of who forbids the question, a gateway perhaps, and says nothing of the object.
		v.err = fs.ErrNotExist
	}
	var also error
	if (op == "versions" || op == "versioning") &&
		(v.err == fs.ErrNotExist || v.err == ErrBadAnswer && notOffered(resp.StatusCode)) {
		v.err, also = ErrBadAnswer, errNotOffered // a missing bucket has a code
	}
	v.region = resp.Header.Get(regionHeader)
	if seconds, err := parseOffset(resp.Header.Get("Retry-After")); err == nil {
		v.after = time.Duration(min(seconds, int64(maxRetryAfter/time.Second))) * time.Second
	}
	switch {
	case resp.StatusCode/100 == 3 && v.region == "" && resp.StatusCode != http.StatusMovedPermanently:
		// A redirect that refuseRedirect did not follow.
		v.err = ErrBadAnswer
	case v.err == ErrRegion && code == "AuthorizationHeaderMalformed" && v.region == "":
		v.err = ErrCredentials
	case resp.StatusCode == http.StatusForbidden || v.err == ErrCredentials:
		v.skew, v.dated = skewOf(resp)
	case v.err == fs.ErrNotExist && op == "list" && !strings.HasPrefix(code, "KeyTooLong"):
		v.err = ErrNoBucket
	case v.err == fs.ErrNotExist && (op == "open" || op == "checksum"):
		v.err = ErrChanged
	}
	v.err = &failure{sentinel: v.err, also: also, detail: answerDetail(resp, code)}
	return v
}

// byCode knows the codes of S3 and its relatives. The message beside a code is
// never looked at, nor handed on: it is the server's text.
func byCode(code string) verdict {
	switch code {
	case "NoSuchBucket", "NoSuchAccessPoint", "InvalidBucketName":
		return verdict{err: ErrNoBucket}
	case "NoSuchKey", "NoSuchVersion", "NotFound", "KeyTooLongError", "KeyTooLong":
		return verdict{err: fs.ErrNotExist}
	case "PreconditionFailed", "InvalidRange":
		return verdict{err: ErrChanged}
	case "InvalidObjectState":
		return verdict{err: ErrArchived}
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired",
		"InvalidToken", "InvalidTokenId", "InvalidAccessKeyId": // InvalidTokenId is MinIO's InvalidToken
		return verdict{err: ErrCredentials, refresh: true}
	case "SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidSecurity", "MissingSecurityHeader",
		"CredentialsNotSupported", "NotSignedUp", "AccountProblem", "InvalidClientTokenId":
		return verdict{err: ErrCredentials}
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed",
		"IllegalLocationConstraintException", "InvalidRegion":
		return verdict{err: ErrRegion}
	case "SlowDown", "SlowDownRead", "Throttling", "ThrottlingException", "ThrottledException",
		"RequestThrottled", "RequestThrottledException", "RequestLimitExceeded", "TooManyRequests",
		"TooManyRequestsException", "BandwidthLimitExceeded", "LimitExceededException":
		return verdict{err: ErrThrottled, again: true, throttled: true}
	case "RequestTimeout", "InternalError", "OperationAborted", "IncompleteBody", "ConnectionClosed":
		return verdict{err: ErrUnavailable, again: true}
	}
	return verdict{}
}

func byStatus(status int) verdict {
	switch {
	case status == http.StatusNotFound, status == http.StatusGone:
		return verdict{err: fs.ErrNotExist}
	case status == http.StatusUnauthorized:
		return verdict{err: ErrCredentials}
	case status == http.StatusForbidden:
		return verdict{err: fs.ErrPermission}
	case status == http.StatusPreconditionFailed, status == http.StatusRequestedRangeNotSatisfiable:
		return verdict{err: ErrChanged}
	case status == http.StatusTooManyRequests:
		return verdict{err: ErrThrottled, again: true, throttled: true}
	case status == http.StatusServiceUnavailable:
		// Throttling without its code, as in answers to HEAD, or an outage: in
		// both fewer requests are right.
		return verdict{err: ErrUnavailable, again: true, throttled: true}
	case status == http.StatusMovedPermanently:
		return verdict{err: ErrRegion}
	case status == http.StatusNotImplemented:
		return verdict{err: ErrBadAnswer}
	case status >= 500, status == http.StatusRequestTimeout:
		return verdict{err: ErrUnavailable, again: true}
	}
	return verdict{err: ErrBadAnswer}
}

// judgeTransport is for requests that got no answer.
func judgeTransport(err error) verdict {
	var (
		creds *credentialsError
		dns   *net.DNSError
		cert  *tls.CertificateVerificationError
		roots x509.SystemRootsError
	)
	switch {
	case errors.As(err, &creds):
		return verdict{err: &failure{sentinel: ErrCredentials, also: ErrNoCredentials, detail: creds.detail()}}
	case errors.As(err, &cert), errors.As(err, &roots):
		return verdict{err: unavailable(err)}
	case errors.As(err, &dns):
		return verdict{err: unavailable(err), again: true, unnamed: true}
	}
	send := (*smithyhttp.RequestSendError)(nil)
	if cancel := (*smithy.CanceledError)(nil); !errors.As(err, &send) && !errors.As(err, &cancel) && !errors.Is(err, context.DeadlineExceeded) {
		// The SDK could not even make a request: that stays so.
		return verdict{err: &failure{sentinel: fs.ErrInvalid, detail: "no request can be made of it: " + err.Error()}}
	}
	var op *net.OpError
	timeout := net.Error(nil)
	quiet := errors.As(err, &timeout) && timeout.Timeout() || errors.As(err, &op) && op.Op == "dial"
	return verdict{err: unavailable(err), again: true, quiet: quiet}
}

// unavailable keeps the innermost words only, which name the address and not
// the URL.
func unavailable(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	if send := (*smithyhttp.RequestSendError)(nil); errors.As(err, &send) {
		err = send.Err
	}
	if cancel := (*smithy.CanceledError)(nil); errors.As(err, &cancel) || errors.Is(err, context.DeadlineExceeded) {
		return &failure{sentinel: ErrUnavailable, detail: "no complete answer in time"}
	}
	return &failure{sentinel: ErrUnavailable, detail: err.Error()}
}

// answerDetail is status, code and request id, each cut and quoted where a
// server could put anything.
func answerDetail(resp *http.Response, code string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP %d", resp.StatusCode)
	if code != "" && code != "UnknownError" {
		fmt.Fprintf(&b, " %s", printable(code))
	}
	if region := resp.Header.Get(regionHeader); region != "" {
		fmt.Fprintf(&b, ", bucket region %s", printable(region))
	}
	if id := resp.Header.Get("X-Amz-Request-Id"); id != "" {
		fmt.Fprintf(&b, ", request %s", printable(id))
	}
	return b.String()
}

// printable keeps what codes, regions and ids consist of.
func printable(s string) string {
	s = s[:min(len(s), 64)]
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_./+=", r):
			return r
		}
		return '?'
	}, s)
}

// maxRetryAfter is how far a server's Retry-After is followed: a reader waits.
const maxRetryAfter = 20 * time.Second

// skewTolerance is where the SDK begins to correct the clock it signs by; S3
// itself refuses from 15 minutes on.
const skewTolerance = 4 * time.Minute

// skewOf returns how far the server's clock is ahead of ours, 0 when that is no
// reason for refusing a signature; ok is false when the answer does not tell.
func skewOf(resp *http.Response) (skew time.Duration, ok bool) {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, false
	}
	if skew = time.Until(date); skew.Abs() <= skewTolerance {
		skew = 0
	}
	return skew.Round(time.Second), true
}
