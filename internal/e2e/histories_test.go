package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/internal/model"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// mountStory is a history, and the mount that it is told to.
type mountStory struct {
	ttl, negative   time.Duration
	page            int
	ahead           string
	open, offlineOK bool
	escape          bool
	versions        bool
	steps           []model.Step
	direct          bool
}

func anyMountStory() *rapid.Generator[mountStory] {
	pauses := []time.Duration{0, 0, 0, 5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 150 * time.Millisecond}
	sizes := []int64{0, 1, 100, 4096, 70_000, 200_000}
	// A mount takes as long as many steps.
	steps := model.AnySteps(model.AnyStep(pauses, sizes), sizes)
	return rapid.Custom(func(t *rapid.T) mountStory {
		return mountStory{
			ttl:       rapid.SampledFrom([]time.Duration{300 * time.Millisecond, 300 * time.Millisecond, time.Minute}).Draw(t, "ttl"),
			negative:  rapid.SampledFrom([]time.Duration{100 * time.Millisecond, time.Minute}).Draw(t, "negative ttl"),
			page:      rapid.IntRange(1, 5).Draw(t, "page"),
			ahead:     rapid.SampledFrom([]string{"on", "off"}).Draw(t, "ahead"),
			open:      rapid.IntRange(0, 3).Draw(t, "open") == 3,
			offlineOK: rapid.Bool().Draw(t, "offline"),
			escape:    rapid.Bool().Draw(t, "escape"),
			versions:  rapid.IntRange(0, 3).Draw(t, "versions") == 3,
			steps:     steps.Draw(t, "steps"),
			direct:    rapid.Bool().Draw(t, "direct I/O"),
		}
	})
}

// TestHistories tells histories of package model to mounts: a few dozen here, as many
// thousands as wanted in a soak. The number of one that fails is its seed:
// go test -run 'TestHistories/^17$' tells it again.
func TestHistories(t *testing.T) {
	stories := anyMountStory()
	told := make(chan model.Counts, soak(t, 24))
	t.Run("all", func(t *testing.T) {
		for seed := range cap(told) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				told <- stories.Example(seed).tell(t)
			})
		}
	})
	close(told)
	var all model.Counts
	n := len(told)
	for counts := range told {
		all.Add(counts)
	}
	t.Logf("%+v", all)
	// What no history comes to is not tested by any. (One that is told alone may not.)
	if n == cap(told) && (all.Answers == 0 || all.Older == 0 || all.Offline == 0 || all.Failed == 0 || all.Reads == 0 || all.Old == 0) {
		t.Errorf("%d histories did not come to all that they are for: %+v", n, all)
	}
}

func (story mountStory) tell(t *testing.T) model.Counts {
	s := newStandWith(t, s3test.ServerConfig{PageSize: story.page})
	s.bucket.SetVersioning(story.versions)
	unmappable, consistency := "hide", "ttl"
	if story.escape {
		unmappable = "escape"
	}
	if story.open {
		consistency = "open"
	}
	m := &mountSubject{s: s, options: []string{
		"--log-level", "info", "--lazy-connect", "--runtime-dir", s.dir + "/run", "--block-size", "64KiB", "--read-part-size", "64KiB",
		"--request-timeout", "500ms", "--retries", "3", "--list-ahead", story.ahead, "--unmappable", unmappable, "--consistency", consistency,
		"--metadata-ttl", story.ttl.String(), "--negative-metadata-ttl", story.negative.String(), fmt.Sprintf("--offline-ok=%v", story.offlineOK),
		fmt.Sprintf("--direct-io=%v", story.direct),
	}}
	teller := model.Teller{
		Judge: &model.Judge{
			Record: model.NewRecord(model.Rules{NameMax: 1024, Escape: story.escape}, time.Now()),
			TTL:    story.ttl, NegativeTTL: story.negative, Blur: 15 * time.Second, Offline: story.offlineOK,
			// The daemon asks after 1, 2, 4 and 5 s whether S3 is back.
			Recovery: 10 * time.Second, RootKeeps: true,
		},
		Bucket: m, Subject: m, Background: story.ahead == "on", Versions: story.versions,
	}
	if err := m.Remount(); err != nil {
		t.Fatal(err)
	}
	// What S3 answers not at all a mount waits for.
	defer m.Reachable(true)
	if err := teller.Tell(story.steps); err != nil {
		story.steps = nil
		t.Errorf("%v\nof %+v", err, story)
	}
	return teller.Counts
}
