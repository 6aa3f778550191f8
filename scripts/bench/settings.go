package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
)

// settings are the command line.
type settings struct {
	bin, cache                    string
	options                       string // further -o options of zs3fs
	size                          int64
	rounds                        int
	fill, warmOnly, million       bool
	results                       string
	patterns, tools, networkNames []string
	command                       string // what gives the same again, on any machine
}

func parse(args []string, out io.Writer) (settings, error) {
	var s settings
	size, lists := "1GiB", [3]string{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&lists[0], "patterns", "", "comma-separated patterns (default: all)")
	f.StringVar(&lists[1], "tools", "", "comma-separated tools, those without a mount among them (bare, bare+write, naive, library) (default: all that are there)")
	f.StringVar(&lists[2], "profiles", "", "comma-separated networks (default: all)")
	f.IntVar(&s.rounds, "rounds", 3, "runs of each; the median is printed, with the worst and the best")
	f.StringVar(&size, "size", size, "size of the large object")
	f.StringVar(&s.bin, "bin", "", "the zs3fs `program` (default: built now)")
	f.StringVar(&s.cache, "cache-dir", "", "where the caches go (default: a temporary directory)")
	f.StringVar(&s.options, "o", "", "further mount `options` of zs3fs")
	f.BoolVar(&s.fill, "fill", true, "fill the page cache before each run, as it is on a machine in use")
	f.BoolVar(&s.warmOnly, "warm-only", false, "only compare warm reads with reads of the cached file itself")
	f.BoolVar(&s.million, "million", false, "measure the million names too, which takes five minutes")
	f.StringVar(&s.results, "results", "", "`file` whose section of results is written anew, with charts beside it")
	f.Usage = func() { usage(f) }
	if err := f.Parse(args); err != nil {
		return s, err
	}
	s.command = command(f)
	n, err := humanize.ParseBytes(size)
	if err != nil {
		return s, err
	}
	s.size = int64(n)
	for i, to := range []*[]string{&s.patterns, &s.tools, &s.networkNames} {
		if lists[i] != "" {
			*to = strings.Split(lists[i], ",")
		}
	}
	return s, s.check(f.Args())
}

// command is without the places that are one machine's own.
func command(f *flag.FlagSet) string {
	words := []string{"go run ./scripts/bench"}
	f.Visit(func(given *flag.Flag) {
		if !slices.Contains([]string{"cache-dir", "bin", "results"}, given.Name) {
			words = append(words, "-"+given.Name+"="+given.Value.String())
		}
	})
	return strings.Join(words, " ")
}

func (s settings) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unknown argument %q; see -h", rest[0])
	}
	if s.rounds < 1 || s.size < 64<<20 || s.size%(16<<20) != 0 {
		return fmt.Errorf("%d rounds of %d bytes: at least 1, of 64 MiB or more in steps of 16 MiB", s.rounds, s.size)
	}
	known := [3][]string{nil, slices.Collect(maps.Keys(clients())), nil}
	for _, p := range patterns() {
		known[0] = append(known[0], p.name)
	}
	for _, t := range tools("") {
		known[1] = append(known[1], t.name)
	}
	for _, p := range profiles() {
		known[2] = append(known[2], p.Name)
	}
	for i, names := range [][]string{s.patterns, s.tools, s.networkNames} {
		for _, name := range names {
			if !slices.Contains(known[i], name) {
				return fmt.Errorf("unknown %q; known are %s", name, strings.Join(known[i], ", "))
			}
		}
	}
	return nil
}

// wants says that a tool was asked for, or that all were.
func (s settings) wants(tool string) bool { return len(s.tools) == 0 || slices.Contains(s.tools, tool) }

// toolsHere are those of the tools wanted that this machine has. One that was asked for by
// its name must be there: its row would be missing without a word.
func (s settings) toolsHere() (here []tool, err error) {
	for _, t := range tools(s.bin) {
		switch {
		case !s.wants(t.name):
		case t.present():
			here = append(here, t)
		case len(s.tools) > 0:
			return nil, fmt.Errorf("%s is not installed", t.name)
		}
	}
	return here, nil
}

// chosen are the patterns that are to be measured in a profile: all in the first one,
// and in the others those of everywhere, unless patterns were asked for. A million
// names are to be asked for too.
func (s settings) chosen(p profile) []pattern {
	return slices.DeleteFunc(patterns(), func(pat pattern) bool {
		if len(s.patterns) > 0 {
			return !slices.Contains(s.patterns, pat.name)
		}
		return p.Name != profiles()[0].Name && !pat.everywhere || pat.once && !s.million
	})
}

// networks are the profiles asked for. With patterns asked for and no profile it is
// the first: that is what developers do.
func (s settings) networks() []profile {
	all := profiles()
	if len(s.networkNames) == 0 && len(s.patterns) > 0 {
		return all[:1]
	}
	return slices.DeleteFunc(all, func(p profile) bool { return len(s.networkNames) > 0 && !slices.Contains(s.networkNames, p.Name) })
}

// needsTables says that a chosen pattern reads a Parquet file.
func (s settings) needsTables() bool {
	for _, p := range s.networks() {
		if slices.ContainsFunc(s.chosen(p), func(pat pattern) bool { return pat.table != "" }) {
			return !s.warmOnly
		}
	}
	return false
}

func usage(f *flag.FlagSet) {
	out := f.Output()
	fmt.Fprintln(out, "usage: bench [flags]\n\nflags:")
	f.PrintDefaults()
	fmt.Fprintln(out, "\npatterns:")
	for _, p := range patterns() {
		fmt.Fprintf(out, "  %-17s %s\n", p.name, p.what)
	}
	fmt.Fprintln(out, "\nprofiles:")
	for _, p := range profiles() {
		fmt.Fprintf(out, "  %-16s %s\n", p.Name, p.What)
	}
}

// joined joins comma-separated lists.
func joined(lists ...string) string {
	return strings.Join(slices.DeleteFunc(lists, func(l string) bool { return l == "" }), ",")
}
