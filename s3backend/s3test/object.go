package s3test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// object answers HeadObject and GetObject.
func (s *Server) object(r *http.Request, req Request) *Reply {
	v := s.mem.lookup(req.Key, req.VersionID)
	switch {
	case v != nil && v.deleted:
		return deleteMarker(req, v)
	case v == nil && req.VersionID != "":
		return errorReply(http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.",
			"Key", req.Key, "VersionId", req.VersionID)
	case v == nil:
		return errorReply(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.", "Key", req.Key)
	}
	if refused := customerKey(r.Header, v.opts.CustomerKeyMD5); refused != nil {
		return refused
	}
	if refused := conditions(r.Header, v); refused != nil {
		return refused
	}
	if req.Op == OpGet && !v.readable() {
		return errorReply(http.StatusForbidden, "InvalidObjectState",
			"The operation is not valid for the object's storage class", "StorageClass", v.obj.StorageClass)
	}
	reply := &Reply{Status: http.StatusOK, Header: objectHeader(r.Header, v), Object: v.content, Body: v.content, Length: v.obj.Size}
	if req.Ranged {
		return s.ranged(req, v, reply)
	}
	if r.Header.Get("x-amz-checksum-mode") == "ENABLED" {
		// Of the whole object only: S3 keeps none of ranges.
		v.setChecksum(reply.Header)
	}
	return reply
}

// deleteMarker is what S3 says of a delete marker: 404 where it is the current
// version, 405 where it was asked for by its id.
func deleteMarker(req Request, v *version) *Reply {
	r := errorReply(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.", "Key", req.Key)
	if req.VersionID != "" {
		r = errorReply(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.",
			"Method", req.Method, "ResourceType", "DeleteMarker")
		r.Header.Set("Allow", "DELETE")
		r.Header.Set("Last-Modified", v.obj.ModTime.Format(http.TimeFormat))
	}
	r.Header.Set("x-amz-delete-marker", "true")
	r.Header.Set("x-amz-version-id", v.obj.VersionID)
	return r
}

// ranged turns the answer with the whole object into one with the range.
func (s *Server) ranged(req Request, v *version, reply *Reply) *Reply {
	off, n := resolveRange(req.Off, req.Last, v.obj.Size)
	if n == 0 {
		refused := errorReply(http.StatusRequestedRangeNotSatisfiable, "InvalidRange",
			"The requested range is not satisfiable", "RangeRequested", req.Header.Get("Range"),
			"ActualObjectSize", strconv.FormatInt(v.obj.Size, 10))
		refused.Header.Set("Content-Range", fmt.Sprintf("bytes */%d", v.obj.Size))
		return refused
	}
	reply.setRange(off, n, v.obj.Size)
	return reply
}

// setRange makes the reply the n bytes of its object from off.
func (r *Reply) setRange(off, n, total int64) {
	r.Status = http.StatusPartialContent
	r.Off, r.Body, r.Length = off, Section(r.Object, off, n), n
	r.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, total))
}

// parseRange reads a Range header of one range; S3 ignores any other, and one
// that is not well formed. The results are as in Request.
func parseRange(h string) (ok bool, off, last int64) {
	spec, found := strings.CutPrefix(h, "bytes=")
	a, b, dash := strings.Cut(spec, "-")
	if !found || !dash {
		return false, 0, 0
	}
	off, last = -1, -1
	var err1, err2 error
	if a != "" {
		off, err1 = strconv.ParseInt(a, 10, 64)
	}
	if b != "" {
		last, err2 = strconv.ParseInt(b, 10, 64)
	}
	if err1 != nil || err2 != nil || a == "" && b == "" || a != "" && b != "" && last < off {
		return false, 0, 0
	}
	return true, off, last
}

// resolveRange turns a parsed range into an offset and a number of bytes of an
// object; 0 bytes is not satisfiable.
func resolveRange(off, last, size int64) (int64, int64) {
	if off < 0 {
		n := min(last, size)
		return size - n, n
	}
	if last < 0 || last >= size {
		last = size - 1
	}
	return off, max(last-off+1, 0)
}

// conditions answers requests whose conditions do not hold, in HTTP's order of
// precedence: 412 before 304.
func conditions(h http.Header, v *version) *Reply {
	failed := func(condition string) *Reply {
		return errorReply(http.StatusPreconditionFailed, "PreconditionFailed",
			"At least one of the pre-conditions you specified did not hold", "Condition", condition)
	}
	unchanged := func() *Reply {
		return &Reply{Status: http.StatusNotModified, Header: http.Header{"ETag": {v.obj.ETag}}}
	}
	if match := h.Get("If-Match"); match != "" {
		if !matches(match, v.obj.ETag) {
			return failed("If-Match")
		}
	} else if t, err := http.ParseTime(h.Get("If-Unmodified-Since")); err == nil && v.obj.ModTime.After(t) {
		return failed("If-Unmodified-Since")
	}
	if none := h.Get("If-None-Match"); none != "" {
		if matches(none, v.obj.ETag) {
			return unchanged()
		}
	} else if t, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil && !v.obj.ModTime.After(t) {
		return unchanged()
	}
	return nil
}

// matches says that a list of tags, with or without quotes as S3 takes them,
// names etag.
func matches(list, etag string) bool {
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.Trim(tag, `"`) == strings.Trim(etag, `"`) {
			return true
		}
	}
	return false
}

// customerKey answers requests without the key that the object is encrypted with.
func customerKey(h http.Header, md5 string) *Reply {
	given := h.Get("x-amz-server-side-encryption-customer-key-MD5")
	switch {
	case md5 == "" && given == "", md5 == given:
		return nil
	case md5 == "":
		return errorReply(http.StatusBadRequest, "InvalidRequest",
			"The encryption parameters are not applicable to this object.")
	case given == "":
		return errorReply(http.StatusBadRequest, "InvalidRequest", "The object was stored using a form of "+
			"Server Side Encryption. The correct parameters must be provided to retrieve the object.")
	}
	return errorReply(http.StatusForbidden, "AccessDenied", "Access Denied")
}

// objectHeader is the header of every answer with the version's attributes.
func objectHeader(asked http.Header, v *version) http.Header {
	h := http.Header{}
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	set("ETag", v.obj.ETag)
	set("Last-Modified", v.obj.ModTime.Format(http.TimeFormat))
	set("Accept-Ranges", "bytes")
	set("Content-Type", v.obj.ContentType)
	set("Content-Encoding", v.opts.Encoding)
	set("x-amz-server-side-encryption", v.opts.Encryption)
	set("x-amz-version-id", v.obj.VersionID)
	if v.obj.StorageClass != "STANDARD" {
		set("x-amz-storage-class", v.obj.StorageClass)
	}
	if until := v.opts.RestoredUntil; !until.IsZero() {
		set("x-amz-restore", fmt.Sprintf(`ongoing-request="false", expiry-date="%s"`, until.UTC().Format(http.TimeFormat)))
	}
	if v.opts.CustomerKeyMD5 != "" {
		set("x-amz-server-side-encryption-customer-algorithm", "AES256")
		set("x-amz-server-side-encryption-customer-key-MD5", v.opts.CustomerKeyMD5)
	}
	if asked.Get("x-amz-request-payer") != "" {
		set("x-amz-request-charged", "requester")
	}
	return h
}

// headBucket answers HeadBucket.
func (s *Server) headBucket() *Reply {
	return &Reply{Status: http.StatusOK, Header: http.Header{"X-Amz-Bucket-Region": {s.cfg.Region}}}
}

// location answers GetBucketLocation, in which us-east-1 has no name.
func (s *Server) location() *Reply {
	region := s.cfg.Region
	if region == "us-east-1" {
		region = ""
	}
	var b strings.Builder
	b.WriteString(xmlHeader)
	element(&b, "LocationConstraint", region)
	return bytesReply(http.StatusOK, "application/xml", []byte(b.String()))
}
