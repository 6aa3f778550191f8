package model

import (
	"strings"
	"time"

	"pgregory.net/rapid"
)

// Op is what happens in a step.
type Op string

// The steps.
const (
	Put        Op = "put"       // a new object at Key
	Again      Op = "put again" // the same object, at a key that has one
	Overwrite  Op = "overwrite" // a key that has an object
	Delete     Op = "delete"    // a key that has an object
	List       Op = "list"      // a directory
	Walk       Op = "walk"      // all directories, in order
	Lookup     Op = "lookup"    // a path
	Open       Op = "open"      // a file
	Direct     Op = "open by O_DIRECT"
	Read       Op = "read"  // an open file
	Close      Op = "close" // an open file
	Opendir    Op = "opendir"
	Readdir    Op = "readdir" // the rest of what Opendir began
	Refresh    Op = "refresh" // a path
	Remount    Op = "remount"
	GoAway     Op = "S3 goes away"
	ComeBack   Op = "S3 comes back"
	Wait       Op = "wait"
	Meanwhile  Op = "overwrite while the next question is under way"
	MeanwhileD Op = "delete while the next question is under way"
)

// Step is one event of a history. What it is about is chosen among what there is when
// it happens: so a history without some of its steps is one as well.
type Step struct {
	Op   Op
	Key  string
	Pick int // which of the keys, paths or open files
	Size int64
	Off  int64
	For  time.Duration // what passes before it
}

// common are the steps with how often they come.
var common = []struct {
	op Op
	n  int
}{
	// Nothing first: a shorter history is found by its taking the place of others.
	{Wait, 2}, {Put, 5}, {Again, 1}, {Overwrite, 5}, {Delete, 5}, {List, 8}, {Walk, 2}, {Lookup, 12}, {Open, 5}, {Direct, 3}, {Read, 9},
	{Close, 1}, {Opendir, 2}, {Readdir, 3}, {Refresh, 3}, {Remount, 1}, {GoAway, 1}, {ComeBack, 3},
	{Meanwhile, 2}, {MeanwhileD, 2},
}

// AnyKey is a key of an alphabet so small that keys collide.
func AnyKey() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{
		"a", "a", "a", "b", "/", "/", "/", "/", "-", ".", "..", "!", "%", "%2F", "é", "\n", "\xff", "+", " ", "aaaaaaa", "a/b/", "\x00", "‛", "．",
	})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 1, 5).Draw(t, "pieces"), "")
	})
}

// AnySteps is a history: some objects to begin with, and what happens then.
func AnySteps(step *rapid.Generator[Step], sizes []int64) *rapid.Generator[[]Step] {
	object := rapid.Custom(func(t *rapid.T) Step {
		return Step{Op: Put, Key: AnyKey().Draw(t, "key"), Size: rapid.SampledFrom(sizes).Draw(t, "size")}
	})
	return rapid.Custom(func(t *rapid.T) []Step {
		return append(rapid.SliceOfN(object, 0, 15).Draw(t, "objects"), rapid.SliceOfN(step, 50, 60).Draw(t, "steps")...)
	})
}

// AnyStep is a step; pauses are those that may pass before it.
func AnyStep(pauses []time.Duration, sizes []int64, without ...Op) *rapid.Generator[Step] {
	var ops []Op
	for _, c := range common {
		for range c.n {
			ops = append(ops, c.op)
		}
	}
	for _, op := range without {
		for i, o := range ops {
			if o == op {
				ops[i] = Lookup
			}
		}
	}
	// rapid's own numbers are small ones for the most part.
	even := rapid.Map(rapid.SliceOfN(rapid.Bool(), 8, 8), func(bits []bool) (n int) {
		for _, one := range bits {
			if n *= 2; one {
				n++
			}
		}
		return n
	})
	return rapid.Custom(func(t *rapid.T) Step {
		s := Step{
			Op:   ops[even.Draw(t, "op")%len(ops)],
			Pick: even.Draw(t, "pick"),
			For:  pauses[even.Draw(t, "for")%len(pauses)],
		}
		switch s.Op {
		case Put:
			s.Key = AnyKey().Draw(t, "key")
			fallthrough
		case Overwrite, Meanwhile, Read:
			s.Size = sizes[even.Draw(t, "size")%len(sizes)]
			s.Off = rapid.Int64Range(0, 40_000).Draw(t, "off")
		}
		return s
	})
}
