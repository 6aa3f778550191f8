package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/zs3fs/zs3fs/internal/mountopt"
)

const (
	defaultConnections    = 64
	defaultFiles          = 64
	defaultBlock          = 1 << 20
	defaultMetadataMemory = 64 << 20
	defaultTTL            = 60 * time.Second
	defaultNegativeTTL    = 5 * time.Second
)

// normalizeFlags makes "_" in a name the same as "-".
func normalizeFlags(f *pflag.FlagSet) {
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(mountopt.Normalize(name))
	})
}

func sizeVar(f *pflag.FlagSet, p *int64, name string, def int64, usage string) {
	*p = def
	f.Var((*bytesValue)(p), name, usage)
}

func timeVar(f *pflag.FlagSet, p *time.Duration, name string, def time.Duration, usage string) {
	*p = def
	f.Var((*durationValue)(p), name, usage)
}

func s3Flags(f *pflag.FlagSet, o *Options) {
	s := &o.S3
	f.StringVar(&s.EndpointURL, "endpoint-url", "", "server `URL` (default: $AWS_ENDPOINT_URL_S3, else Amazon S3)")
	f.StringVar(&s.Region, "region", "", "the bucket's region (default: found out)")
	f.StringVar(&s.Profile, "profile", "", "profile in the AWS configuration files")
	f.StringVar(&s.SharedCredentialsFile, "shared-credentials-file", "", "credentials `FILE` in AWS's format")
	f.BoolVar(&s.ForcePathStyle, "force-path-style", false, "put the bucket into the path, not the host name")
	f.BoolVar(&s.NoSignRequest, "no-sign-request", false, "use no credentials: public buckets")
	f.BoolVar(&s.RequesterPays, "requester-pays", false, "accept to pay for requests")
	f.StringVar(&s.SSECKeyFile, "sse-c-key-file", "", "`FILE` with the SSE-C key: 32 bytes or their base64")
	f.StringVar(&s.CABundle, "ca-bundle", "", "PEM `FILE` of certificate authorities")
	f.BoolVar(&s.NoVerifySSL, "no-verify-ssl", false, "do not verify the server's certificate: insecure")
	f.BoolVar(&s.FIPS, "fips", false, "use FIPS endpoints")
	f.BoolVar(&s.DualStack, "dual-stack", false, "use endpoints with IPv6")
	f.BoolVar(&s.Accelerate, "transfer-acceleration", false, "use S3 Transfer Acceleration")
	timeVar(f, &s.ConnectTimeout, "connect-timeout", 5*time.Second, "for a connection")
	timeVar(f, &s.RequestTimeout, "request-timeout", 60*time.Second, "for a request, with all its retries")
	f.IntVar(&s.Retries, "retries", 10, "attempts within the request time-out")
	f.Var((*speedValue)(&s.BandwidthLimit), "bandwidth-limit", "most to receive, as 50MiB/s; a bare number is MiB/s (default: no limit)")
	f.Float64Var(&s.RequestLimit, "request-limit", 0, "most requests a second, of all kinds; 0 is no limit")
}

func cacheFlags(f *pflag.FlagSet, o *Options) {
	c := &o.Cache
	f.StringVar(&c.Dir, "cache-dir", defaultCacheDir(), "cache `DIRECTORY`, best a ZFS dataset with recordsize=1M")
	f.StringVar(&c.Dataset, "zfs-dataset", "", "cache on this ZFS `DATASET`, which must be mounted, instead of --cache-dir")
	f.BoolVar(&c.RequireZFS, "cache-require-zfs", false, "fail when the cache directory does not lie on ZFS")
	c.Size = shareValue{Percent: 80}
	f.Var(&c.Size, "cache-size", "most that the cache may take; a bare number is MiB, % is of the file system")
	c.MinFree = shareValue{Percent: 5}
	f.Var(&c.MinFree, "cache-min-free", "what the cache leaves free on its file system")
	c.Verify = choiceValue{"auto", []string{"auto", "always", "never"}}
	f.Var(&c.Verify, "cache-verify", "compare what was cached before the start with its checksums at its first use: auto believes ZFS, what was written since its file system was mounted, and clean stops")
	sizeVar(f, &c.BlockSize, "block-size", defaultBlock, "cache block, a power of two: the dataset's recordsize")
}

func readFlags(f *pflag.FlagSet, o *Options) {
	r := &o.Read
	sizeVar(f, &r.Window, "read-ahead", automatic, "most that is read ahead of all sequential readers together; 0 is off (default: a quarter more than the memory limit)")
	f.IntVar(&r.Connections, "max-downloads", defaultConnections, "requests at once")
	sizeVar(f, &r.RequestSize, "read-part-size", automatic, "size of a request in a long read (default: 8MiB; 4MiB or 2MiB where less than 200MiB or 100MiB are read ahead, as with a memory limit below 160MiB or 80MiB)")
	sizeVar(f, &r.Memory, "memory-limit", automatic, "for all block buffers (default: 160MiB, or a quarter of the memory if that is less)")
}

func treeFlags(f *pflag.FlagSet, o *Options) {
	t := &o.Tree
	f.StringVar(&o.Source.Prefix, "prefix", "", "show only keys below this prefix")
	asOfFlag(f, o)
	t.TTL, t.NegativeTTL = defaultTTL, defaultNegativeTTL
	f.Var((*ttlValue)(&t.TTL), "metadata-ttl", "age of attributes and listings: 60, 5m, minimal, indefinite")
	f.Var((*ttlValue)(&t.NegativeTTL), "negative-metadata-ttl", "age of the knowledge that a name does not exist")
	t.Consistency = choiceValue{"ttl", []string{"open", "ttl", "forever"}}
	f.Var(&t.Consistency, "consistency", "when a file's version is looked up: at each open, after its TTL, or once")
	sizeVar(f, &t.Memory, "metadata-memory", defaultMetadataMemory, "for attributes and listings")
	f.BoolVar(&t.Persist, "metadata-persist", true, "keep attributes and listings in the cache directory for the next mount: at most 1/64 of the cache's size, or 256MiB")
	t.ListAhead = choiceValue{"on", []string{"on", "off"}}
	f.Var(&t.ListAhead, "list-ahead", "list directories ahead of a program that walks through them (find, du, rsync)")
	f.BoolVar(&t.OfflineOK, "offline-ok", true, "while S3 cannot be reached, go on with names and attributes that have expired")
	f.BoolVar(&t.RequirePrefix, "require-prefix", false, "fail when nothing lies below the prefix")
	f.IntVar(&t.NameMax, "name-max", 1024, "hide names longer than this many bytes")
	unmappableFlag(f, o)
	f.BoolVar(&t.HideFolderMarkers, "hide-folder-markers", false, "hide empty objects named *_$folder$")
}

func unmappableFlag(f *pflag.FlagSet, o *Options) {
	o.Tree.Unmappable = choiceValue{"hide", []string{"hide", "escape"}}
	f.Var(&o.Tree.Unmappable, "unmappable", "keys that no file system has: hide them, or escape what they are called (a//b is a/／/b)")
}

func mountFlags(f *pflag.FlagSet, o *Options) {
	m := &o.Mount
	o.Read.Files = defaultFiles
	f.Var(&o.Read.Files, "prefetch-files", "most files that are fetched ahead of a reader who opens one after another: small ones, and of large ones what is read first; 0 or off")
	f.BoolVarP(&o.Log.Debug, "debug", "d", false, "log also every FUSE request")
	m.UID = idValue{uint32(os.Getuid()), lookupUser}
	m.GID = idValue{uint32(os.Getgid()), lookupGroup}
	m.FileMode, m.DirMode = 0o644, 0o755
	f.BoolVarP(&m.Foreground, "foreground", "f", false, "stay in the foreground")
	f.Var(&m.UID, "uid", "owner of all files, number or name")
	f.Var(&m.GID, "gid", "group of all files, number or name")
	f.Var(&m.Umask, "umask", "permission bits to take away, octal")
	f.Var(&m.Fmask, "fmask", "the same for files only")
	f.Var(&m.Dmask, "dmask", "the same for directories only")
	f.Var(&m.FileMode, "file-mode", "permissions of files, octal")
	f.Var(&m.DirMode, "dir-mode", "permissions of directories, octal")
	f.BoolVar(&m.AllowOther, "allow-other", false, "other users may use the mount, as the permissions say")
	f.BoolVar(&m.AllowRoot, "allow-root", false, "root may use the mount of another user")
	f.BoolVar(&m.DefaultPermissions, "default-permissions", false, "the kernel checks the permissions")
	f.BoolVar(&m.Passthrough, "passthrough", true, "let the kernel read wholly cached files by itself, where it can")
	f.BoolVar(&m.DirectIO, "direct-io", false, "reads that the daemon answers go around the kernel's page cache: for programs that read 256KiB and more at once")
	f.BoolVar(&m.NonEmpty, "nonempty", false, "mount over a directory that is not empty")
	f.BoolVar(&m.LazyConnect, "lazy-connect", false, "mount without asking S3, which may be away; what is wrong shows at the first use")
	f.StringVar(&m.FSName, "fsname", "", "first column of the mount table (default: the source)")
	f.StringVar(&m.Metrics, "metrics", "", "listen on `ADDRESS` for Prometheus; a port alone is on 127.0.0.1")
	runtimeDirFlag(f, &m.RuntimeDir)
	timeVar(f, &m.Timeout, "mount-timeout", 30*time.Second, "until the mount must be ready")
	timeVar(f, &m.UnmountTimeout, "unmount-timeout", 5*time.Second, "how long a signalled daemon waits for open files, before and again after it detaches the mount")
}

func logFlags(f *pflag.FlagSet, o *Options) {
	l := &o.Log
	f.StringVar(&l.File, "log-file", "", "append log lines to `FILE`, which a mount opens anew at SIGHUP (default: standard error, or syslog in the background)")
	l.Level = levelValue{choiceValue{"info", []string{"debug", "info", "warn", "error"}}}
	f.Var(&l.Level, "log-level", "least important lines to log")
	l.Format = choiceValue{"text", []string{"text", "json"}}
	f.Var(&l.Format, "log-format", "format of log lines")
	f.BoolVarP(&l.Verbose, "verbose", "v", false, "the same as --log-level debug")
}

// aliasFlags adds the names of other mounts as hidden flags; one whose option the
// command does not have is left out.
func aliasFlags(f *pflag.FlagSet) {
	for _, a := range aliases {
		target := f.Lookup(a.option)
		if target == nil {
			continue
		}
		f.AddFlag(&pflag.Flag{
			Name: a.name, Hidden: true, NoOptDefVal: target.NoOptDefVal,
			Value: &aliasValue{f, target, a.unit},
		})
	}
}

// aliasValue sets another flag.
type aliasValue struct {
	flags  *pflag.FlagSet
	target *pflag.Flag
	unit   string
}

func (v *aliasValue) Type() string     { return v.target.Value.Type() }
func (v *aliasValue) String() string   { return "" }
func (v *aliasValue) IsBoolFlag() bool { return v.target.Value.Type() == "bool" }
func (v *aliasValue) Set(s string) error {
	return v.flags.Set(v.target.Name, v.here(s))
}

// here is what a value of another mount is called here.
func (v *aliasValue) here(s string) string {
	if s == "-1" { // gcsfuse and rclone: no limit
		switch v.target.Name {
		case "cache-size":
			return "100%"
		case "bandwidth-limit", "request-limit":
			return "0"
		}
	}
	return withUnit(s, v.unit)
}

// defaultCacheDir is empty when nobody says where: no HOME, not root.
func defaultCacheDir() string {
	if os.Geteuid() == 0 {
		return "/var/cache/zs3fs"
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "zs3fs")
}
