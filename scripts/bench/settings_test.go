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
	if here, err := (settings{bin: self}).toolsHere(); err != nil || len(here) != 1 || here[0].name != zs3fsName {
		t.Errorf("%v, %v: want what is here, %s", here, err, zs3fsName)
	}
	if here, err := (settings{bin: self, tools: []string{zs3fsName, "s3fs"}}).toolsHere(); err == nil {
		t.Errorf("%v: a tool that was asked for is missing without a word", here)
	}
}
