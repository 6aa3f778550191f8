package s3test

import "time"

// breakAt makes an Action that ends the answer after n bytes of the body.
func breakAt(b Break, n int64) Action {
	return func(_ Request, r *Reply) { r.Wire.Break, r.Wire.At = b, n }
}

// ResetBefore resets the connection instead of an answer.
func ResetBefore() Action { return breakAt(BreakReset, BeforeHeader) }

// ResetAfter resets the connection after n bytes of the body; what the client has
// not read by then is lost with it.
func ResetAfter(n int64) Action { return breakAt(BreakReset, n) }

// CloseBefore closes the connection instead of an answer, as a server does that
// closes an idle connection just when a request comes.
func CloseBefore() Action { return breakAt(BreakClose, BeforeHeader) }

// CloseInHeader closes the connection in the middle of the header.
func CloseInHeader() Action { return breakAt(BreakClose, InHeader) }

// StallBefore never answers.
func StallBefore() Action { return breakAt(BreakStall, BeforeHeader) }

// StallInHeader sends the status line and the beginning of a header, and no more.
func StallInHeader() Action { return breakAt(BreakStall, InHeader) }

// StallAfter sends n bytes of the body and no more, keeping the connection open.
func StallAfter(n int64) Action { return breakAt(BreakStall, n) }

// Trickle sends the body at a rate of its own, in bytes/s.
func Trickle(rate int64) Action { return func(_ Request, r *Reply) { r.Wire.Rate = rate } }

// Delay answers later by d.
func Delay(d time.Duration) Action { return func(_ Request, r *Reply) { r.Wire.Delay += d } }

// Hold keeps the answer back until release is closed.
func Hold(release <-chan struct{}) Action { return HoldAfter(-1, release) }

// HoldAfter sends n bytes of the body, and the rest when release is closed.
func HoldAfter(n int64, release <-chan struct{}) Action {
	return func(_ Request, r *Reply) { r.Wire.Hold, r.Wire.HoldAt = release, n }
}

// CloseEach closes the connection after the answer, and says so.
func CloseEach() Action { return func(_ Request, r *Reply) { r.Wire.Close = true } }

// HTTP10 answers rightly, but as HTTP/1.0, which closes the connection.
func HTTP10() Action { return func(_ Request, r *Reply) { r.Wire.HTTP10 = true } }
