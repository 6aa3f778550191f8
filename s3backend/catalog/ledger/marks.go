package ledger

import (
	"maps"
	"strings"
	"time"
)

// maxMarks bounds the refreshed paths that are remembered; one more empties the ledger.
const maxMarks = 1000

// Refresh has no answer be there that was asked for before now about path or any path
// below it, in any view; "" is all. See Settle.
func (l *Ledger) Refresh(path string) {
	now := time.Now().UnixNano()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	// A mark covers the earlier ones below it.
	maps.DeleteFunc(l.marks, func(p string, _ int64) bool {
		return path == "" || strings.HasPrefix(p, path+"/")
	})
	l.marks[path] = now
	l.unsaved = true
	if len(l.marks) > maxMarks {
		l.emptyLocked()
	}
	l.nudge()
}

// coveredLocked reports whether path was refreshed, by itself or from above, after asked.
func (l *Ledger) coveredLocked(path string, asked int64) bool {
	if len(l.marks) == 0 {
		return false
	}
	for {
		if at, ok := l.marks[path]; ok && asked < at {
			return true
		}
		if path == "" {
			return false
		}
		path = path[:max(strings.LastIndexByte(path, '/'), 0)]
	}
}

func (l *Ledger) copyMarksLocked() map[string]int64 { return maps.Clone(l.marks) }
