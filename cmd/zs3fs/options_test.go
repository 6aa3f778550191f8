package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zs3fs/zs3fs/internal/mountopt"
)

// decodeArgs decodes a mount command line without running it.
func decodeArgs(t *testing.T, args ...string) (*Options, error) {
	t.Helper()
	return decodeMount(t, false, args...)
}

func decodeMount(t *testing.T, sloppy bool, args ...string) (*Options, error) {
	t.Helper()
	o := &Options{}
	f := pflag.NewFlagSet("mount", pflag.ContinueOnError)
	normalizeFlags(f)
	for _, section := range []func(*pflag.FlagSet, *Options){s3Flags, treeFlags, cacheFlags, readFlags, mountFlags, logFlags} {
		section(f, o)
	}
	lists := f.StringArrayP("option", "o", nil, "")
	aliasFlags(f)
	if err := f.Parse(args); err != nil {
		cmd := &cobra.Command{Use: "mount"}
		cmd.Flags().AddFlagSet(f)
		return nil, flagError(cmd, err)
	}
	return o, decode(f, o, *lists, sloppy)
}

func TestPrecedence(t *testing.T) {
	t.Setenv("ZS3FS_REGION", "from-env")
	t.Setenv("ZS3FS_PROFILE", "from-env")
	t.Setenv("ZS3FS_CACHE_DIR", "/from-env")
	t.Setenv("ZS3FS_MAX_DOWNLOADS", "7")
	o, err := decodeArgs(t, "--region=from-flag", "-o", "region=from-o,profile=from-o", "-o", "profile=last-o", "-o", "max_threads=5")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{o.S3.Region, o.S3.Profile, o.Cache.Dir, fmt.Sprint(o.Read.Connections), o.S3.EndpointURL}
	want := []string{"from-flag", "last-o", "/from-env", "5", ""}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("value %d = %q, want %q", i, got[i], want[i])
		}
	}
}

// --zfs-dataset and --cache-dir say one thing in two ways: the nearer one stands, and
// only where both are said in one place is it not clear which.
func TestPrecedenceOfTheCachesPlace(t *testing.T) {
	for _, c := range []struct {
		variable, args string
		dataset, dir   string // empty is not looked at
		conflict       bool
	}{
		{"ZS3FS_CACHE_DIR=/env", "--zfs-dataset=tank/a", "tank/a", "", false},
		{"ZS3FS_CACHE_DIR=/env", "-o zfs_dataset=tank/a", "tank/a", "", false},
		{"ZS3FS_ZFS_DATASET=tank/env", "--cache-dir=/flag", "", "/flag", false},
		{"ZS3FS_ZFS_DATASET=tank/env", "-o use_cache=/o", "", "/o", false},
		{"ZS3FS_ZFS_DATASET=tank/env", "", "tank/env", "", false},
		{"", "--zfs-dataset=tank/a -o cache_dir=/o", "tank/a", "", false},
		{"", "--cache-dir=/flag -o zfs_dataset=tank/a", "", "/flag", false},
		{"", "--cache-dir=/flag --zfs-dataset=tank/a", "", "", true},
		{"", "-o cache_dir=/o,zfs_dataset=tank/a", "", "", true},
	} {
		t.Run(c.variable+" "+c.args, func(t *testing.T) {
			if name, value, ok := strings.Cut(c.variable, "="); ok {
				t.Setenv(name, value)
			}
			o, err := decodeArgs(t, strings.Fields(c.args)...)
			switch {
			case c.conflict && codeOf(err) == Option:
			case c.conflict || err != nil:
				t.Errorf("%v, conflict wanted: %v", err, c.conflict)
			case o.Cache.Dataset != c.dataset || c.dir != "" && o.Cache.Dir != c.dir:
				t.Errorf("dataset %q, directory %q", o.Cache.Dataset, o.Cache.Dir)
			}
		})
	}
	t.Setenv("ZS3FS_ZFS_DATASET", "tank/env")
	t.Setenv("ZS3FS_CACHE_DIR", "/env")
	if _, err := decodeArgs(t); codeOf(err) != Option {
		t.Errorf("both in the environment: %v", err)
	}
}

func TestAliasOnTheCommandLineGoesBeforeOption(t *testing.T) {
	o, err := decodeArgs(t, "--endpoint=http://flag", "-o", "endpoint_url=http://o")
	if err != nil || o.S3.EndpointURL != "http://flag" {
		t.Fatalf("endpoint %q, %v", o.S3.EndpointURL, err)
	}
}

func TestEveryAliasLeadsToAnOption(t *testing.T) {
	f := pflag.NewFlagSet("mount", pflag.ContinueOnError)
	normalizeFlags(f)
	o := &Options{}
	for _, section := range []func(*pflag.FlagSet, *Options){s3Flags, treeFlags, cacheFlags, readFlags, mountFlags, logFlags} {
		section(f, o)
	}
	for _, a := range aliases {
		if f.Lookup(a.option) == nil {
			t.Errorf("alias %s: there is no option %s", a.name, a.option)
		}
		if f.Lookup(a.name) != nil {
			t.Errorf("alias %s hides an option", a.name)
		}
		if mountopt.Classify(a.name) != mountopt.Unknown {
			t.Errorf("alias %s is a generic option too", a.name)
		}
	}
	aliasFlags(f) // panics on a name that is given twice
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		list string
		got  func(o *Options) any
		want any
	}{
		{"endpoint=http://h:1", func(o *Options) any { return o.S3.EndpointURL }, "http://h:1"},
		{"url=http://h", func(o *Options) any { return o.S3.EndpointURL }, "http://h"},
		{"use_cache=/c", func(o *Options) any { return o.Cache.Dir }, "/c"},
		{`cache-dir=/a\,b`, func(o *Options) any { return o.Cache.Dir }, "/a,b"},
		{"--cache-dir=/c", func(o *Options) any { return o.Cache.Dir }, "/c"},
		{"max_cache_size=2048", func(o *Options) any { return o.Cache.Size.Bytes }, int64(2048 << 20)},
		{"cache_size=10G", func(o *Options) any { return o.Cache.Size.Bytes }, int64(10 << 30)},
		{"cache_size=10GB", func(o *Options) any { return o.Cache.Size.Bytes }, int64(10e9)},
		{"bandwidth_limit=50MB/s", func(o *Options) any { return o.S3.BandwidthLimit }, int64(50e6)},
		{"bandwidth-limit=8", func(o *Options) any { return o.S3.BandwidthLimit }, int64(8 << 20)},
		{"bwlimit=512", func(o *Options) any { return o.S3.BandwidthLimit }, int64(512 << 10)},
		{"bwlimit=off", func(o *Options) any { return o.S3.BandwidthLimit }, int64(0)},
		{"vfs_cache_max_size=1048576", func(o *Options) any { return o.Cache.Size.Bytes }, int64(1 << 30)},
		{"vfs_cache_max_size=10G", func(o *Options) any { return o.Cache.Size.Bytes }, int64(10 << 30)},
		{"vfs_cache_min_free_space=1024", func(o *Options) any { return o.Cache.MinFree.of(1) }, int64(1 << 20)},
		{"vfs_read_ahead=2048", func(o *Options) any { return o.Read.Window }, int64(2 << 20)},
		{"vfs_read_chunk_size=2048", func(o *Options) any { return o.Read.RequestSize }, int64(2 << 20)},
		{"dbglevel=err", func(o *Options) any { return logLevel(o) }, slog.LevelError},
		{"dbglevel=warning", func(o *Options) any { return logLevel(o) }, slog.LevelWarn},
		{"log_severity=TRACE", func(o *Options) any { return logLevel(o) }, slog.LevelDebug},
		{"log_level=LOG_WARNING", func(o *Options) any { return logLevel(o) }, slog.LevelWarn},
		{"request_limit=2.5", func(o *Options) any { return o.S3.RequestLimit }, 2.5},
		{"tpslimit=10", func(o *Options) any { return o.S3.RequestLimit }, 10.0},
		{"file_cache_max_size_mb=-1", func(o *Options) any { return o.Cache.Size.of(1000) }, int64(1000)},
		{"vfs_cache_max_size=-1", func(o *Options) any { return o.Cache.Size.of(1000) }, int64(1000)},
		{"limit_bytes_per_sec=-1,limit-ops-per-sec=-1", func(o *Options) any { return []any{o.S3.BandwidthLimit, o.S3.RequestLimit} }, []any{0, 0}},
		{"read_part_size=8388608B", func(o *Options) any { return o.Read.RequestSize }, int64(8 << 20)},
		{"cache_size=50%", func(o *Options) any { return o.Cache.Size.of(1000) }, int64(500)},
		{"free_space_ratio=0.1", func(o *Options) any { return o.Cache.MinFree.of(1000) }, int64(100)},
		{"free_space_ratio=10", func(o *Options) any { return o.Cache.MinFree.of(1000) }, int64(100)},
		{"ensure_diskfree=100", func(o *Options) any { return o.Cache.MinFree.of(1) }, int64(100 << 20)},
		{"cache-block-size=512", func(o *Options) any { return o.Cache.BlockSize }, int64(512 << 10)},
		{"block_size=2M", func(o *Options) any { return o.Cache.BlockSize }, int64(2 << 20)},
		{"stat_cache_expire=900", func(o *Options) any { return o.Tree.TTL }, 900 * time.Second},
		{"dir_cache_time=5m", func(o *Options) any { return o.Tree.TTL }, 5 * time.Minute},
		{"dir_cache_time=1d,negative_timeout=1w", func(o *Options) any { return []any{o.Tree.TTL, o.Tree.NegativeTTL} }, []any{24 * time.Hour, 7 * 24 * time.Hour}},
		{"metadata_ttl=-1", func(o *Options) any { return o.Tree.ttl() < 0 }, true},
		{"metadata_ttl=indefinite", func(o *Options) any { return o.Tree.ttl() < 0 }, true},
		{"metadata_ttl=minimal", func(o *Options) any { return o.Tree.ttl() }, minimalTTL},
		{"metadata_ttl=0", func(o *Options) any { return o.Tree.ttl() }, time.Duration(0)},
		{"consistency=forever", func(o *Options) any { return o.Tree.ttl() < 0 }, true},
		{"attr_timeout=1.5", func(o *Options) any { return o.Tree.TTL }, 1500 * time.Millisecond},
		{"read_ahead=0", func(o *Options) any { return o.Read.Window }, int64(0)},
		{"memory_target=64", func(o *Options) any { return o.Read.Memory }, int64(64 << 20)},
		{"public_bucket=1", func(o *Options) any { return o.S3.NoSignRequest }, true},
		{"anonymous", func(o *Options) any { return o.S3.NoSignRequest }, true},
		{"use_path_request_style", func(o *Options) any { return o.S3.ForcePathStyle }, true},
		{"force_path_style=false", func(o *Options) any { return o.S3.ForcePathStyle }, false},
		{"uid=1001,gid=root", func(o *Options) any { return []uint32{o.Mount.UID.id, o.Mount.GID.id} }, []uint32{1001, 0}},
		{"umask=022,file_mode=0666", func(o *Options) any { return (&chain{}).mountConfig(o, nil).FileMode }, os.FileMode(0o644)},
		{"dmode=0775,dmask=7", func(o *Options) any { return (&chain{}).mountConfig(o, nil).DirMode }, os.FileMode(0o770)},
		{"allow_other", func(o *Options) any { return (&chain{}).mountConfig(o, nil).DefaultPermissions }, true},
		{"direct_io", func(o *Options) any { return []any{(&chain{}).mountConfig(o, nil).DirectIO, o.Mount.stride()} }, []any{true, 0}},
		{"direct_io=false", func(o *Options) any { return []any{(&chain{}).mountConfig(o, nil).DirectIO, o.Mount.stride()} }, []any{false, 512 << 10}},
		{"ro,_netdev,nofail,x-systemd.automount,comment=a,defaults,nosuid,dev,big_writes", func(o *Options) any { return len(o.Mount.Kernel) + len(o.Mount.Warnings) }, 0},
		{`noexec,noatime,context="a:b,c"`, func(o *Options) any { return strings.Join(o.Mount.Kernel, "|") }, "noexec|noatime|context=a:b,c"},
		{"rw", func(o *Options) any { return len(o.Mount.Warnings) }, 1},
		{"retries=3,request_timeout=7,connect-timeout=250ms", func(o *Options) any { return o.S3.RequestTimeout }, 7 * time.Second},
	} {
		o, err := decodeArgs(t, "-o", c.list)
		if err != nil {
			t.Errorf("-o %s: %v", c.list, err)
			continue
		}
		if got := c.got(o); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("-o %s: %v, want %v", c.list, got, c.want)
		}
	}
}

// The environment has lists of options too; those after -o come last.
func TestOptionsOfTheEnvironment(t *testing.T) {
	t.Setenv("ZS3FS_OPTION", "file_mode=0600,retries=3")
	o, err := decodeArgs(t, "-o", "retries=4")
	if err != nil {
		t.Fatal(err)
	}
	if o.Mount.FileMode != 0o600 || o.S3.Retries != 4 {
		t.Errorf("file mode %o, %d retries", o.Mount.FileMode, o.S3.Retries)
	}
	t.Setenv("ZS3FS_OPTION", "nonsense_option")
	if _, err := decodeArgs(t); codeOf(err) != Option {
		t.Errorf("a wrong one: %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"-o cache_dri=/c", "did you mean cache-dir"},
		{"-o netdev", "did you mean _netdev"},
		{"--endpont-url=x", "did you mean endpoint-url"},
		{"--regoin=x", "did you mean region"},
		{"-o allowother", "did you mean allow-other"},
		{"-o zzzzzzzzzz", "see zs3fs mount --help"},
		{"-o foo", "-o foo: see zs3fs mount --help"},
		{"-o nodve", "did you mean nodev"},
		{"--nodev", "see mount --help"}, // an option after -o only
		{"-Z", "unknown option -Z"},
		{"-o option=x", "unknown option"},
		{"-o remount", "umount"},
		{"-o cache_dir", "needs a value"},
		{"-o a=\"", "quote"},
		{"-o cache_size=lots", "not a size"},
		{"-o cache_size=0%", "not a share"},
		{"-o cache_size=120%", "not a share"},
		{"--cache-size=-5", "not a size"},
		{"-o metadata_ttl=soon", "not a time"},
		{"-o metadata_ttl=-5", "not a time"},
		{"-o umask=9", "octal"},
		{"-o uid=nobody-of-this-name", "number"},
		{"-o block_size=1000000", "power of two"},
		{"-o block_size=3M", "power of two"},
		{"-o max_downloads=0", "1 to 1024"},
		{"-o max_downloads=x", "max_downloads"},
		{"-o allow_other=yes", "neither true nor false"},
		{"-o retries=many", "not a number"},
		{"--metadata-ttl=-2d", "not a time"},
		{"-o metadata_ttl=NaNd", "not a time"},
		{"-o bandwidth_limit=fast", "not a size"},
		{"--request-limit=-1", "negative"},
		{"--request-limit=NaN", "negative"},
		{"--request-limit=-1", "0 is no limit"},
		{"--cache-size=-1", "not a size"},
		{"-o ensure_diskfree=-1", "not a size"},
		{"-o read_part_size=8388608", "bytes are 8388608B"},
		{"--multipart-size=5242880", "--read-part-size=5.0TiB"},
		{"-o metadata_memory=99999TiB", "the most is 16GiB"},
		{"-o memory_limit=268435456", "a bare number is MiB"},
		{"-o read_ahead=268435456", "a bare number is MiB"},
		{"--block-size=4096", "a bare number is MiB"},
		{"-o cache_dir=", "--cache-dir is empty"},
		{"-o uid=4294967295", "no user's"},
		{"-o consistency=maybe", "open, ttl, forever"},
		{"-o log_level=loud", "debug, info"},
		{"-o env.=x", "env.NAME"},
		{"-o env_file=/does/not/exist", "no such file"},
		{"-o allow_other,allow_root", "exclude"},
		{"-o name_max=2000", "1 to 1024"},
	} {
		_, err := decodeArgs(t, strings.Fields(c.args)...)
		if codeOf(err) != Option || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: code %d, %v; want it to say %q", c.args, codeOf(err), err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %q", c.args, err)
		}
	}
}

func TestSloppyIgnoresUnknownOptions(t *testing.T) {
	o, err := decodeMount(t, true, "-o", "nonsense,ro")
	if err != nil || len(o.Mount.Warnings) != 1 {
		t.Fatalf("%v, warnings %q", err, o.Mount.Warnings)
	}
}

func TestEnvironmentOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	text := "# comment\n; comment\n\nexport ZS3FS_REGION=\"from file\"\nZS3FS_TEST_A='q'\nZS3FS_TEST_B=a=b\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ZS3FS_REGION", "ZS3FS_TEST_A", "ZS3FS_TEST_B", "ZS3FS_TEST_C"} {
		t.Setenv(name, "") // restored afterwards
	}
	o, err := decodeArgs(t, "-o", "env_file="+file+",env.ZS3FS_TEST_C=c_d")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"ZS3FS_TEST_A": "q", "ZS3FS_TEST_B": "a=b", "ZS3FS_TEST_C": "c_d"} {
		if got := os.Getenv(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if o.S3.Region != "from file" {
		t.Errorf("region %q is not the file's", o.S3.Region)
	}
	if err := os.WriteFile(file, []byte("AKIDSECRET\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := decodeArgs(t, "-o", "env_file="+file); err == nil || strings.Contains(err.Error(), "AKIDSECRET") {
		t.Errorf("bad env_file: %v", err)
	}
}

func TestHelperArgs(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"s3://b /mnt -o ro,x=y", "mount --mount-helper --option=ro,x=y -- s3://b /mnt"},
		{"s3://b /mnt -n -v -r -i", "mount --mount-helper -- s3://b /mnt"},
		{"s3://b /mnt -sn -o a -w", "mount --mount-helper --sloppy --option=a --option=rw -- s3://b /mnt"},
		{"-t zs3fs s3://b /mnt -oa=b", "mount --mount-helper --option=a=b -- s3://b /mnt"},
		{"s3://b /mnt -N /proc/1/ns/mnt", "mount --mount-helper -- s3://b /mnt"},
		{"s3://b", ""}, {"s3://b /mnt -o", ""}, {"s3://b /mnt -q", ""},
	} {
		args, fake, err := helperArgs(strings.Fields(c.in))
		if got := strings.Join(args, " "); err == nil && got != c.want || err != nil && c.want != "" || fake {
			t.Errorf("helperArgs(%s) = %s, %v, %v; want %s", c.in, got, fake, err, c.want)
		}
	}
	if _, fake, err := helperArgs(strings.Fields("s3://b /mnt -f")); !fake || err != nil {
		t.Errorf("-f: %v, %v", fake, err)
	}
}
