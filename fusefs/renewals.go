package fusefs

import "sync"

// renewals gives inodes that take the place of retired ones of the same version a
// generation of their own. It knows versions only while the kernel knows retired
// inodes of them.
type renewals struct {
	mu       sync.Mutex // guards the following
	last     uint64
	versions map[uint64]*renewal
}

type renewal struct {
	generation uint64
	retired    int // inodes that the kernel has not forgotten
}

// generation returns what the next inode of a version is to have.
func (r *renewals) generation(version uint64) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.versions[version]; v != nil {
		return v.generation
	}
	return version
}

// retired says that an inode of the version is not to be found any more.
func (r *renewals) retired(version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.versions[version]
	if v == nil {
		if r.versions == nil {
			r.versions = make(map[uint64]*renewal)
		}
		v = new(renewal)
		r.versions[version] = v
	}
	r.last++
	v.generation = version + r.last
	v.retired++
}

// forgotten says that the kernel has forgotten a retired inode.
func (r *renewals) forgotten(version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.versions[version]
	v.retired--
	if v.retired == 0 {
		delete(r.versions, version)
	}
}
