package model_test

import (
	"errors"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/internal/model"
)

// epoch is when the record of these tests begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func then(seconds int, quiet bool) model.When {
	return model.When{Earliest: at(seconds), Latest: at(seconds), Quiet: quiet}
}

// said is an answer that was given at once.
func said(seconds int) model.Said { return model.Said{Asked: at(seconds), Answered: at(seconds)} }

var (
	first  = model.Node{Kind: model.File, Object: model.Object{ETag: "first", Size: 1}}
	second = model.Node{Kind: model.File, Object: model.Object{ETag: "second", Size: 2}}
	dir    = model.Node{Kind: model.Dir}
	absent = model.Node{}
)

// newJudge judges of "a", which is absent at first, the first object from 10 s on, the
// second from 30 s on, a directory beside it from 50 to 70 s, and absent from 90 s on.
func newJudge() *model.Judge {
	j := &model.Judge{
		Record: model.NewRecord(model.Rules{NameMax: 1024}, epoch),
		TTL:    10 * time.Second, NegativeTTL: 5 * time.Second, Blur: time.Second,
	}
	j.Put("a", first.Object, then(10, true))
	j.Put("a", second.Object, then(30, true))
	j.Put("a/b", first.Object, then(50, true))
	j.Delete("a/b", then(70, true))
	j.Delete("a", then(90, true))
	return j
}

// A judge that lets everything pass would make all histories worthless.
func TestJudgeOfLookups(t *testing.T) {
	for _, tt := range []struct {
		name  string
		is    model.Node
		at    int
		set   func(*model.Judge)
		right bool
	}{
		{"the truth", first, 25, nil, true},
		{"within its time", first, 39, nil, true},
		{"beyond its time", first, 41, nil, false},
		{"for ever", first, 49, func(j *model.Judge) { j.TTL = -1 }, true},
		{"never so", model.Node{Kind: model.File, Object: model.Object{ETag: "third", Size: 1}}, 25, nil, false},
		{"of another size", model.Node{Kind: model.File, Object: model.Object{ETag: "first", Size: 2}}, 25, nil, false},
		{"not yet so", second, 25, nil, false},
		{"absent within the negative time", absent, 14, nil, true},
		{"absent beyond the negative time", absent, 16, nil, false},
		{"absent beside a directory", absent, 65, nil, false},
		{"a directory", dir, 60, nil, true},
		{"no directory any more", dir, 81, nil, false},
		{"a file that a directory shadows", second, 61, nil, false},
		{"refreshed", first, 39, func(j *model.Judge) { j.Refresh("a", at(35)) }, false},
		{"refreshed from above", first, 39, func(j *model.Judge) { j.Refresh("", at(35)) }, false},
		{"another path was refreshed", first, 39, func(j *model.Judge) { j.Refresh("b", at(35)) }, true},
		{"found to be another", first, 39, func(j *model.Judge) { j.Forget("a", at(35)) }, false},
		{"expired while S3 is away", first, 45, func(j *model.Judge) { j.Offline = true; j.Away(at(44)) }, true},
		{"expired while S3 is away, not wanted", first, 45, func(j *model.Judge) { j.Away(at(44)) }, false},
		{"expired after S3 was away", first, 49, func(j *model.Judge) { j.Offline = true; j.Away(at(44)); j.Back(at(46)) }, false},
		{"asked anew by an open", first, 38, func(j *model.Judge) {
			if err := j.Revalidated("a", second.Object, said(35)); err != nil {
				t.Error(err)
			}
		}, false},
	} {
		j := newJudge()
		if tt.set != nil {
			tt.set(j)
		}
		if err := j.Looked("a", tt.is, said(tt.at)); (err == nil) != tt.right {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	// What says that it is good for all of its time was asked now.
	j, fresh := newJudge(), said(39)
	fresh.Fresh = j.TTL
	if j.Looked("a", first, fresh) == nil {
		t.Error("an old answer that says it is new")
	}
}

func TestJudgeOfListings(t *testing.T) {
	j := newJudge()
	j.Put("x", first.Object, then(110, false))
	j.Delete("x", then(120, false))
	j.Put("y", first.Object, then(122, false))
	j.Put("y//z", first.Object, then(140, true)) // y is a directory, of which one key has no name
	x, y := model.Name{Name: "x", Node: first}, model.Name{Name: "y", Node: first}
	none, one := &model.Hidden{}, &model.Hidden{Unrepresentable: 1}
	for _, tt := range []struct {
		name   string
		dir    string
		names  []model.Name
		hidden *model.Hidden
		at     int
		blur   time.Duration
		right  bool
	}{
		{"the truth", "", []model.Name{x}, none, 115, 0, true},
		{"a name too few", "", nil, none, 119, 0, true}, // the listing of 109 s
		{"a name too few, beyond its time", "", nil, none, 137, 0, false},
		{"a name too many", "", []model.Name{x, y}, none, 115, 0, false},
		{"never both", "", []model.Name{x, y}, none, 125, time.Second, false},
		{"both in the time of one listing", "", []model.Name{x, y}, nil, 125, 5 * time.Second, true},
		{"not in order", "", []model.Name{y, x}, nil, 125, 5 * time.Second, false},
		{"no name", "", []model.Name{{Name: "", Node: first}}, nil, 125, 0, false},
		{"a name with a slash", "", []model.Name{{Name: "a/b", Node: first}}, nil, 125, 0, false},
		{"what is hidden", "y", nil, one, 155, 0, true},
		{"what is hidden is not counted", "y", nil, none, 155, 0, false},
	} {
		j.Blur = tt.blur
		if err := j.Listed(tt.dir, tt.names, tt.hidden, said(tt.at)); (err == nil) != tt.right {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestJudgeOfTheRest(t *testing.T) {
	broken := errors.New("broken")
	away := func(j *model.Judge) { j.Away(at(20)); j.Back(at(22)) }
	for _, tt := range []struct {
		name  string
		judge func(j *model.Judge) error
		right bool
	}{
		{"below a file", func(j *model.Judge) error { return j.BelowFile("a/x", said(25)) }, true},
		{"below a directory", func(j *model.Judge) error { return j.BelowFile("a/x", said(65)) }, false},
		{"a file is no directory", func(j *model.Judge) error { return j.NoDirectory("a", said(25)) }, true},
		{"a directory", func(j *model.Judge) error { return j.NoDirectory("a", said(65)) }, false},
		{"opened as it is", func(j *model.Judge) error { return j.Revalidated("a", second.Object, said(35)) }, true},
		{"opened as it was", func(j *model.Judge) error { return j.Revalidated("a", first.Object, said(35)) }, false},
		{"gone", func(j *model.Judge) error { return j.Vanished("a", said(95)) }, true},
		{"not gone", func(j *model.Judge) error { return j.Vanished("a", said(25)) }, false},
		{"failed while S3 was there", func(j *model.Judge) error { return j.Failed("a", broken, said(25)) }, false},
		{"failed while S3 was away", func(j *model.Judge) error { away(j); return j.Failed("a", broken, said(21)) }, true},
		{"failed after it was away", func(j *model.Judge) error { away(j); return j.Failed("a", broken, said(25)) }, false},
		{"failed before it was seen to be back", func(j *model.Judge) error {
			away(j)
			j.Recovery = 5 * time.Second
			return j.Failed("a", broken, said(25))
		}, true},
	} {
		if err := tt.judge(newJudge()); (err == nil) != tt.right {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
