package s3backend

import (
	"context"
	"io"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	// A page of 1,000 keys of 1,024 bytes, each byte escaped as three, is 4 MB.
	maxPage = 8 << 20
	// An error document is a few hundred bytes.
	maxErrorDocument = 64 << 10
)

// limitAnswers bounds what the SDK reads into memory of an answer: pages and
// error documents. The body of an object passes: it is checked and counted as it
// streams.
func limitAnswers(stack *middleware.Stack) error {
	// After the SDK's own steps, that is, next to the wire.
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("zs3fsLimitAnswers",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error,
		) {
			out, meta, err := next.HandleDeserialize(ctx, in)
			if resp, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil && resp.Body != nil {
				good := resp.StatusCode >= 200 && resp.StatusCode < 300
				switch {
				case !good:
					resp.Body = &limitedBody{ReadCloser: resp.Body, left: maxErrorDocument}
				case middleware.GetOperationName(ctx) != "GetObject":
					resp.Body = &limitedBody{ReadCloser: resp.Body, left: maxPage}
				}
			}
			return out, meta, err
		}), middleware.After)
}

// limitedBody fails, unlike io.LimitedReader, when there is more than left: a
// cut page must not look like a whole one.
type limitedBody struct {
	io.ReadCloser
	left int
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if n > b.left {
		return b.left, wrongAnswer("answer larger than any right one")
	}
	b.left -= n
	return n, err
}
