package main

import (
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Lines that wait for a slow disk or reader; more are dropped and counted.
	logQueue = 1024
	// What the end of the program waits for the last lines.
	logFlush = time.Second
)

// openLog returns the logger and what closes it. Lines go to the log file; else
// to standard error in the foreground; else to syslog, where journald listens
// too; else nowhere. At a signal on hangup the log file is opened anew.
func openLog(o *Options, daemon bool, hangup <-chan os.Signal) (*slog.Logger, io.Closer, error) {
	out, err := logOutput(o.Log.File, daemon)
	if err != nil {
		return nil, nil, fail(Failed, "the log file cannot be opened: %v", err)
	}
	w := newLogWriter(out, hangup, func() (io.WriteCloser, error) { return logOutput(o.Log.File, daemon) })
	options := &slog.HandlerOptions{Level: logLevel(o)}
	if o.Log.Format.value == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), w, nil
	}
	return slog.New(slog.NewTextHandler(w, options)), w, nil
}

func logOutput(file string, daemon bool) (io.WriteCloser, error) {
	switch {
	case file != "":
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			// A crash is written where the log is; without a file, to standard error.
			_ = debug.SetCrashOutput(f, debug.CrashOptions{})
		}
		return f, err
	case !daemon:
		return keepOpen{os.Stderr}, nil
	}
	s, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, "zs3fs")
	if err != nil {
		return keepOpen{io.Discard}, nil
	}
	return s, nil
}

func logLevel(o *Options) slog.Level {
	var level slog.Level
	if o.Log.Verbose || o.Log.Debug {
		return slog.LevelDebug
	}
	_ = level.UnmarshalText([]byte(o.Log.Level.value)) // one of four words
	return level
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// logWriter writes lines in the background, so that a full or hanging log never
// holds up a read. Errors are swallowed: there is nowhere to report them.
type logWriter struct {
	lines   chan []byte
	done    chan struct{}
	dropped atomic.Int64

	mu     sync.Mutex // guards closed, and lines against a send after close
	closed bool
}

// newLogWriter writes to out, and after a signal on hangup to what reopen returns.
func newLogWriter(out io.WriteCloser, hangup <-chan os.Signal, reopen func() (io.WriteCloser, error)) *logWriter {
	w := &logWriter{lines: make(chan []byte, logQueue), done: make(chan struct{})}
	go w.drain(out, hangup, reopen)
	return w
}

func (w *logWriter) drain(out io.WriteCloser, hangup <-chan os.Signal, reopen func() (io.WriteCloser, error)) {
	defer close(w.done)
	for {
		select {
		case line, more := <-w.lines:
			if !more {
				out.Close()
				return
			}
			_, _ = out.Write(line)
			if n := w.dropped.Swap(0); n > 0 {
				_, _ = out.Write(slogLine("log lines were dropped", "count", n))
			}
		case <-hangup:
			fresh, err := reopen()
			if err != nil {
				_, _ = out.Write(slogLine("the log file cannot be opened anew", "error", err))
				continue
			}
			out.Close()
			out = fresh
		}
	}
}

// Write queues a copy of p; the handlers pass one line a call.
func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return len(p), nil
	}
	select {
	case w.lines <- append([]byte(nil), p...):
	default:
		w.dropped.Add(1)
	}
	return len(p), nil
}

// Close waits for the queued lines, for a second at most.
func (w *logWriter) Close() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.lines)
	}
	w.mu.Unlock()
	select {
	case <-w.done:
	case <-time.After(logFlush):
	}
	return nil
}

func slogLine(msg string, args ...any) []byte {
	var line lineBuffer
	slog.New(slog.NewTextHandler(&line, nil)).Warn(msg, args...)
	return line
}

type lineBuffer []byte

func (b *lineBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// quietLog is the log of commands that print what they find: where none was asked for,
// standard error is for the one line about a failure.
func quietLog(o *Options) (*slog.Logger, io.Closer, error) {
	if o.Log.File == "" && !o.Log.Verbose && !o.Log.Debug {
		o.Log.Level.value = "error"
	}
	return openLog(o, false, nil)
}
