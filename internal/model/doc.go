// Package model is docs/semantics.md as code that is as simple as possible: which
// paths a set of keys shows, and which answers are right at a moment when what is
// known may be as old as its time to live. It shares nothing with the code that it
// judges; the price is that it looks at every key each time.
//
// [Rules] make a [Tree] of a set of [Keys]. A [Record] remembers every state of a
// bucket, and a [Judge] says of an answer whether it was the truth at some moment
// from which it may still be believed. A history is of [Step]s: changes behind the
// reader's back, questions, and time that passes. A [Teller] tells it to a [Subject].
//
// Its own test tells histories of them to the read path without a mount, in virtual
// time; internal/e2e tells them to a mount.
package model
