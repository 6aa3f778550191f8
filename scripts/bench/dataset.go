package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

const (
	smallFiles = 1000
	smallSize  = 64 << 10
)

// dataset is what lies in the bucket: parts of one prepared file of incompressible
// bytes, which say where they belong, and tables of Parquet files.
type dataset struct {
	file    string
	size    int64
	objects map[string]object
	keys    []string          // in the order of their making
	tables  map[string]*table // by key; none unless they were asked for
}

// newDataset prepares the files below dir; size is a multiple of 64 KiB.
func newDataset(dir string, size int64) (*dataset, error) {
	d := &dataset{file: filepath.Join(dir, "data"), size: size, objects: make(map[string]object)}
	f, err := os.OpenFile(d.file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := io.Copy(f, io.NewSectionReader(s3test.Coded(1, 1, size), 0, size)); err != nil {
		return nil, err
	}
	d.add("big", 0, size)
	for i := range 16 {
		d.add(fmt.Sprintf("part%02d", i), int64(i)*(size/16), size/16)
	}
	for i := range smallFiles {
		d.add(fmt.Sprintf("small/f%04d", i), int64(i)*smallSize%size, smallSize)
	}
	return d, f.Close()
}

func (d *dataset) add(key string, off, size int64) {
	d.put(object{Key: key, File: d.file, Off: off, Size: size})
}

func (d *dataset) put(o object) {
	d.objects[o.Key] = o
	d.keys = append(d.keys, o.Key)
}

func (d *dataset) all() []object {
	all := make([]object, len(d.keys))
	for i, key := range d.keys {
		all[i] = d.objects[key]
	}
	return all
}

func (d *dataset) sizes(keys []string) []int64 {
	all := make([]int64, len(keys))
	for i, key := range keys {
		all[i] = d.objects[key].Size
	}
	return all
}

// parts are the first n of the 16 parts of the large object.
func parts(n int) []string { return numbered("part%02d", n) }

// small are the first n small files in the order of a listing.
func small(n int) []string { return numbered("small/f%04d", n) }

// shuffled are n of the small files in an order without any.
func shuffled(n int) []string {
	all := small(smallFiles)
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}

func numbered(form string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(form, i)
	}
	return all
}
