package s3test

import (
	"maps"
	"net/http"
	"strconv"
	"time"
)

// answer makes an Action that replaces the whole answer.
func answer(with func(Request) *Reply) Action {
	return func(req Request, r *Reply) {
		wire := r.Wire // how it travels is another fault's affair
		*r = *with(req)
		r.Wire = wire
	}
}

// Fail answers with an error document of S3's.
func Fail(status int, code string) Action {
	return answer(func(req Request) *Reply {
		return errorReply(status, code, http.StatusText(status), "Key", req.Key)
	})
}

// SlowDown is 503 SlowDown.
func SlowDown() Action { return Fail(http.StatusServiceUnavailable, "SlowDown") }

// InternalError is 500 InternalError.
func InternalError() Action { return Fail(http.StatusInternalServerError, "InternalError") }

// AccessDenied is 403 AccessDenied.
func AccessDenied() Action { return Fail(http.StatusForbidden, "AccessDenied") }

// NoSuchKey is 404 NoSuchKey.
func NoSuchKey() Action { return Fail(http.StatusNotFound, "NoSuchKey") }

// NoSuchBucket is 404 NoSuchBucket.
func NoSuchBucket() Action { return Fail(http.StatusNotFound, "NoSuchBucket") }

// PreconditionFailed is 412, as after an overwrite.
func PreconditionFailed() Action {
	return Fail(http.StatusPreconditionFailed, "PreconditionFailed")
}

// ExpiredToken is 400 ExpiredToken: the session's credentials are too old.
func ExpiredToken() Action { return Fail(http.StatusBadRequest, "ExpiredToken") }

// TimeSkewed is 403 RequestTimeTooSkewed at a server whose clock is ahead by
// skew, which its Date header shows; see also Server.SetSkew.
func TimeSkewed(skew time.Duration) Action {
	return answer(func(Request) *Reply {
		now := time.Now().UTC().Add(skew)
		r := timeSkewed(now)
		r.Header.Set("Date", now.Format(http.TimeFormat))
		return r
	})
}

// WrongRegion is 301 PermanentRedirect, which names the bucket's region.
func WrongRegion(region string) Action {
	return answer(func(Request) *Reply {
		r := errorReply(http.StatusMovedPermanently, "PermanentRedirect", "The bucket you are attempting to access "+
			"must be addressed using the specified endpoint.", "Region", region)
		r.Header.Set("x-amz-bucket-region", region)
		return r
	})
}

// Redirect answers 301, 302, 307 or 308 with a Location.
func Redirect(status int, location string) Action {
	return answer(func(Request) *Reply {
		r := errorReply(status, "TemporaryRedirect", "Please re-send this request to the specified endpoint.")
		r.Header.Set("Location", location)
		return r
	})
}

// HTMLPage answers with a proxy's page instead of S3's error.
func HTMLPage(status int) Action {
	return answer(func(Request) *Reply {
		page := "<html><head><title>" + http.StatusText(status) + "</title></head><body>nginx</body></html>\n"
		return bytesReply(status, "text/html", []byte(page))
	})
}

// RetryAfter adds a Retry-After header of whole seconds.
func RetryAfter(d time.Duration) Action {
	return SetHeader("Retry-After", strconv.Itoa(int(d/time.Second)))
}

// SetHeader sets a header; an empty value removes it.
func SetHeader(name, value string) Action {
	return func(_ Request, r *Reply) {
		r.Header = maps.Clone(r.Header)
		if value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
	}
}

// All does several things to one answer, in their order.
func All(actions ...Action) Action {
	return func(req Request, r *Reply) {
		for _, do := range actions {
			do(req, r)
		}
	}
}
