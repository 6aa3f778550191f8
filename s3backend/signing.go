package s3backend

import "github.com/aws/smithy-go/middleware"

// leaveEncodingUnsigned has Accept-Encoding set after signing. The SDK signs all
// headers there are, and this one is not the client's alone: Google's front end
// adds to it, as proxies do, and no signature would be right (aws-sdk-go-v2 issue
// 1816). Of headers SigV4 asks for the host and what begins with x-amz- only.
func leaveEncodingUnsigned(stack *middleware.Stack) error {
	step, err := stack.Finalize.Remove("DisableAcceptEncodingGzip")
	if err != nil {
		return err
	}
	return stack.Finalize.Insert(step, "Signing", middleware.After)
}
