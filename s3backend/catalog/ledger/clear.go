package ledger

// Clear drops all answers of all views; see Settle.
func (l *Ledger) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.emptyLocked()
	}
}

// Settle returns when what was refreshed and cleared is so on disk, for a killed process
// too, or when that takes too long. Nobody else waits for it.
func (l *Ledger) Settle() {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	saved := make(chan struct{})
	l.waiting = append(l.waiting, saved)
	l.nudge()
	l.mu.Unlock()
	wait(saved, readWait)
}

func (l *Ledger) emptyLocked() {
	l.index, l.queue, l.queued, l.drops = newIndex(), nil, 0, 0
	l.doomed, l.marks = map[uint64]int{}, map[string]int64{}
	l.emptied = true
	l.generation++
	l.nudge()
}
