package main

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/zs3fs/zs3fs/blockcache/zfs"
)

// surveyEvery: a survey runs two dozen short programs.
const surveyEvery = 10 * time.Minute

// survey looks at the cache's dataset: at the mount, and now and then. It logs
// what is not right, once each.
type survey struct {
	dataset   string
	blockSize int64
	tools     *zfs.Tools
	log       *slog.Logger
	told      map[string]bool // what was logged; the goroutine's own
	*periodic

	mu     sync.Mutex // guards latest
	latest *surveyed
}

// surveyed is what a survey found.
type surveyed struct {
	Usage    zfs.Usage
	Findings []zfs.Finding
}

// startSurvey starts the goroutine that Close ends.
func startSurvey(dataset string, blockSize int64, tools *zfs.Tools, log *slog.Logger) *survey {
	s := &survey{dataset: dataset, blockSize: blockSize, tools: tools, log: log, told: map[string]bool{}}
	s.periodic = every(surveyEvery, s.look)
	return s
}

func (s *survey) look() {
	usage, err := s.tools.Usage(s.dataset)
	findings, checkErr := s.tools.Check(s.dataset, s.blockSize)
	if err = errors.Join(err, checkErr); err != nil {
		s.log.Debug("the cache's dataset cannot be looked at", "dataset", s.dataset, "error", err)
	}
	if checkErr != nil {
		return
	}
	s.mu.Lock()
	s.latest = &surveyed{usage, findings}
	s.mu.Unlock()
	for _, f := range findings {
		if !f.Note && !s.told[f.What] {
			s.told[f.What] = true
			s.log.Warn("the cache's dataset is not as it should be", "dataset", s.dataset,
				"what", f.What, "is", f.Is, "want", f.Want, "run", "zs3fs zfs check "+s.dataset)
		}
	}
}

// found is the latest, nil before the first.
func (s *survey) found() *surveyed {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest
}

func (s *surveyed) faults() int { return zfs.Faults(s.Findings) }
