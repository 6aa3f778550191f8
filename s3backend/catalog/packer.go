package catalog

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// packer makes a run.
type packer struct {
	run
	name string
	secs int64
}

func (p *packer) add(n Node) {
	shared := 0
	if p.n%restart == 0 {
		p.whole = append(p.whole, uint32(len(p.data)))
		p.secs = 0
	} else {
		for shared < min(len(p.name), len(n.Name)) && p.name[shared] == n.Name[shared] {
			shared++
		}
	}
	p.name = n.Name
	p.n++
	flags := len(p.data)
	p.data = append(p.data, 0)
	p.data = binary.AppendUvarint(p.data, uint64(shared))
	p.text(n.Name[shared:])
	if n.Dir {
		p.data[flags] = isDir
		return
	}
	o := &n.Object
	p.data = binary.AppendUvarint(p.data, uint64(o.Size))
	p.data[flags] |= p.tag(o.ETag) | p.time(o.ModTime) | p.class(o.StorageClass)
	if o.VersionID != "" || o.ContentType != "" || o.Restored {
		p.data[flags] |= moreDetails
		p.text(o.VersionID)
		p.text(o.ContentType)
		restored := byte(0)
		if o.Restored {
			restored = 1
		}
		p.data = append(p.data, restored)
	}
}

func (p *packer) text(s string) {
	p.data = binary.AppendUvarint(p.data, uint64(len(s)))
	p.data = append(p.data, s...)
}

func (p *packer) tag(tag string) byte {
	d, ok := s3backend.ParseDigest(tag)
	if !ok {
		p.text(tag)
		return 0
	}
	p.data = append(p.data, d.Sum[:]...)
	if d.Parts == 0 {
		return digestTag
	}
	p.data = binary.AppendUvarint(p.data, uint64(d.Parts))
	return partsTag
}

// time is in whole seconds, as s3backend.Object has it.
func (p *packer) time(t time.Time) byte {
	if t.IsZero() {
		return timeless
	}
	p.data = binary.AppendVarint(p.data, t.Unix()-p.secs)
	p.secs = t.Unix()
	return 0
}

func (p *packer) class(class string) byte {
	switch class {
	case "":
		return 0
	case "STANDARD":
		return standard
	}
	p.text(class)
	return otherClass
}

// packed returns the run in no more memory than it needs.
func (p *packer) packed() run {
	return run{data: bytes.Clone(p.data), whole: append([]uint32(nil), p.whole...), n: p.n}
}
