package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
)

// settings are the command line.
type settings struct {
	bin, cache string
	options    string // further -o options of the mount
	size, rate int64
	latency    time.Duration
	runs       int
	touch      bool
	warmOnly   bool
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "read" {
		exit(readMain(os.Args[2]))
	}
	var s settings
	size, rate := "1GiB", "80MB"
	flag.StringVar(&s.bin, "bin", "bin/zs3fs", "the zs3fs binary")
	flag.StringVar(&s.cache, "cache-dir", "", "where the cache goes (default: a temporary directory)")
	flag.StringVar(&s.options, "o", "", "further mount options")
	flag.StringVar(&size, "size", size, "size of the large object")
	flag.StringVar(&rate, "rate", rate, "bytes a second of a connection; 0: unlimited")
	flag.DurationVar(&s.latency, "latency", 20*time.Millisecond, "time to the first byte")
	flag.IntVar(&s.runs, "runs", 3, "runs of each row; the median is printed")
	flag.BoolVar(&s.touch, "touch", true, "touch free memory first: a virtual machine's host faults it in at up to 2 s/GB")
	flag.BoolVar(&s.warmOnly, "warm-only", false, "only compare warm reads with reads of the cached file itself")
	flag.Usage = usage
	flag.Parse()
	for name, p := range map[string]*int64{size: &s.size, rate: &s.rate} {
		n, err := humanize.ParseBytes(name)
		if err != nil {
			exit(err)
		}
		*p = int64(n)
	}
	exit(run(s, flag.Args()))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func usage() {
	fmt.Fprintln(flag.CommandLine.Output(), "usage: bench [flags] [row ...]\nrows, all by default:")
	for _, r := range rows {
		fmt.Fprintf(flag.CommandLine.Output(), "  %-12s %s\n", r.name, r.what)
	}
	flag.PrintDefaults()
}

func run(s settings, names []string) error {
	chosen := slices.DeleteFunc(slices.Clone(rows), func(r row) bool {
		return len(names) > 0 && !slices.Contains(names, r.name)
	})
	if len(chosen) == 0 || len(names) > len(chosen) {
		return fmt.Errorf("unknown row among %s; see -h", strings.Join(names, " "))
	}
	if s.touch {
		if err := touchMemory(); err != nil {
			return err
		}
	}
	header(s)
	b, err := newBucket(s)
	if err != nil {
		return err
	}
	defer b.close()
	if err := warm(s, b); err != nil {
		return err
	}
	if s.warmOnly {
		return nil
	}
	bare, err := median(s.runs, b.bare)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "row\tMB/s\tof bare\tp50 ms\tp90 ms\tGETs\tHEAD+LIST\tfetched/read\tpeak RSS MiB\tCPU s/GB\t")
	print(w, "bare", bare, bare)
	for _, r := range chosen {
		res, err := median(s.runs, func() (result, error) { return measure(s, b, r) })
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", r.name, err), w.Flush())
		}
		print(w, r.name, res, bare)
	}
	return w.Flush()
}

// median runs fn n times and returns the run of the median speed.
func median(n int, fn func() (result, error)) (result, error) {
	var all []result
	for range n {
		r, err := fn()
		if err != nil {
			return result{}, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b result) int { return int(a.speed() - b.speed()) })
	return all[len(all)/2], nil
}

func header(s settings) {
	commit, _ := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	fmt.Printf("commit %s, Linux %s, %s, %d cores; %s object, %v to the first byte, %s/s a connection; medians of %d\n",
		strings.TrimSpace(string(commit)), strings.TrimSpace(string(kernel)), runtime.Version(), runtime.NumCPU(),
		humanize.IBytes(uint64(s.size)), s.latency, humanize.Bytes(uint64(s.rate)), s.runs)
}

func print(w *tabwriter.Writer, name string, r, bare result) {
	fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f\t%.2f\t%d\t%d\t%.3f\t%.0f\t%.2f\t\n", name,
		r.speed()/1e6, r.speed()/bare.speed(), r.P50, r.P9, r.gets, r.asked,
		float64(r.fetched)/float64(r.Bytes), float64(r.peak)/(1<<20), r.cpu.Seconds()/(float64(r.Bytes)/1e9))
}
