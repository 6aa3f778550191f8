package model

import (
	"maps"
	"slices"
	"time"
)

// timed does a change of the bucket. It is quiet when the caller knows of no question under
// way, and there can be no other.
func (t *Teller) timed(quiet bool, do func()) When {
	when := When{Earliest: time.Now(), Quiet: quiet && !t.Background && len(t.dirs) == 0}
	do()
	when.Latest = time.Now()
	return when
}

// put makes a new object.
func (t *Teller) put(key string, size int64, quiet bool) {
	t.versions++
	t.putVersion(key, t.versions, size, quiet)
}

func (t *Teller) putVersion(key string, version uint32, size int64, quiet bool) {
	var etag string
	when := t.timed(quiet, func() { etag = t.Bucket.Put(key, version, size) })
	t.Judge.Put(key, Object{ETag: etag, Size: size, Version: version}, when)
	t.note("put %q: version %d of %d bytes, %s", key, version, size, etag)
	t.byETag[etag] = version
	shown := t.Judge.rules.Show(Keys{key: {}})
	for path := range shown.Files {
		t.seen[path] = true
		t.changed(path)
	}
	for path := range shown.Dirs {
		t.seen[path] = true
	}
}

func (t *Teller) delete(key string, quiet bool) {
	when := t.timed(quiet, func() { t.Bucket.Delete(key) })
	t.Judge.Delete(key, when)
	t.note("delete %q", key)
	for path := range t.Judge.rules.Show(Keys{key: {}}).Files {
		t.changed(path)
	}
}

// changed says that path was changed.
func (t *Teller) changed(path string) {
	t.recent = append(t.recent, path)
	t.recent = t.recent[max(len(t.recent)-4, 0):]
}

// changeOne changes a key that has an object, now or while the next question is under
// way.
func (t *Teller) changeOne(s Step) {
	keys := slices.Sorted(maps.Keys(t.Judge.Now()))
	if len(keys) == 0 {
		return
	}
	key := keys[s.Pick%len(keys)]
	if recent := t.Judge.rules.Prefix + t.recent[s.Pick%len(t.recent)]; s.Pick > pickRecent && slices.Contains(keys, recent) {
		key = recent
	}
	change := func(quiet bool) {
		switch s.Op {
		case Again:
			o := t.Judge.Now()[key]
			t.putVersion(key, o.Version, o.Size, quiet)
		case Overwrite, Meanwhile:
			t.put(key, s.Size, quiet)
		case Delete, MeanwhileD:
			t.delete(key, quiet)
		}
	}
	if s.Op != Meanwhile && s.Op != MeanwhileD {
		change(true)
		return
	}
	t.pending = func() {
		<-time.After(time.Duration(s.Off%50) * time.Millisecond)
		change(false)
	}
}
