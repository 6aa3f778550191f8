package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// TestLateStart: what a start asks is asked once, by whoever comes first, and again a
// second after it has failed.
func TestLateStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		asked, answer := 0, error(fail(EmptyPrefix, "nothing lies there"))
		l := newLateStart(func(ctx context.Context) error {
			asked++
			select {
			case <-time.After(100 * time.Millisecond):
				return answer
			case <-ctx.Done():
				return ctx.Err()
			}
		}, slog.New(slog.NewTextHandler(&log, nil)))
		if asked, err := l.latest(); err != nil || asked {
			t.Errorf("asked %v, %v before the first question", asked, err)
		}
		gone, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := l.await(gone); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who does not wait: %v", err)
		}
		if asked, err := l.latest(); err != nil || asked {
			t.Errorf("that says of the bucket: asked %v, %v", asked, err)
		}
		all := func(want error, requests int) {
			t.Helper()
			before := asked
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if err := l.await(t.Context()); !errors.Is(err, want) {
						t.Errorf("%v, want %v", err, want)
					}
				})
			}
			wg.Wait()
			if asked-before != requests {
				t.Errorf("asked %d times, want %d", asked-before, requests)
			}
		}
		all(answer, 1)
		all(answer, 0)
		time.Sleep(time.Second)
		all(answer, 1)
		if n := strings.Count(log.String(), "nothing lies there"); n != 1 {
			t.Errorf("%d lines in the log", n)
		}
		time.Sleep(time.Second)
		answer = nil
		all(nil, 1)
		time.Sleep(time.Hour)
		all(nil, 0)
	})
}

func TestS3StatusLine(t *testing.T) {
	since := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		s    s3Status
		want string
	}{
		{s3Status{}, "answers"},
		{s3Status{Unasked: true}, "not asked yet"},
		{s3Status{Trouble: s3backend.ErrCredentials.Error()}, "refuses: credentials not accepted"},
		{s3Status{Trouble: "why", AwaySince: &since}, "away since 2026-01-31 12:00:00: why"},
		{s3Status{Trouble: "why", AwaySince: &since, OfflineOK: true}, "away since 2026-01-31 12:00:00, expired names and attributes are given: why"},
	} {
		if got := tt.s.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
