package main

// results are all summaries of a run.
type results struct {
	order []key
	all   map[key]*summary
}

// key names a summary.
type key struct{ profile, pattern, tool string }

func newResults() *results { return &results{all: make(map[key]*summary)} }

// at returns the summary of k, and makes it when it is not there.
func (r *results) at(k key) *summary {
	if r.all[k] == nil {
		r.all[k] = &summary{}
		r.order = append(r.order, k)
	}
	return r.all[k]
}

// median returns the median of k, and whether it was measured.
func (r *results) median(k key) (sample, bool) {
	if m := r.all[k]; m.ok() {
		return m.median(), true
	}
	return sample{}, false
}

// fastest returns the fastest other mount of a pattern; the name is empty where
// there is none.
func (r *results) fastest(profile, pattern string, latency bool) (name string, s sample) {
	for _, k := range r.order {
		if k.profile != profile || k.pattern != pattern || !peer(k.tool) {
			continue
		}
		if m, ok := r.median(k); ok && (name == "" || worth(m, latency) > worth(s, latency)) {
			name, s = k.tool, m
		}
	}
	return name, s
}

// share is what part of the bare limit of its pattern k reached: of the row that also
// writes, where there is one.
func (r *results) share(k key, latency bool) (float64, bool) {
	m, ok := r.median(k)
	limit, limited := r.median(key{k.profile, k.pattern, bareWriteName})
	if !limited {
		limit, limited = r.median(key{k.profile, k.pattern, bareName})
	}
	switch {
	case !ok || !limited:
		return 0, false
	case latency:
		return limit.P50 / m.P50, true
	}
	return m.speed() / limit.speed(), true
}

// peer says that the tool is another mount.
func peer(tool string) bool {
	return tool != zs3fsName && tool != memoryName && clients()[tool] == nil
}
