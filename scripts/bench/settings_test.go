package main

import (
	"os"
	"testing"
)

func TestToolsThatAreAskedForMustBeHere(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	if here, err := (settings{bin: self}).toolsHere(); err != nil || len(here) != 2 || here[0].name != zs3fsName || here[1].name != memoryName {
		t.Errorf("%v, %v: want what is here, %s and this program's own %s", here, err, zs3fsName, memoryName)
	}
	if here, err := (settings{bin: self, tools: []string{zs3fsName, "s3fs"}}).toolsHere(); err == nil {
		t.Errorf("%v: a tool that was asked for is missing without a word", here)
	}
}
