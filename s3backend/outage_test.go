package s3backend

import (
	"errors"
	"io/fs"
	"testing"
	"time"
)

// at is a moment, in seconds.
func at(s float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(s * float64(time.Second)))
}

func TestOutage(t *testing.T) {
	var o outage
	o.answer(at(0))
	o.missed(at(1))
	o.missed(at(2))
	if o.over(at(50), 0) {
		t.Error("attempts that failed are no outage")
	}
	if away, began := o.gaveUp(at(1), at(21)); !away || !began {
		t.Errorf("a call without an answer: away %v, began %v", away, began)
	}
	if away, began := o.gaveUp(at(2), at(22)); !away || began {
		t.Errorf("the next one: away %v, began %v", away, began)
	}
	if !o.over(at(22), 0) || o.over(at(60), time.Minute) || !o.over(at(61), time.Minute) {
		t.Error("patience is not counted from the first attempt that failed")
	}
	if !o.answer(at(70)) || o.over(at(70), 0) {
		t.Error("an answer does not end it")
	}
	if o.answer(at(71)) {
		t.Error("it ends twice")
	}
}

// TestOutageIsNotOneCalls: while others are answered, a call that is not says nothing
// of them; and one answer at its beginning says nothing of what came afterwards.
func TestOutageIsNotOneCalls(t *testing.T) {
	var o outage
	o.answer(at(15))
	if away, began := o.gaveUp(at(0), at(20)); away || began {
		t.Error("somebody was answered 5 s ago")
	}
	if away, began := o.gaveUp(at(14), at(34)); !away || !began {
		t.Error("nobody was answered for 19 s")
	}
	if o.over(at(83), time.Minute) || !o.over(at(84), time.Minute) {
		t.Error("it does not begin with the half of the time in which nothing came")
	}
}

func TestAnsweredOrNot(t *testing.T) {
	for _, tt := range []struct {
		err                  error
		unanswered, answered bool
	}{
		{nil, false, true},
		{fs.ErrNotExist, false, true},
		{fs.ErrPermission, false, true},
		{ErrCredentials, false, true},
		{ErrThrottled, false, true},
		{ErrUnavailable, true, false},
		{errTimeUp, true, false},
		{wrongAnswer("a portal's page"), false, false},
		{&failure{sentinel: ErrCredentials, also: ErrNoCredentials}, false, false},
		{fs.ErrInvalid, false, false},
	} {
		if unanswered(tt.err) != tt.unanswered || answered(tt.err) != tt.answered {
			t.Errorf("%v: unanswered %v, answered %v", tt.err, unanswered(tt.err), answered(tt.err))
		}
	}
	if !errors.Is(ErrUnreachable, ErrUnreachable) || errors.Is(errTimeUp, ErrUnreachable) {
		t.Error("a time-out alone is not an outage")
	}
}
