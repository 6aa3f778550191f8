package catalog

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// alphabet is a level of directories a to z.
func alphabet(_, from, to string) int { return int(to[0]) - int(from[0]) - 1 }

// listed tells the tours of directories in turn, and returns the scope and whether it
// is another after each: "-" for none.
func tell(ts *tours, dirs ...string) (said []string) {
	for _, dir := range dirs {
		t, widened := ts.listed(dir, alphabet)
		switch {
		case t == nil:
			said = append(said, "-")
		case widened:
			said = append(said, "+/"+t.scope)
		default:
			said = append(said, "/"+t.scope)
		}
	}
	return said
}

func TestTours(t *testing.T) {
	for _, tt := range []struct{ name, dirs, want string }{
		{"the second sibling", "a b c d", "- +/ / /"},
		{"depth first", " a a/a a/b a/c b b/a b/b c", "- - - +/a /a +/ / / /"},
		{"deeper", "a/a/a a/a/b a/b a/b/a b b/a/a", "- +/a/a +/a /a +/ /"},
		{"level by level", "a b a/a a/b b/a b/b", "- +/ - +/a / /"},
		{"backwards", "d c b a", "- - - -"},
		{"the same again", "a a a", "- - -"},
		{"a few left out", "a d", "- +/"},
		{"many left out", "a m", "- -"},
		{"threads", "a c b d", "- +/ / /"},
		{"two walks", "x/a y/a x/b y/b x/c y/c", "- - +/x +/y /x /y"},
		{"cousins", "a/a b/a c/a", "- - -"},
	} {
		said := tell(new(tours), strings.Split(tt.dirs, " ")...)
		if got := strings.Join(said, " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// However many walks there are, what is remembered of them is bounded.
func TestToursAreBounded(t *testing.T) {
	var ts tours
	for i := range 100 {
		top := string(rune('A' + i))
		tell(&ts, top+"/a", top+"/b", top+"x/y")
		ts.surplus()
	}
	if len(ts.active) > maxTours || len(ts.single) > maxSingle {
		t.Errorf("%d tours, %d single", len(ts.active), len(ts.single))
	}
}

// The order of a walk is that of the paths' components.
func TestWalkedBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringMatching(`([a!.\-é]{1,3}/){0,3}[a!.\-é]{1,3}`)
		a, b := path.Draw(t, "a"), path.Draw(t, "b")
		want := slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) < 0
		if got := walkedBefore(a, b); got != want {
			t.Fatalf("%q before %q: %v", a, b, got)
		}
	})
}
