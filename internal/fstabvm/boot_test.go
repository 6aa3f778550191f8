//go:build zfsvm

package fstabvm

import (
	"os"
	"strings"
	"testing"
	"time"
)

// bootEndpoint is where no server is while the machine boots.
const bootEndpoint = "http://127.0.0.1:4566"

// bootLines are in fstab at boot. The second is tried during all of it.
var bootLines = []line{
	{fstype: "zs3fs", dir: "/mnt/bootauto", automount: true, options: ",mount_timeout=20s"},
	{fstype: "fuse.zs3fs", dir: "/mnt/bootplain", options: ",mount_timeout=20m,x-systemd.mount-timeout=20m"},
}

// TestFstabBootWithoutS3: with S3 away the machine boots without waiting for it,
// and when S3 is back both kinds of lines work by themselves.
func TestFstabBootWithoutS3(t *testing.T) {
	auto, plain := &unit{t: t, line: bootLines[0]}, &unit{t: t, line: bootLines[1]}
	t.Cleanup(func() { forgetBoot(t) })
	for _, target := range []string{"remote-fs.target", "multi-user.target"} {
		if state, err := output("systemctl", "is-active", target); err != nil || state != "active" {
			t.Errorf("%s: %s, %v", target, state, err)
		}
	}
	if state := plain.property("mount", "ActiveState"); state != "activating" {
		t.Errorf("after the boot the plain line's unit is %s: was it waited for?", state)
	}
	if auto.top() != "autofs" || len(auto.processes()) > 0 {
		t.Errorf("before the first access: %q, %v", auto.top(), auto.processes())
	}
	begun := time.Now()
	if err := auto.read(); err == nil {
		t.Error("a read without S3 succeeded")
	} else if d := time.Since(begun); d > time.Minute {
		t.Errorf("a read without S3 took %v", d)
	} else {
		t.Logf("without S3: %v after %v", err, d)
	}
	server, _ := newServer(t, strings.TrimPrefix(bootEndpoint, "http://"))
	auto.server, plain.server = server, server
	t.Logf("with S3 back: read in %v", auto.mustRead())
	t.Logf("the plain line is mounted after another %v", plain.eventually("mounted", func() bool { return plain.top() == "fuse.zs3fs" }))
	plain.mustRead()
}

// forgetBoot takes the lines for the boot away, lest mount -a wait for their S3.
func forgetBoot(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(fstab)
	if err != nil {
		t.Fatal(err)
	}
	rest := string(text)
	for _, l := range bootLines {
		rest = strings.Replace(rest, l.text(bootEndpoint), "", 1)
	}
	if rest == string(text) {
		return
	}
	u := &unit{t: t}
	u.systemctl("stop", "mnt-bootauto.automount", "mnt-bootauto.mount", "mnt-bootplain.mount")
	if err := os.WriteFile(fstab, []byte(rest), 0o644); err != nil {
		t.Fatal(err)
	}
	u.systemctl("daemon-reload")
}
