// Package control is a mount's control socket: HTTP over a unix socket that only
// the mount's owner can reach.
//
// The socket lies in a directory that is the owner's alone (0700), and is itself
// 0600; who may open it may ask, and nobody else. It is named after the mount
// point. A daemon replaces the socket of its predecessor, removes those that
// nobody listens on, and at its end removes its own and no other.
package control
