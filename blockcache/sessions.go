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
	// written since this boot and mount, unless the disk has lost some of that; and
	// what a clean stop has synced.
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
		!d.lost && !d.doubted && s.session.boot != 0 && s.session.boot == d.session.boot ||
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
	lostName, lostTemp   = "lost", "lost.new"
	// unsyncedName is an empty file as long as a session is on, and after one that ended
	// without knowing that all it wrote is on the disk.
	unsyncedName = "unsynced"
	// maxClean bounds the list of sessions: who stops and starts more often finds
	// the oldest versions verified once more.
	maxClean = 128
)

// sessionsFile is, as clean, the numbers of the sessions that ended with everything
// synced to the disk; as lost, the boot in which one could not be synced.
type sessionsFile struct {
	Sessions []uint64 `json:"sessions"`
	Check    string   `json:"check"`
}

func newSessionsFile(sessions []uint64) sessionsFile {
	var raw []byte
	for _, n := range sessions {
		raw = binary.BigEndian.AppendUint64(raw, n)
	}
	return sessionsFile{sessions, fmt.Sprintf("%016x", crc64nvme.Checksum(raw))}
}

// loadSessions reads a list.
func (h *home) loadSessions(name string) ([]uint64, error) {
	raw, err := readSmall(h.fd, name)
	if err != nil {
		return nil, err
	}
	var got sessionsFile
	if json.Unmarshal(raw, &got) != nil || got.Check != newSessionsFile(got.Sessions).Check {
		return nil, errDamaged
	}
	return got.Sessions, nil
}

// begin notes that a session has begun, and reports whether the one before it did not end
// well: was killed, or could not be synced in time.
func (h *home) begin() (doubted bool) {
	fd, err := createFile(h.fd, unsyncedName, 0)
	if err == nil {
		unix.Close(fd)
	}
	return errors.Is(err, unix.EEXIST) // else it is read-only or full: little is written
}

// end takes back begin. What cannot be removed costs the next session a sync.
func (h *home) end() { _ = removeName(h.fd, unsyncedName) }

// loadClean reads the list of sessions; a damaged one is empty.
func (h *home) loadClean() []uint64 {
	clean, _ := h.loadSessions(cleanName)
	return clean
}

// hasLost reports whether something was lost in this boot. The disk may have lost that
// note, too: one that cannot be read is of this boot, and of no later one.
func (h *home) hasLost(boot uint64) bool {
	boots, err := h.loadSessions(lostName)
	switch {
	case err == nil:
		return slices.Contains(boots, boot)
	case errors.Is(err, unix.ENOENT):
		return false
	}
	_ = h.saveLost(boot) // or it is read anew at the next start
	return true
}

// lostBeside reports whether the cache of another mount, beside this one, has lost
// something in this boot.
func (h *home) lostBeside(boot uint64) bool {
	root, err := openDir(h.fd, "..")
	if err != nil {
		return false
	}
	defer unix.Close(root)
	lost := false
	_ = eachName(root, func(name string) error {
		dir, err := openDir(root, name)
		if err != nil {
			return nil
		}
		defer unix.Close(dir)
		boots, err := (&home{fd: dir}).loadSessions(lostName)
		lost = lost || errors.Is(err, errDamaged) || slices.Contains(boots, boot)
		return nil
	})
	return lost
}

func (h *home) saveSessions(name, temp string, sessions []uint64) error {
	raw, err := json.Marshal(newSessionsFile(sessions))
	if err != nil {
		return err
	}
	return h.replaceFile(name, temp, append(raw, '\n'))
}

// saveClean syncs the file system and adds a session to the list. It can take as
// long as the disk likes.
func (h *home) saveClean(sys syscalls, sessions []uint64, s session) error {
	if err := sys.sync(h.fd); err != nil {
		// What the kernel could not write it does not try to write again: it has it until
		// the memory is needed, and then there are holes, with no error and no other times
		// (seen on ext4 of Linux 6.18). No later sync tells of it.
		return errors.Join(err, h.saveLost(s.boot))
	}
	sessions = append(slices.Clone(sessions), s.number)
	return h.saveSessions(cleanName, cleanTemp, sessions[max(0, len(sessions)-maxClean):])
}

// saveLost writes down that nothing of this boot is to be believed.
func (h *home) saveLost(boot uint64) error {
	if boot == 0 {
		return nil // nor is it
	}
	// First what needs no room. An empty note is as good; see hasLost.
	_ = unix.Renameat(h.fd, unsyncedName, h.fd, lostName)
	return h.saveSessions(lostName, lostTemp, []uint64{boot})
}
