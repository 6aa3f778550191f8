package blockcache

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/minio/crc64nvme"
	"golang.org/x/sys/unix"
)

// session is one run of the program on one boot of the machine. Both are written
// into seals, and say how far a seal may be believed.
type session struct {
	number uint64 // random, never 0: a number that a power cut loses is not used twice
	boot   uint64 // a hash of what syscalls.boot returns; 0 when that is not known
}

func newSession(sys syscalls, dir int) session {
	s := session{number: max(rand.Uint64(), 1)}
	if raw, err := sys.boot(dir); err == nil {
		s.boot = crc64nvme.Checksum(raw)
	}
	return s
}

// Verify says which cached bytes are believed without comparing them with their
// checksum at their first use. Whatever it says, a block that is read whole is
// compared, and a data file that others have changed (see seal) is not believed.
type Verify int

const (
	// VerifyAuto believes what lies on ZFS, whose checksums find rot and whose
	// transaction groups keep the order of writes over a power cut; what was
	// written since this boot and mount; and what a clean stop has synced.
	VerifyAuto Verify = iota
	// VerifyAlways believes nothing from before the start.
	VerifyAlways
	// VerifyNever believes all that is there.
	VerifyNever
)

// believedLocked reports whether a seal may be taken for true.
func (d *disk) believedLocked(s seal) bool {
	if d.distrusted {
		return s.session == d.session
	}
	switch d.c.cfg.Verify {
	case VerifyAlways:
		return s.session == d.session
	case VerifyNever:
		return true
	}
	return d.onZFS || s.session == d.session ||
		s.session.boot != 0 && s.session.boot == d.session.boot ||
		slices.Contains(d.clean, s.session.number)
}

// Distrust has every block compared with its checksum at its next use, whatever is
// believed otherwise, and keeps files from the kernel until that is done: for who
// learns that the disk has failed in a way which readers of the kernel's may have
// met, and we not.
func (c *Cache) Distrust() {
	d := c.disk
	if d == nil {
		return
	}
	c.mem.mu.Lock()
	defer c.mem.mu.Unlock()
	d.distrusted = true
	d.session.number = max(rand.Uint64(), 1) // seals from before are another's
	for _, o := range c.objects {
		o.store.distrustLocked()
	}
}

const (
	cleanName, cleanTemp = "clean", "clean.new"
	// maxClean bounds the list of sessions: who stops and starts more often finds
	// the oldest versions verified once more.
	maxClean = 128
)

// cleanFile is the sessions that ended with everything synced to the disk.
type cleanFile struct {
	Sessions []uint64 `json:"sessions"`
	Check    string   `json:"check"`
}

func newCleanFile(sessions []uint64) cleanFile {
	var raw []byte
	for _, n := range sessions {
		raw = binary.BigEndian.AppendUint64(raw, n)
	}
	return cleanFile{sessions, fmt.Sprintf("%016x", crc64nvme.Checksum(raw))}
}

// loadClean reads the list; a damaged one is empty.
func (h *home) loadClean() []uint64 {
	raw, err := readSmall(h.fd, cleanName)
	var got cleanFile
	if err != nil || json.Unmarshal(raw, &got) != nil || got.Check != newCleanFile(got.Sessions).Check {
		return nil
	}
	return got.Sessions
}

// saveClean syncs the file system and adds a session to the list. It can take as
// long as the disk likes.
func (h *home) saveClean(sessions []uint64, s session) error {
	if _, err := retryInt(func() (int, error) { return 0, unix.Syncfs(h.fd) }); err != nil {
		return err
	}
	sessions = append(slices.Clone(sessions), s.number)
	sessions = sessions[max(0, len(sessions)-maxClean):]
	raw, err := json.Marshal(newCleanFile(sessions))
	if err != nil {
		return err
	}
	if err := h.replaceFile(cleanName, cleanTemp, append(raw, '\n')); err != nil && !errors.Is(err, unix.EROFS) {
		return err
	}
	return nil
}
