package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// command runs one program and returns its output. While it reads, a bar shows
// how many of size bytes it has read.
func (d *demo) command(ctx context.Context, size int64, name string, args ...string) ([]byte, error) {
	bar := d.bar(name, size)
	defer bar.end()
	return d.run(ctx, bar, name, args...)
}

func (d *demo) run(ctx context.Context, bar *bar, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	// A reader of /dev/null shall read, and not copy through us.
	if name == "cat" {
		cmd.Stdout = nil
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := bar.follow(cmd.Process.Pid)
	err := cmd.Wait()
	stop()
	if err != nil {
		return out.Bytes(), fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}

// bar is a progress bar, or nothing where the output is no terminal.
type bar struct {
	progress *mpb.Progress
	bar      *mpb.Bar
}

func (d *demo) bar(name string, size int64) *bar {
	if !d.cfg.Terminal || size < 1<<20 {
		return &bar{}
	}
	p := mpb.New(mpb.WithOutput(d.cfg.Out), mpb.WithWidth(64))
	b := p.AddBar(size, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name("  "+filepath.Base(name)+" ")),
		mpb.AppendDecorators(decor.CountersKibiByte("% .0f / % .0f"), decor.Name("  "), decor.AverageSpeed(decor.SizeB1024(0), "% .0f")))
	return &bar{p, b}
}

func (b *bar) add(n int64) {
	if b.bar != nil {
		b.bar.IncrInt64(n)
	}
}

// end removes the bar.
func (b *bar) end() {
	if b.bar != nil {
		b.bar.Abort(true)
		b.progress.Wait()
	}
}

// follow moves the bar by what a process has read, until it is stopped.
func (b *bar) follow(pid int) (stop func()) {
	if b.bar == nil {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var last int64
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				n := bytesRead(pid)
				b.add(max(n-last, 0))
				last = max(n, last)
			}
		}
	}()
	return func() { close(quit); <-done }
}

// bytesRead is rchar of /proc/PID/io: what read(2) has returned.
func bytesRead(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "rchar: "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			return n
		}
	}
	return 0
}

// say prints a line.
func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.cfg.Out, format+"\n", args...) }

// excerpt prints the first lines of an output, safe for a terminal.
func (d *demo) excerpt(out []byte, lines int) {
	all := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	for i, line := range all {
		if i == lines {
			d.say("  ... %d more lines", len(all)-lines)
			return
		}
		d.say("  %s", strings.Trim(strconv.QuoteToGraphic(line), `"`))
	}
}
