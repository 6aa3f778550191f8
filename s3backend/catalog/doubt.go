package catalog

import "strings"

// doubt returns a name that all which are still to come sort behind, or are: nothing
// from it on is sure. "" says that all is. It is that of the directory dir, or of what
// else is escaped if dir is "".
//
// A directory d can still come if "d/" sorts behind the latest key, and matters if d
// does not: then the latest key is d and a character before "/", or nothing.
func (m *mapping) doubt() (name, dir string) {
	if m.last == "" {
		return "", ""
	}
	rest := m.last[len(m.prefix):]
	for i := range len(rest) + 1 {
		d := rest[:i]
		if i < len(rest) && rest[i] == '/' {
			break
		}
		if i < len(rest) && rest[i] > '/' {
			continue
		}
		// What cannot be a name is waited for by none.
		called, kind := m.names.classify(d, m.nameMax)
		if _, known := m.settled[d]; known || kind != named {
			continue
		}
		if name == "" || called < name {
			name, dir = called, d
		}
		if !m.names {
			return name, dir
		}
	}
	if !m.names {
		return "", ""
	}
	if floor := escapedFloor(rest); floor != "" && (name == "" || floor < name) {
		return floor, ""
	}
	return name, dir
}

// escapedFloor returns a name that no component sorts before which is still to come
// behind rest, of a key or of a directory; "" if none comes. The special characters
// stand behind all of ASCII and before most of what is written in Asia, their quote
// before all of them: behind the key 日 may come ．x, which is called ‛．x and sorts
// before it.
func escapedFloor(rest string) (floor string) {
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest = rest[:i+1]
	}
	lower := func(name string) {
		if floor == "" || name < floor {
			floor = name
		}
	}
	for i := range len(rest) + 1 {
		if i > 0 && rest[i-1] == '/' {
			break
		}
		// What comes has the first i bytes in common with rest (what is escaped among
		// them has been seen to sort no lower), and another behind them:
		same, behind := rest[:i], rest[i:]
		if behind == "" {
			lower(same + "\x00")
		} else if behind[0] < 0xff {
			lower(same + string([]byte{behind[0] + 1}))
		}
		// or a special character, of which ／ is the last.
		if behind[:min(len(empty), len(behind))] <= empty {
			lower(same + quote)
		}
	}
	return floor
}
