package s3backend

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// emptyPage is what the SDK is given to decode instead of a page that parsePage knows.
const emptyPage = "<ListBucketResult></ListBucketResult>"

// parsePages sets to, where parsePage knows the answer, to the page; otherwise the SDK
// decodes it as ever.
func (c *Client) parsePages(to **s3.ListObjectsV2Output) func(*s3.Options) {
	step := middleware.DeserializeMiddlewareFunc("zs3fsParsePage",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error,
		) {
			*to = nil
			out, meta, err := next.HandleDeserialize(ctx, in)
			if resp, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil && resp.StatusCode/100 == 2 {
				*to = c.takePage(resp)
			}
			return out, meta, err
		})
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Insert(step, limitStep, middleware.Before)
		})
	}
}

// takePage reads the answer, and leaves what the SDK is to read of it. Nothing of the
// page refers to the text, which is 300 KB for each.
func (c *Client) takePage(resp *smithyhttp.Response) *s3.ListObjectsV2Output {
	text, _ := c.pageTexts.Get().(*bytes.Buffer)
	if text == nil {
		text = new(bytes.Buffer)
	}
	text.Reset()
	_, err := text.ReadFrom(resp.Body)
	var left io.Reader = io.MultiReader(text, failing{err})
	var page *s3.ListObjectsV2Output
	if err == nil {
		if known, ok := parsePage(text.Bytes()); ok {
			page, left = known, strings.NewReader(emptyPage)
			c.pageTexts.Put(text)
		}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{left, resp.Body}
	return page
}
