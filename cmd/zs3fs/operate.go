package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/fusefs"
	"github.com/zs3fs/zs3fs/internal/control"
)

// operator answers about a mount: on its control socket, and on the address of
// --metrics.
type operator struct{ servers []*control.Server }

// operate starts to answer. That there is no control socket is no reason not to
// mount, and is logged.
func operate(o *Options, c *chain, m *fusefs.Mount, metrics net.Listener, log *slog.Logger) *operator {
	up := &mounted{options: o, chain: c, mount: m, use: newDiskUse(o.Cache.Dir), started: time.Now()}
	figures := metricsHandler(up.snapshot)
	op := &operator{}
	if l, err := control.Listen(o.Mount.RuntimeDir, o.Dir); err != nil {
		log.Warn("no control socket: status and cache do not work for this mount", "error", err)
	} else {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", figures)
		mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, up.status()) })
		mux.HandleFunc("POST /pin", up.change((*blockcache.Version).Pin))
		mux.HandleFunc("POST /unpin", up.change((*blockcache.Version).Unpin))
		mux.HandleFunc("POST /unpin-all", up.unpinAll)
		mux.HandleFunc("POST /refresh", up.refresh)
		op.servers = append(op.servers, control.Serve(l, mux, log))
	}
	if metrics != nil {
		// Only this: nothing that changes anything, or names what is mounted.
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", figures)
		op.servers = append(op.servers, control.Serve(metrics, mux, log))
	}
	return op
}

// Close ends the answering; it must come before the chain's, whose Close ends a request to
// pin that still waits for the sweep.
func (op *operator) Close() error {
	var errs []error
	for _, s := range op.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// listenMetrics listens where --metrics says: on loopback when it is a port only.
func listenMetrics(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	if !strings.Contains(address, ":") {
		address = ":" + address
	}
	if strings.HasPrefix(address, ":") {
		address = "127.0.0.1" + address
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fail(MetricsAddress, "--metrics: %v", err)
	}
	return l, nil
}

// pathRequest is the body of a POST: a path below the mount point. In bytes, as names
// need not be UTF-8, which JSON's strings must be.
type pathRequest struct {
	Path []byte `json:"path"`
}

// readPath returns a request's path as the catalog has it; when there is none it has
// answered.
func readPath(w http.ResponseWriter, r *http.Request) (path string, ok bool) {
	var in pathRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(w, http.StatusBadRequest, refusal{err.Error()})
		return "", false
	}
	return strings.TrimPrefix(filepath.Clean("/"+string(in.Path)), "/"), true
}

// refusal is the body of an answer that is no success.
type refusal struct {
	Error string `json:"error"`
}

// change applies do to the current version of a file, which is looked up in the
// catalog: to ask the mount for it would be to wait for ourselves.
func (m *mounted) change(do func(*blockcache.Version) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		path, ok := readPath(w, r)
		if !ok {
			return
		}
		node, err := m.chain.catalog.Lookup(r.Context(), path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			answer(w, http.StatusNotFound, refusal{"there is no such file: if it is new in the bucket, run zs3fs refresh on its directory"})
			return
		case err != nil:
			answer(w, http.StatusBadGateway, refusal{"which version it has cannot be asked: " + err.Error()})
			return
		case node.Dir:
			answer(w, http.StatusConflict, refusal{"it is a directory, and only files are pinned: run: find DIR -type f -exec zs3fs cache pin {} +"})
			return
		}
		v := m.chain.cache.Version(node.Object)
		defer v.Close()
		if err := do(v); err != nil {
			answer(w, http.StatusConflict, refusal{err.Error()})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// unpinAll is for what change cannot name: the version that a file had.
func (m *mounted) unpinAll(w http.ResponseWriter, _ *http.Request) {
	if err := m.chain.cache.UnpinAll(); err != nil {
		answer(w, http.StatusConflict, refusal{err.Error()})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // who asked has gone
}
