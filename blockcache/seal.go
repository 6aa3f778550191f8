package blockcache

import (
	"encoding/binary"

	"github.com/minio/crc64nvme"
	"golang.org/x/sys/unix"
)

// seal is what the map of a complete version says of the whole, little endian:
//
//	0  8  CRC64NVME of the object: its blocks' combined
//	8  1  proof
//	16 8  mtime of the data file, ns
//	24 8  ctime, ns
//	32 8  inode number
//	40 8  session in which it was sealed; see sessions
//	48 8  boot, the same
//	56 8  CRC64NVME of bytes 0 to 56
//
// It is written once every block has been compared with its checksum, and says
// which state of the data file that is true of: whoever changes the file changes
// its ctime, which nobody can set. So that it never has to be taken back: evicting
// a block clears its entry, and a map that lacks one is not sealed, whatever
// stands here; fetching it again changes the ctime.
type seal struct {
	sum     uint64
	proof   Proof
	state   fileState
	session session
}

const sealSize = 64

func (s seal) encode() []byte {
	p := make([]byte, sealSize)
	binary.LittleEndian.PutUint64(p, s.sum)
	p[8] = byte(s.proof)
	for i, v := range []uint64{
		uint64(s.state.mtime), uint64(s.state.ctime), s.state.ino, s.session.number, s.session.boot,
	} {
		binary.LittleEndian.PutUint64(p[16+8*i:], v)
	}
	binary.LittleEndian.PutUint64(p[sealSize-8:], crc64nvme.Checksum(p[:sealSize-8]))
	return p
}

// decodeSeal reports whether p is a seal.
func decodeSeal(p []byte) (s seal, ok bool) {
	if len(p) != sealSize || p[8] > byte(Unprovable) ||
		binary.LittleEndian.Uint64(p[sealSize-8:]) != crc64nvme.Checksum(p[:sealSize-8]) {
		return seal{}, false
	}
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(p[16+8*i:]) }
	return seal{
		sum:     binary.LittleEndian.Uint64(p),
		proof:   Proof(p[8]),
		state:   fileState{int64(at(0)), int64(at(1)), at(2)},
		session: session{number: at(3), boot: at(4)},
	}, true
}

// fileState is what an inode says of its file's content. It survives zfs send and
// receive, and no copy by other means.
type fileState struct {
	mtime, ctime int64 // ns
	ino          uint64
}

func stateOf(st *unix.Stat_t) fileState {
	return fileState{st.Mtim.Nano(), st.Ctim.Nano(), st.Ino}
}
