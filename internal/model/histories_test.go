package model_test

import (
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/internal/model"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// story is a history and the mount that it is told to.
type story struct {
	prefix         string
	nameMax, page  int
	ttl, negative  time.Duration
	ahead, reverse bool
	offline, kept  bool
	escape         bool
	versions       bool
	memory         int64
	steps          []model.Step
}

var (
	pauses = []time.Duration{0, 0, time.Millisecond, time.Second, 3 * time.Second, 7 * time.Second, 20 * time.Second, 61 * time.Second}
	sizes  = []int64{0, 1, 100, block, 3*block + 5, 9 * block}
)

func anyStory(without ...model.Op) *rapid.Generator[story] {
	steps := model.AnySteps(model.AnyStep(pauses, sizes, without...), sizes)
	return rapid.Custom(func(t *rapid.T) story {
		return story{
			prefix:   rapid.SampledFrom([]string{"", "", "a/", "a//", "-/a/"}).Draw(t, "prefix"),
			nameMax:  rapid.SampledFrom([]int{1024, 1024, 3}).Draw(t, "nameMax"),
			page:     rapid.IntRange(1, 5).Draw(t, "page"),
			ttl:      rapid.SampledFrom([]time.Duration{time.Minute, time.Minute, 10 * time.Second, 0, -1}).Draw(t, "ttl"),
			negative: rapid.SampledFrom([]time.Duration{5 * time.Second, 5 * time.Second, 0, -1}).Draw(t, "negative ttl"),
			ahead:    rapid.Bool().Draw(t, "ahead"),
			offline:  rapid.Bool().Draw(t, "offline"),
			escape:   rapid.Bool().Draw(t, "escape"),
			kept:     rapid.IntRange(0, 3).Draw(t, "kept") == 3,
			reverse:  rapid.IntRange(0, 9).Draw(t, "reverse") == 9,
			versions: rapid.IntRange(0, 3).Draw(t, "versions") == 3,
			memory:   rapid.SampledFrom([]int64{1 << 20, 1 << 20, 2000}).Draw(t, "memory"),
			steps:    steps.Draw(t, "steps"),
		}
	})
}

// tell tells a story, with open files if there is a directory to cache them in.
func (s story) tell(dir string) (model.Counts, error) {
	bucket := &distant{Mem: s3test.NewMem(), reverse: s.reverse}
	bucket.SetPageSize(s.page)
	bucket.SetVersioning(s.versions)
	p := &readPath{dir: dir, Config: catalog.Config{
		Bucket: bucket, Prefix: s.prefix, NameMax: s.nameMax, TTL: s.ttl, NegativeTTL: s.negative, ListAhead: s.ahead, Memory: s.memory,
		OfflineOK: s.offline, Escape: s.escape,
	}}
	if s.kept {
		var err error
		if p.kept, err = os.MkdirTemp("", "zs3fs-model-"); err != nil {
			return model.Counts{}, err
		}
		defer os.RemoveAll(p.kept)
	}
	if err := p.begin(); err != nil {
		return model.Counts{}, err
	}
	t := model.Teller{
		Judge: &model.Judge{
			Record: model.NewRecord(model.Rules{Prefix: s.prefix, NameMax: s.nameMax, Escape: s.escape}, time.Now()),
			TTL:    s.ttl, NegativeTTL: s.negative, Blur: 15 * time.Second, Offline: s.offline,
		},
		Bucket: bucket, Subject: p, Forgets: true, Background: s.ahead, Versions: s.versions,
	}
	err := t.Tell(s.steps)
	if ended := p.end(); err == nil {
		err = ended
	}
	return t.Counts, err
}

// TestHistories tells thousands of histories to the catalog. One that fails is made
// shorter and printed, with the flag that tells it again.
func TestHistories(t *testing.T) {
	tellAll(t, anyStory(model.Read), 20, "")
}

func tellAll(t *testing.T, stories *rapid.Generator[story], hundreds int, dir string) {
	if n, err := strconv.Atoi(os.Getenv("ZS3FS_SOAK")); err == nil {
		hundreds *= n
	}
	var all model.Counts
	for range hundreds {
		rapid.Check(t, func(rt *rapid.T) {
			s := stories.Draw(rt, "story")
			var (
				counts model.Counts
				err    error
			)
			synctest.Test(t, func(*testing.T) { counts, err = s.tell(dir) })
			all.Add(counts)
			if err != nil {
				s.steps = nil
				rt.Fatalf("%v\nof %+v", err, s)
			}
		})
	}
	t.Logf("%+v", all)
	if all.Older == 0 || all.Offline == 0 || all.Failed == 0 || dir != "" && (all.Old == 0 || all.Stale == 0) {
		t.Errorf("%+v: these histories prove little", all)
	}
}

// TestHistoriesOfFiles tells of open files too, over a cache on disk.
func TestHistoriesOfFiles(t *testing.T) {
	tellAll(t, anyStory(), 2, t.TempDir())
}
