package s3backend

import "context"

type urgencyKey struct{}

// AsGuess returns a context under which a request is a guess as long as waited says
// that nobody waits for its answer: it gives way to demands when the server
// throttles or a limit holds, and is never hedged. waited is asked again and again,
// from any goroutine. What runs under any other context is a demand.
func AsGuess(ctx context.Context, waited func() bool) context.Context {
	return context.WithValue(ctx, urgencyKey{}, waited)
}

// urgent reports whether somebody waits for what runs under ctx.
func urgent(ctx context.Context) bool {
	waited, ok := ctx.Value(urgencyKey{}).(func() bool)
	return !ok || waited()
}
