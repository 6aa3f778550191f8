package main

import (
	"fmt"
	"strings"
)

// report prints the tables and the checklist.
func (r *runner) report(head string) error {
	for _, p := range r.networks() {
		for _, latency := range []bool{false, true} {
			if grid := r.results.grid(p, latency); grid != nil {
				fmt.Printf("\n%s: %s\n\n%s", p.Name, p.What, markdown(grid))
			}
		}
	}
	r.failures()
	measured := 0
	all := r.results.figures(r.data)
	for _, f := range all {
		if f.state != unknown {
			measured++
		}
	}
	if measured > 0 {
		fmt.Printf("\n%s", printable(all))
	}
	return nil
}

// failures says what failed and why.
func (r *runner) failures() {
	for _, k := range r.results.order {
		if m := r.results.all[k]; m.err != nil {
			fmt.Printf("failed: %s\n", strings.Join([]string{k.profile, k.pattern, k.tool, m.err.Error()}, ": "))
		}
	}
}
