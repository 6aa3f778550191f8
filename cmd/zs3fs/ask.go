package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/internal/control"
)

const (
	// A status waits for nothing but a second for the disk.
	statusPatience = 10 * time.Second
	// A pin waits for the cache's sweep, which the daemon gives up after five minutes.
	changePatience = 5*time.Minute + 5*time.Second
)

// mountOf returns the zs3fs mount that path lies on, and the absolute path. It reads the
// mount table and touches no mount of ours, whose daemon may be stopped or dead: there
// are no links in them. Of other paths links are followed.
func mountOf(path string) (m *mountinfo.Info, abs string, err error) {
	if path == "" {
		return nil, "", fail(NotMounted, "the path is empty: name one on a mount of zs3fs")
	}
	if abs, err = filepath.Abs(path); err != nil {
		return nil, "", fail(Failed, "%s: %v", path, err)
	}
	if m, err = mountAbove(abs); err == nil && m == nil {
		abs = realPath(path)
		m, err = mountAbove(abs)
	}
	switch {
	case err != nil:
		return nil, "", fail(Failed, "cannot read the mount table: %v", err)
	case m == nil:
		return nil, "", fail(NotMounted, "%s is not on a mount of zs3fs", path)
	}
	return m, abs, nil
}

// mountAbove returns the mount that abs lies on if it is one of ours, nil otherwise.
func mountAbove(abs string) (*mountinfo.Info, error) {
	all, err := mountinfo.GetMounts(mountinfo.ParentsFilter(abs))
	if err != nil {
		return nil, err
	}
	var top *mountinfo.Info
	for _, m := range all {
		if top == nil || len(m.Mountpoint) >= len(top.Mountpoint) {
			top = m
		}
	}
	if top == nil || top.FSType != fsType {
		return nil, nil
	}
	return top, nil
}

// ask sends a request to the daemon of a mount point and decodes its answer.
func ask(runtimeDir, mountpoint, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, "http://zs3fs"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	patience := changePatience
	if method != http.MethodPost {
		patience = statusPatience
	}
	response, err := control.Client(runtimeDir, mountpoint, patience).Do(request)
	if err != nil {
		return noAnswer(err, mountpoint, runtimeDir)
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		var why refusal
		if json.NewDecoder(response.Body).Decode(&why) != nil || why.Error == "" {
			return fail(Failed, "the daemon of %s does not know this request: is it of another version?", mountpoint)
		}
		return fail(Failed, "%s", why.Error)
	}
	if out == nil {
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return fail(NoControl, "the daemon of %s gave no answer: %v", mountpoint, err)
	}
	return nil
}

// noAnswer says why a daemon gives no answer, and what to do.
func noAnswer(err error, mountpoint, runtimeDir string) error {
	// What it adds is the URL, which nobody has written.
	if transport := (*url.Error)(nil); errors.As(err, &transport) {
		err = transport.Err
	}
	var late interface{ Timeout() bool }
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fail(NoControl, "the control socket of %s is another user's: %v", mountpoint, err)
	case errors.Is(err, unix.ECONNREFUSED):
		return fail(NoControl, "the daemon of %s has ended: run: zs3fs umount %s", mountpoint, mountpoint)
	case errors.Is(err, fs.ErrNotExist):
		return fail(NoControl, "there is no control socket of %s in %s: was it mounted with another --runtime-dir?", mountpoint, runtimeDir)
	case errors.As(err, &late) && late.Timeout():
		return fail(NoControl, "the daemon of %s does not answer, it is stopped or hangs: zs3fs umount --force %s takes the mount away", mountpoint, mountpoint)
	}
	return fail(NoControl, "the daemon of %s does not answer: %v", mountpoint, err)
}
