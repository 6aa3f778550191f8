package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// installHelpers puts the mount helpers in place for the test, and what was there
// before back afterwards.
func installHelpers(t *testing.T) {
	t.Helper()
	needRoot(t)
	for _, name := range []string{"/sbin/mount.zs3fs", "/sbin/mount.fuse.zs3fs"} {
		saved := name + ".before-test"
		if err := os.Rename(name, saved); err == nil {
			t.Cleanup(func() {
				if err := os.Rename(saved, name); err != nil {
					t.Error(err)
				}
			})
		} else if !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err := os.Symlink(binary, name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Remove(name); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFstab(t *testing.T) {
	installHelpers(t)
	for _, fstype := range []string{"zs3fs", "fuse.zs3fs"} {
		t.Run(fstype, func(t *testing.T) {
			s := newStand(t)
			s.mnt = s.directory("with space")
			// The environment of a mount unit: the options bring everything.
			s.env = []string{"PATH=" + os.Getenv("PATH")}
			credentials := s.file("credentials")
			text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", accessKey, canary)
			if err := os.WriteFile(credentials, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			fstab := s.file("fstab")
			line := fmt.Sprintf("s3://bucket/ %s %s rw,_netdev,nofail,noexec,x-systemd.automount,comment=x,allow_other,endpoint=%s,"+
				"cache_dir=%s,metadata_ttl=60s,env.AWS_EC2_METADATA_DISABLED=true,env.AWS_SHARED_CREDENTIALS_FILE=%s 0 0\n",
				strings.ReplaceAll(s.mnt, " ", `\040`), fstype, s.server.URL(), s.cache, credentials)
			if err := os.WriteFile(fstab, []byte(line), 0o600); err != nil {
				t.Fatal(err)
			}
			if o := s.runAs("mount", "-a", "-T", fstab); o.code != OK {
				t.Fatalf("mount -a: code %d: %s", o.code, o.stderr)
			}
			top, err := mountAt(s.mnt)
			if err != nil || top == nil || top.FSType != fsType || top.Source != "s3://bucket" {
				t.Fatalf("%+v, %v", top, err)
			}
			for _, option := range []string{"ro", "nosuid", "nodev", "noexec"} {
				if !strings.Contains(","+top.Options+",", ","+option+",") {
					t.Errorf("the mount is not %s: %s", option, top.Options)
				}
			}
			s.readFile()
			if o := s.runAs("umount", s.mnt); o.code != OK {
				t.Errorf("umount: code %d: %s", o.code, o.stderr)
			}
			eventually(t, "the daemon ends", func() bool { return len(s.daemons()) == 0 })
		})
	}
}

func TestHelperFails(t *testing.T) {
	installHelpers(t)
	s := newStand(t)
	o := s.runAs("mount", "-t", "zs3fs", "bucket", s.mnt, "-o", "cache_dri=/x")
	if o.code != Option || !strings.Contains(o.stderr, "did you mean cache-dir") {
		t.Errorf("code %d: %s", o.code, o.stderr)
	}
	// Sloppy: what is unknown is left out, and then the bucket is not there.
	o = s.runAs("mount", "-s", "-t", "zs3fs", "no-such-bucket", s.mnt, "-o", "nonsense,endpoint="+s.server.URL()+",cache_dir="+s.cache)
	if o.code != NoBucket || !strings.Contains(o.stderr, "nonsense") {
		t.Errorf("code %d: %s", o.code, o.stderr)
	}
	if o = s.runAs("mount", "-f", "-t", "zs3fs", "bucket", s.mnt); o.code != OK || s.mounted() {
		t.Errorf("mount -f: code %d: %s", o.code, o.stderr)
	}
}

// The secret comes as an option, the worst way there is, and everything is logged.
func TestNoSecretShows(t *testing.T) {
	s := newStand(t)
	s.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "AWS_EC2_METADATA_DISABLED=true"}
	log := filepath.Join(s.dir, "log")
	s.must(s.mountArgs("-o", "env.AWS_ACCESS_KEY_ID="+accessKey+",env.AWS_SECRET_ACCESS_KEY="+canary,
		"--log-file", log, "--debug")...)
	s.readFile()
	pids := s.daemons()
	if len(pids) != 1 {
		t.Fatalf("daemons: %v", pids)
	}
	look := func(name string) []byte {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("CANARY")) {
			t.Errorf("the secret is in %s", name)
		}
		return text
	}
	if args := look("/proc/" + pids[0] + "/cmdline"); !bytes.Contains(args, []byte("s3://bucket")) {
		t.Errorf("ps shows %q", args)
	}
	look("/proc/self/mountinfo")
	s.must("umount", s.mnt)
	eventually(t, "the daemon ends", func() bool { return len(s.daemons()) == 0 })
	if text := look(log); !bytes.Contains(text, []byte("level=DEBUG")) {
		t.Error("nothing was logged")
	}
	err := filepath.WalkDir(s.cache, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			look(path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
