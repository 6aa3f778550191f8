package main

import (
	"fmt"
	"math/rand/v2"
	"path"
)

// nameSet is a directory of the bucket of names.
type nameSet struct {
	dir    string
	levels []level
}

const (
	million     = 1_000_000
	flatDir     = "flat"
	treeDir     = "tree"
	flatMillion = "million-flat"
	treeMillion = "million-tree"
)

// nameSets are what lies in that bucket.
func nameSets() []nameSet {
	ten := level{"%02d/", 10}
	return []nameSet{
		{flatDir, []level{{"part-%05d.csv", 20_000}}},
		{treeDir, []level{{"d%03d/", 100}, {"part-%03d.csv", 200}}},
		{flatMillion, []level{{"part-%07d.csv", million}}},
		{treeMillion, []level{ten, ten, ten, ten, {"part-%03d.csv", 100}}},
	}
}

func (s nameSet) files() int {
	n := 1
	for _, l := range s.levels {
		n *= l.count
	}
	return n
}

// treeFiles are n of the files of the smaller tree: whole directories in the order of
// their listings.
func treeFiles(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = path.Join(treeDir, fmt.Sprintf("d%03d/part-%03d.csv", i/200, i%200))
	}
	return all
}

// strayFiles are n of them from anywhere in the tree, in no order.
func strayFiles(n int) []string {
	all := treeFiles(20_000)
	rand.New(rand.NewPCG(5, 6)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}
