package zfs

// Finding is one thing about a dataset that Check has to say.
type Finding struct {
	What string `json:"what"` // a property's name, or "snapshots", "pool", "mount", "quota"
	Is   string `json:"is"`
	Want string `json:"want"` // empty where there is no one answer
	Why  string `json:"why"`
	// Fix is a command that mends it.
	Fix string `json:"fix"`
	// Note is no fault: worth knowing, and right for some.
	Note bool `json:"note"`
}

// Faults counts what is not right.
func Faults(findings []Finding) (n int) {
	for _, f := range findings {
		if !f.Note {
			n++
		}
	}
	return n
}
