# make help lists the targets.

PREFIX  ?= /usr/local
# mount(8) looks for helpers in /sbin only, whatever PREFIX is.
SBINDIR ?= /sbin
DESTDIR ?=

GO     ?= go
BINARY := bin/zs3fs
HELPERS := mount.zs3fs mount.fuse.zs3fs

# -race multiplies times by ten; a hanging test must still end the run.
TEST_TIMEOUT ?= 20m
SOAK_TIMEOUT ?= 12h
# In the virtual machine everything takes ten times as long.
ZFS_TIMEOUT ?= 40m
# Multiplies the rounds of the random tests.
SOAK ?= 50

# The mounted tests check gigabytes, and build a daemon with -race themselves.
MOUNTED := ./internal/e2e
# Tests on a real OpenZFS have this tag, and names that begin so.
ZFSTEST = CGO_ENABLED=0 $(GO) test -count=1 -v -tags zfsvm -timeout $(ZFS_TIMEOUT)
INVM := -exec $(CURDIR)/scripts/zfs-vm/exec
UNIT = $(filter-out %/internal/e2e,$(shell $(GO) list ./...))

.PHONY: all build install uninstall demo test test-zfs lint soak bench clean help

all: build

build: ## build bin/zs3fs, static
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BINARY) ./cmd/zs3fs

# What "make build" has just built is installed as it is: root, by sudo, often has no Go.
$(BINARY): $(shell find cmd fusefs prefetch blockcache s3backend internal -name '*.go' ! -name '*_test.go') go.mod go.sum
	$(MAKE) --no-print-directory build

install: $(BINARY) ## install the binary to PREFIX/bin and the mount helpers to /sbin (DESTDIR is respected)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SBINDIR)
	install -m 0755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/zs3fs
	for helper in $(HELPERS); do ln -sfn $(PREFIX)/bin/zs3fs $(DESTDIR)$(SBINDIR)/$$helper; done

uninstall: ## remove what install put in place
	rm -f $(DESTDIR)$(PREFIX)/bin/zs3fs
	for helper in $(HELPERS); do rm -f $(DESTDIR)$(SBINDIR)/$$helper; done

demo: ## show a mount at work, with a built-in S3 server (DEMO_FLAGS="--size 256MiB --keep")
	scripts/setup.sh demo
	$(MAKE) --no-print-directory build
	$(BINARY) demo $(DEMO_FLAGS)

test: ## all tests: unit, race, conformance, mounted
	scripts/setup.sh test
	$(GO) test -count=1 -race -timeout $(TEST_TIMEOUT) $(UNIT)
	$(GO) test -count=1 -timeout $(TEST_TIMEOUT) $(MOUNTED)

test-zfs: ## the mounted tests on a real OpenZFS: the host's, or else in a virtual machine; fstab lines under systemd
	scripts/setup.sh test-zfs
	$(ZFSTEST) $(INVM) -run '^TestZFS' $(MOUNTED)
	$(ZFSTEST) -run '^TestPowerCuts$$' $(MOUNTED)
	SYSTEMD=1 $(ZFSTEST) $(INVM) ./internal/fstabvm

lint: ## format, vet and staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -w):" $$unformatted; exit 1; fi
	$(GO) vet -tags zfsvm ./...
	$(GO) tool -modfile=scripts/tools/staticcheck/go.mod staticcheck -tags zfsvm ./...

soak: ## the long forms of the tests, for hours
	scripts/setup.sh test
	ZS3FS_SOAK=$(SOAK) $(GO) test -count=1 -race -timeout $(SOAK_TIMEOUT) -v $(UNIT)
	ZS3FS_SOAK=$(SOAK) $(GO) test -count=1 -timeout $(SOAK_TIMEOUT) -v $(MOUNTED)
	ZS3FS_SOAK=$(SOAK) $(MAKE) --no-print-directory test-zfs ZFS_TIMEOUT=$(SOAK_TIMEOUT)

bench: ## zs3fs beside other S3 mounts on a shaped server (BENCH_FLAGS="-patterns seq -rounds 5")
	scripts/setup.sh bench
	$(GO) run ./scripts/bench $(BENCH_FLAGS)

clean: ## remove what was built
	rm -rf bin

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
