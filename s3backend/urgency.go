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

type fallbackKey struct{}

// WithFallback returns a context under which a question is given up as soon as the
// server seems to be away, when usable says that whoever asks has another answer then.
// usable is asked again and again, from any goroutine.
func WithFallback(ctx context.Context, usable func() bool) context.Context {
	return context.WithValue(ctx, fallbackKey{}, usable)
}

// hasFallback reports whether what runs under ctx can do without an answer.
func hasFallback(ctx context.Context) bool {
	usable, ok := ctx.Value(fallbackKey{}).(func() bool)
	return ok && usable()
}
