package s3backend

import (
	"errors"
	"strconv"
)

// The sentinels beside io/fs's ErrNotExist, ErrPermission and ErrInvalid. They
// are all that the rest of the program distinguishes.
var (
	// ErrChanged: the version asked for is gone (overwritten or deleted).
	ErrChanged = errors.New("object changed")
	// ErrArchived: the object must be restored before it can be read.
	ErrArchived = errors.New("object is archived")
	// ErrThrottled: the server asked for fewer requests until the time was up.
	ErrThrottled = errors.New("throttled by the server")
	// ErrUnavailable: no right answer within the time: the endpoint could not be
	// reached, broke off, stalled, failed (5xx) or answered wrongly each time.
	ErrUnavailable = errors.New("endpoint unavailable")
	// ErrUnreachable: ErrUnavailable, and nobody else was answered meanwhile: the
	// endpoint is away, and what was asked for says nothing.
	ErrUnreachable = errors.New("endpoint unreachable")
	// ErrBadAnswer: the server's answer is not the answer to the question.
	ErrBadAnswer = errors.New("wrong answer from the server")
	// ErrNoBucket: the bucket does not exist.
	ErrNoBucket = errors.New("no such bucket")
	// ErrCredentials: there are none, or they are unknown, malformed or expired.
	ErrCredentials = errors.New("credentials not accepted")
	// ErrNoCredentials: none were found, or their source failed; such an error is
	// ErrCredentials too.
	ErrNoCredentials = errors.New("no credentials")
	// ErrRegion: the bucket lies in another region than the one configured.
	ErrRegion = errors.New("bucket is in another region")
)

// OpError carries an error with what was being done to which key.
type OpError struct {
	// Op is "head", "list", "open"/"read", "checksum", "versions" or "versioning".
	Op string
	// Key or prefix, raw; Error quotes it so that it stays one line.
	Key string
	Err error
}

func (e *OpError) Error() string { return e.Op + " " + strconv.Quote(e.Key) + ": " + e.Err.Error() }

// Unwrap returns the sentinel or cause.
func (e *OpError) Unwrap() error { return e.Err }
