package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// bytesValue is a size in bytes as a flag: "512MiB", "10GB", "8M". A letter alone
// is binary, as in mount options everywhere; a bare number is MiB, as in the
// options of mountpoint-s3 and JuiceFS.
type bytesValue int64

func (v *bytesValue) Type() string { return "size" }

func (v *bytesValue) String() string {
	if *v == automatic {
		return "" // the usage says what it comes from
	}
	return strings.ReplaceAll(humanize.IBytes(uint64(max(*v, 0))), " ", "")
}

func (v *bytesValue) Set(s string) error {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return errors.New("is empty")
	case strings.ContainsAny(s[len(s)-1:], "0123456789."):
		s += "MiB"
	case strings.ContainsAny(s[len(s)-1:], "KMGTPkmgtp"):
		s += "iB"
	}
	n, err := humanize.ParseBytes(s)
	if err != nil || n > math.MaxInt64 {
		return errors.New("is not a size: write 512MiB, 10GB, or a number of MiB")
	}
	*v = bytesValue(n)
	return nil
}

// speedValue is bytes a second as a flag: "50MiB/s", and everything that bytesValue
// takes. 0 is no limit, and so is off, as rclone calls it.
type speedValue int64

func (v *speedValue) Type() string { return "size/s" }

func (v *speedValue) String() string {
	if *v == 0 {
		return ""
	}
	return (*bytesValue)(v).String() + "/s"
}

func (v *speedValue) Set(s string) error {
	s = strings.TrimSpace(s)
	if strings.EqualFold(s, "off") {
		*v = 0
		return nil
	}
	return (*bytesValue)(v).Set(strings.TrimSuffix(s, "/s"))
}

// shareValue is a size in bytes or a share of the file system.
type shareValue struct {
	Bytes   int64
	Percent float64 // used when > 0
}

func (v *shareValue) Type() string { return "size|%" }

func (v *shareValue) String() string {
	if v.Percent > 0 {
		return strconv.FormatFloat(v.Percent, 'f', -1, 64) + "%"
	}
	b := bytesValue(v.Bytes)
	return b.String()
}

// Set also takes a fraction below one, as JuiceFS's free-space-ratio does.
func (v *shareValue) Set(s string) error {
	s = strings.TrimSpace(s)
	percent, isPercent := strings.CutSuffix(s, "%")
	p, err := strconv.ParseFloat(percent, 64)
	if !isPercent && err == nil && p > 0 && p < 1 {
		p, isPercent = 100*p, true
	}
	if isPercent {
		if err != nil || !(p > 0 && p <= 100) {
			return errors.New("is not a share: write a number above 0 up to 100 and %")
		}
		*v = shareValue{Percent: p}
		return nil
	}
	var b bytesValue
	if err := b.Set(s); err != nil {
		return err
	}
	*v = shareValue{Bytes: int64(b)}
	return nil
}

// of resolves the share of a capacity in bytes.
func (v shareValue) of(capacity int64) int64 {
	if v.Percent > 0 {
		return int64(float64(capacity) * v.Percent / 100)
	}
	return v.Bytes
}

// countValue is a number of things; off is none.
type countValue int

func (v *countValue) Type() string   { return "int" }
func (v *countValue) String() string { return strconv.Itoa(int(*v)) }
func (v *countValue) Set(s string) error {
	if strings.EqualFold(strings.TrimSpace(s), "off") {
		*v = 0
		return nil
	}
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
	if err != nil {
		return errors.New("is not a number: write 64, 0 or off")
	}
	*v = countValue(n)
	return nil
}

const (
	forever = time.Duration(-1)
	// What mountpoint-s3 calls minimal: long enough that one open does not ask twice.
	minimalTTL = 100 * time.Millisecond
)

// ttlValue is a time to live: seconds without a unit, a Go duration, or a word.
type ttlValue time.Duration

func (v *ttlValue) Type() string { return "time" }

func (v *ttlValue) String() string {
	if time.Duration(*v) < 0 {
		return "indefinite"
	}
	return time.Duration(*v).String()
}

func (v *ttlValue) Set(s string) error {
	switch strings.TrimSpace(s) {
	case "minimal":
		*v = ttlValue(minimalTTL)
		return nil
	case "indefinite", "forever", "-1":
		*v = ttlValue(forever)
		return nil
	}
	d, err := parseSeconds(s)
	if err != nil {
		return errors.New("is not a time: write 60, 90s, 5m, minimal or indefinite")
	}
	*v = ttlValue(d)
	return nil
}

// durationValue is a duration; a bare number is seconds.
type durationValue time.Duration

func (v *durationValue) Type() string   { return "time" }
func (v *durationValue) String() string { return time.Duration(*v).String() }
func (v *durationValue) Set(s string) error {
	d, err := parseSeconds(s)
	if err != nil || d == 0 {
		return errors.New("is not a time: write 30, 90s or 5m")
	}
	*v = durationValue(d)
	return nil
}

func parseSeconds(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		s += "s"
	}
	d, err := parseDuration(s)
	if err == nil && d < 0 {
		err = errors.New("is negative")
	}
	return d, err
}

// parseDuration reads a Go duration, or days or weeks.
func parseDuration(s string) (time.Duration, error) {
	const day = 24 * time.Hour
	for unit, length := range map[string]time.Duration{"d": day, "w": 7 * day} {
		if number, ok := strings.CutSuffix(s, unit); ok {
			n, err := strconv.ParseFloat(number, 64)
			return time.Duration(n * float64(length)), err
		}
	}
	return time.ParseDuration(s)
}

// modeValue is a set of permission bits in octal.
type modeValue os.FileMode

func (v *modeValue) Type() string   { return "mode" }
func (v *modeValue) String() string { return fmt.Sprintf("%04o", uint32(*v)) }
func (v *modeValue) Set(s string) error {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "0o"), 8, 32)
	if err != nil || n > 0o777 {
		return errors.New("is not a mode: write three octal digits, such as 0644")
	}
	*v = modeValue(n)
	return nil
}

// idValue is a user's or a group's number, or name.
type idValue struct {
	id     uint32
	lookup func(name string) (string, error)
}

func (v *idValue) Type() string   { return "id" }
func (v *idValue) String() string { return strconv.FormatUint(uint64(v.id), 10) }
func (v *idValue) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		if s, err = v.lookup(s); err != nil {
			return errors.New("is neither a number nor known here")
		}
		if n, err = strconv.ParseUint(s, 10, 32); err != nil {
			return err
		}
	}
	if n == math.MaxUint32 { // which chown(2) takes for nobody at all
		return errors.New("is no user's or group's number")
	}
	v.id = uint32(n)
	return nil
}

func lookupUser(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func lookupGroup(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

// choiceValue is one word of a few.
type choiceValue struct {
	value   string
	choices []string
}

func (v *choiceValue) Type() string   { return strings.Join(v.choices, "|") }
func (v *choiceValue) String() string { return v.value }
func (v *choiceValue) Set(s string) error {
	for _, c := range v.choices {
		if strings.EqualFold(s, c) {
			v.value = c
			return nil
		}
	}
	return fmt.Errorf("must be one of %s", strings.Join(v.choices, ", "))
}

// levelValue is a level of the log, also by the words of s3fs (err), gcsfuse (WARNING)
// and blobfuse2 (LOG_WARNING), whose names for the option are taken as well.
type levelValue struct{ choiceValue }

func (v *levelValue) Set(s string) error {
	word := strings.TrimPrefix(strings.ToLower(s), "log_")
	switch word {
	case "trace":
		word = "debug"
	case "information":
		word = "info"
	case "warning":
		word = "warn"
	case "err", "crit", "critical":
		word = "error"
	}
	return v.choiceValue.Set(word)
}
