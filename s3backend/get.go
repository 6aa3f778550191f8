package s3backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Open implements Bucket.
func (c *Client) Open(ctx context.Context, obj Object, off, n int64) (io.ReadCloser, error) {
	// n > Size-off, and not off+n > Size, which overflows.
	if obj.Key == "" || off < 0 || n <= 0 || off > obj.Size || n > obj.Size-off {
		return nil, opError("open", obj.Key, fs.ErrInvalid)
	}
	b := newBody(ctx, c, obj, off, n)
	err := b.takeLeave()
	if err == nil {
		err = b.connect()
	}
	if err != nil {
		b.cancel(nil)
		return nil, opError("open", obj.Key, err)
	}
	b.learn()
	return b, nil
}

// get sends one GET for the bytes from off up to end of the version obj, and
// returns its body and its header once the header is right. ctx governs the body.
func (c *Client) get(ctx context.Context, obj Object, off, end int64) (io.ReadCloser, http.Header, error) {
	growStack()
	in := &s3.GetObjectInput{
		Bucket:               &c.o.Bucket,
		Key:                  &obj.Key,
		RequestPayer:         c.payer,
		SSECustomerAlgorithm: c.sse.algorithm,
		SSECustomerKey:       c.sse.key,
		SSECustomerKeyMD5:    c.sse.md5,
	}
	if obj.ETag != "" {
		in.IfMatch = &obj.ETag
	}
	options := []func(*s3.Options){c.inRegion}
	if whole(obj, off, end) {
		options = append(options, withChecksum)
	} else {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", off, end-1))
	}
	var out *s3.GetObjectOutput
	err := c.byVersion(obj, func(id *string) (err error) {
		in.VersionId = id
		out, err = c.s3.GetObject(ctx, in, options...)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	raw, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	if !ok {
		out.Body.Close()
		return nil, nil, wrongAnswer("no HTTP answer")
	}
	if err := checkAnswer(raw.Response, obj, off, end); err != nil {
		out.Body.Close()
		return nil, nil, err
	}
	return out.Body, raw.Header, nil
}

// whole says that the bytes from off up to end are all there are. They are asked
// for without a Range, because S3 sends no checksum with a range that is not a
// part, and some servers send the wrong one; and the answer is status 200 then.
func whole(obj Object, off, end int64) bool { return off == 0 && end == obj.Size }

// withChecksum asks for the object's checksum in the header of the answer. The
// SDK does not know of it: where it does, it hashes the body too and ends it with
// an error of its own, after the bytes were handed on.
func withChecksum(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Amz-Checksum-Mode", "ENABLED"))
}

// checkAnswer compares an answer's header with what was asked. The SDK hands
// out, without an error, a shorter range, another range, the whole object,
// another version and an error document.
func checkAnswer(resp *http.Response, obj Object, off, end int64) error {
	if resp.StatusCode != http.StatusPartialContent && resp.StatusCode != http.StatusOK {
		return wrongAnswer("status %d", resp.StatusCode)
	}
	if err := checkETag(resp.Header, obj.ETag); err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK {
		if off != 0 || end != obj.Size {
			return wrongAnswer("status 200 to the question for a range")
		}
	} else if err := checkRange(resp.Header.Get("Content-Range"), obj.Size, off, end); err != nil {
		return err
	}
	// -1 when chunked, or HTTP/1.0 without a length. S3 always names it, and without
	// it nothing tells the object's bytes from a proxy's error page, compressed
	// bytes or a message appended to a body that broke off; counting them at the
	// end is too late for readers who have been given the first.
	if n := resp.ContentLength; n < 0 {
		return wrongAnswer("no Content-Length")
	} else if n != end-off {
		if resp.StatusCode == http.StatusOK && obj.ETag == "" {
			return changed("the size is %d and was %d", n, obj.Size)
		}
		return wrongAnswer("length %d instead of %d", n, end-off)
	}
	return nil
}

// checkETag compares an answer's ETag with the version's, if that has one.
func checkETag(h http.Header, want string) error {
	switch etag := h.Get("ETag"); {
	case want == "":
		return nil
	case etag == "":
		return wrongAnswer("no ETag")
	case !sameETag(etag, want):
		return changed("the answer has another ETag")
	}
	return nil
}

// checkRange compares "bytes FIRST-LAST/TOTAL" with the range asked for.
func checkRange(header string, size, off, end int64) error {
	first, last, total, ok := parseContentRange(header)
	switch {
	case !ok:
		return wrongAnswer("no usable Content-Range")
	case total != size:
		return changed("the size is %d and was %d", total, size)
	case first != off || last != end-1:
		return wrongAnswer("bytes %d-%d instead of %d-%d", first, last, off, end-1)
	}
	return nil
}

func parseContentRange(s string) (first, last, total int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	if !ok {
		return 0, 0, 0, false
	}
	span, totalText, ok1 := strings.Cut(s, "/")
	firstText, lastText, ok2 := strings.Cut(span, "-")
	first, err1 := parseOffset(firstText)
	last, err2 := parseOffset(lastText)
	total, err3 := parseOffset(totalText)
	return first, last, total, ok1 && ok2 && errors.Join(err1, err2, err3) == nil
}

// parseOffset takes digits only: ParseInt alone would take a sign.
func parseOffset(s string) (int64, error) {
	if strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(s, 10, 64)
}

// sameETag compares two ETags as opaque texts but for their quotes, which some
// servers leave out in listings or in answers.
func sameETag(a, b string) bool {
	return strings.Trim(a, `"`) == strings.Trim(b, `"`)
}
