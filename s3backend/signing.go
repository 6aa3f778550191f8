package s3backend

import (
	"context"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// leaveEncodingUnsigned has Accept-Encoding set after signing. The SDK signs all
// headers there are, and this one is not the client's alone: Google's front end
// adds to it, as proxies do, and no signature would be right (aws-sdk-go-v2 issue
// 1816). Of headers SigV4 asks for the host and what begins with x-amz- only.
func leaveEncodingUnsigned(stack *middleware.Stack) error {
	const encodingStep = "DisableAcceptEncodingGzip"
	step, err := stack.Finalize.Remove(encodingStep)
	if err != nil {
		return err
	}
	if err := stack.Finalize.Insert(step, "Signing", middleware.After); err != nil {
		return err
	}
	return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("zs3fsTakeStored", takeStored), encodingStep, middleware.After)
}

// takeStored says of an object that gzip is taken where the server would decompress it
// otherwise, as Google's does (cloud.google.com/storage/docs/transcoding): bytes are
// the stored bytes. Elsewhere that would invite proxies to compress on their way.
func takeStored(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	op := middleware.GetOperationName(ctx)
	if req, ok := in.Request.(*smithyhttp.Request); ok && (op == "GetObject" || op == "HeadObject") &&
		strings.HasSuffix(req.URL.Hostname(), ".googleapis.com") {
		req.Header.Set("Accept-Encoding", "gzip")
	}
	return next.HandleFinalize(ctx, in)
}
