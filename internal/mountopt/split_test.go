package mountopt_test

import (
	"reflect"
	"testing"

	"github.com/zs3fs/zs3fs/internal/mountopt"
)

func TestSplit(t *testing.T) {
	opt := func(raw, name string, value ...string) mountopt.Option {
		o := mountopt.Option{Name: name, Raw: raw}
		if len(value) > 0 {
			o.Value, o.HasValue = value[0], true
		}
		return o
	}
	for _, c := range []struct {
		in   string
		want []mountopt.Option
	}{
		{"", nil},
		{",,", nil},
		{"ro", []mountopt.Option{opt("ro", "ro")}},
		{"ro,cache_dir=/c", []mountopt.Option{opt("ro", "ro"), opt("cache_dir", "cache-dir", "/c")}},
		{"--file-mode=0666", []mountopt.Option{opt("--file-mode", "file-mode", "0666")}},
		{`cache-dir=/a\,b,ro`, []mountopt.Option{opt("cache-dir", "cache-dir", "/a,b"), opt("ro", "ro")}},
		{`cache-dir="/a,b",ro`, []mountopt.Option{opt("cache-dir", "cache-dir", "/a,b"), opt("ro", "ro")}},
		{`context="system_u:object_r:t:s0:c1,c2"`, []mountopt.Option{opt("context", "context", "system_u:object_r:t:s0:c1,c2")}},
		{`a=\\,b=\"`, []mountopt.Option{opt("a", "a", `\`), opt("b", "b", `"`)}},
		{`a=\n`, []mountopt.Option{opt("a", "a", `\n`)}},
		{`a=b\`, []mountopt.Option{opt("a", "a", `b\`)}},
		{"a=b=c", []mountopt.Option{opt("a", "a", "b=c")}},
		{"a=", []mountopt.Option{opt("a", "a", "")}},
		{"env.AWS_PROFILE=x_y", []mountopt.Option{opt("env.AWS_PROFILE", "env.AWS_PROFILE", "x_y")}},
		{"_netdev,x-systemd.automount", []mountopt.Option{opt("_netdev", "-netdev"), opt("x-systemd.automount", "x-systemd.automount")}},
	} {
		got, err := mountopt.Split(c.in)
		if err != nil {
			t.Errorf("Split(%q): %v", c.in, err)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("Split(%q) = %+v, want %+v", c.in, got, c.want)
		}
	}
	if _, err := mountopt.Split(`a="b,c`); err == nil {
		t.Error("an unclosed quote is no error")
	}
}

func TestClassify(t *testing.T) {
	for in, want := range map[string]mountopt.Action{
		"_netdev": mountopt.Ignore, "x-systemd.requires-mounts-for": mountopt.Ignore, "X-mount.mkdir": mountopt.Ignore,
		"rw": mountopt.ReadWrite, "noexec": mountopt.Kernel, "suid": mountopt.Ignore, "big_writes": mountopt.Ignore,
		"context": mountopt.Kernel, "remount": mountopt.Remount, "cache-dir": mountopt.Unknown, "": mountopt.Unknown,
	} {
		if got := mountopt.Classify(mountopt.Normalize(in)); got != want {
			t.Errorf("Classify(%q) = %v, want %v", in, got, want)
		}
	}
}
