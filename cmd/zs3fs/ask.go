package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/zs3fs/zs3fs/internal/control"
)

const (
	// A status waits for nothing but a second for the disk.
	statusPatience = 10 * time.Second
	// A pin waits for the cache's sweep, which the daemon gives up after five minutes.
	changePatience = 5*time.Minute + 5*time.Second
)

// mountOf returns the zs3fs mount that path lies on. It reads the mount table; a
// path's links are followed, but a dead mount is not touched.
func mountOf(path string) (*mountinfo.Info, error) {
	abs := realPath(path)
	all, err := mountinfo.GetMounts(mountinfo.ParentsFilter(abs))
	if err != nil {
		return nil, fail(Failed, "cannot read the mount table: %v", err)
	}
	var top *mountinfo.Info
	for _, m := range all {
		if top == nil || len(m.Mountpoint) >= len(top.Mountpoint) {
			top = m
		}
	}
	if top == nil || top.FSType != fsType {
		return nil, fail(NotMounted, "%s is not on a mount of zs3fs", path)
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
	if method == http.MethodGet {
		patience = statusPatience
	}
	response, err := control.Client(runtimeDir, mountpoint, patience).Do(request)
	if errors.Is(err, fs.ErrPermission) {
		return fail(NoControl, "the control socket of %s is another user's: %v", mountpoint, err)
	}
	if err != nil {
		return fail(NoControl, "the daemon of %s does not answer: %v", mountpoint, err)
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		var why refusal
		_ = json.NewDecoder(response.Body).Decode(&why) // empty then
		return fail(Failed, "%s: %s", http.StatusText(response.StatusCode), why.Error)
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
