package s3backend

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Head implements Bucket.
func (c *Client) Head(ctx context.Context, key string) (Object, error) {
	if key == "" {
		return Object{}, opError("head", key, fs.ErrInvalid)
	}
	return c.headCall(ctx, key, nil)
}

// headCall asks for the version id of key, or for the current one.
func (c *Client) headCall(ctx context.Context, key string, id *string) (Object, error) {
	var obj Object
	err := c.call(ctx, "head", key, func(ctx context.Context) error {
		var err error
		if obj, err = c.head(ctx, key, id); c.unexplained(err) {
			return c.headReason(ctx, key, id, err)
		}
		return err
	})
	if err != nil {
		return Object{}, err
	}
	return obj, nil
}

func (c *Client) head(ctx context.Context, key string, id *string) (Object, error) {
	out, err := c.s3.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket:               &c.o.Bucket,
		Key:                  &key,
		VersionId:            id,
		RequestPayer:         c.payer,
		SSECustomerAlgorithm: c.sse.algorithm,
		SSECustomerKey:       c.sse.key,
		SSECustomerKeyMD5:    c.sse.md5,
	}, c.inRegion)
	if err != nil {
		return Object{}, err
	}
	switch {
	case out.ContentLength == nil || *out.ContentLength < 0 || *out.ContentLength > maxSize:
		return Object{}, wrongAnswer("HEAD without a right length")
	case out.ETag == nil && out.LastModified == nil:
		// As of a portal or another web server that says 200 to everything.
		return Object{}, wrongAnswer("HEAD with neither ETag nor Last-Modified")
	}
	return Object{
		Key:          key,
		ETag:         aws.ToString(out.ETag),
		VersionID:    aws.ToString(out.VersionId),
		Size:         *out.ContentLength,
		ModTime:      seconds(out.LastModified),
		StorageClass: string(out.StorageClass),
		Restored:     restored(aws.ToString(out.Restore)),
		ContentType:  aws.ToString(out.ContentType),
	}, nil
}

// deniedFor is how long a 403 to HEAD is taken for a denial after one was: where a
// policy denies many names, not each is asked for twice.
const deniedFor = 5 * time.Second

// unexplained reports whether err, of a HEAD, can mean several things: an answer to
// HEAD has no body and so no code. A 400 is an expired token, a missing or
// unneeded SSE-C key, or a key that the server cannot store; a 403 is what is
// denied, or an access key that was replaced, unless the clock explains it.
func (c *Client) unexplained(err error) bool {
	switch statusOf(err) {
	case http.StatusBadRequest:
		return true
	case http.StatusForbidden:
		if denied := c.denied.Load(); c.creds == nil || denied != nil && time.Since(*denied) < deniedFor {
			return false
		}
		skew := judge("head", err).skew
		return (skew - time.Duration(c.skew.Load())).Abs() < skewTolerance
	}
	return false
}

// headReason asks for one byte by GET why HEAD failed.
func (c *Client) headReason(ctx context.Context, key string, id *string, headErr error) error {
	c.requests.owe()
	out, err := c.s3.GetObject(ctx, &s3.GetObjectInput{
		Bucket:               &c.o.Bucket,
		Key:                  &key,
		VersionId:            id,
		Range:                aws.String("bytes=0-0"),
		RequestPayer:         c.payer,
		SSECustomerAlgorithm: c.sse.algorithm,
		SSECustomerKey:       c.sse.key,
		SSECustomerKeyMD5:    c.sse.md5,
	}, c.inRegion)
	if err == nil || isAccessDenied(err) {
		now := time.Now()
		c.denied.Store(&now)
	}
	switch {
	case err == nil:
		out.Body.Close()
		return headErr
	case statusOf(err) == http.StatusRequestedRangeNotSatisfiable:
		return headErr // an empty object
	}
	return err
}

func statusOf(err error) int {
	if resp := (*smithyhttp.ResponseError)(nil); errors.As(err, &resp) && resp.Response != nil {
		return resp.HTTPStatusCode()
	}
	return 0
}

// restored reads x-amz-restore: a readable copy exists when the restoring is no
// longer going on.
func restored(header string) bool {
	return strings.Contains(header, `ongoing-request="false"`)
}

func seconds(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}
