package demo

import (
	"fmt"
	"text/tabwriter"
	"time"
)

// row is one measured step.
type row struct {
	what     string
	read     int64 // bytes read through the mount
	took     time.Duration
	requests int   // of any kind
	fetched  int64 // bytes fetched from S3
	wrong    []string
}

// begin starts a row: the server forgets what it has seen.
func (d *demo) begin(what string) *row {
	d.server.Reset()
	return &row{what: what}
}

// measured notes what the server has sent since begin.
func (d *demo) measured(r *row, read int64, took time.Duration) {
	r.read, r.took = read, took
	r.requests, r.fetched = d.server.Count(), d.server.BytesSent()
	d.say("  %s", r)
}

// end keeps the row, and says what was wrong.
func (d *demo) end(r *row) {
	for _, w := range r.wrong {
		d.say("  DIFFERS: %s", w)
	}
	d.rows = append(d.rows, *r)
}

func (r *row) differs(format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *row) String() string {
	return fmt.Sprintf("%.0f MB in %.2f s, %s; %d requests, %s bytes fetched per byte read",
		float64(r.read)/1e6, r.took.Seconds(), r.speed(), r.requests, r.ratio())
}

func (r *row) speed() string {
	if r.read == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f MB/s", float64(r.read)/1e6/max(r.took.Seconds(), 1e-9))
}

func (r *row) ratio() string {
	if r.read == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(r.fetched)/float64(r.read))
}

func (d *demo) table() {
	w := tabwriter.NewWriter(d.cfg.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "step\tMB\tspeed\trequests\tfetched/read\tverified\t")
	for _, r := range d.rows {
		verified := "yes"
		if len(r.wrong) > 0 {
			verified = "NO"
		}
		fmt.Fprintf(w, "%s\t%.0f\t%s\t%d\t%s\t%s\t\n", r.what, float64(r.read)/1e6, r.speed(), r.requests, r.ratio(), verified)
	}
	w.Flush()
}
