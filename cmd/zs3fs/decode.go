package main

import (
	"errors"
	"math/bits"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/pflag"

	"github.com/zs3fs/zs3fs/internal/mountopt"
)

// decode fills what the command line left open from the -o lists and then from
// the environment, so that a flag goes before -o, and -o before ZS3FS_*. Where
// an option is given twice in one place, the last one stands.
func decode(f *pflag.FlagSet, o *Options, lists []string, sloppy bool) error {
	onCommandLine := given(f)
	if more := os.Getenv(environmentName("option")); more != "" && f.Lookup("option") != nil {
		lists = append([]string{more}, lists...) // those on the command line come last, and win
	}
	opts, err := mountopt.Split(strings.Join(lists, ","))
	if err != nil {
		return fail(Option, "-o: %v", err)
	}
	// First, because env.ZS3FS_CACHE_DIR=... is as good as the variable itself.
	if opts, err = setEnvironment(opts); err != nil {
		return err
	}
	for _, opt := range opts {
		if err := decodeOption(f, o, opt, onCommandLine, sloppy); err != nil {
			return err
		}
	}
	if err := decodeEnvironment(f); err != nil {
		return err
	}
	if o.Cache.Dataset != "" && f.Changed("cache-dir") {
		return fail(Option, "--zfs-dataset and --cache-dir exclude each other: the dataset's mount point is the cache directory")
	}
	o.settle()
	return validate(o)
}

// given names the options that are set, and what they decide.
func given(f *pflag.FlagSet) map[string]bool {
	names := map[string]bool{}
	f.Visit(func(flag *pflag.Flag) { names[flag.Name] = true })
	// Two ways to say where the cache is: one of them leaves nothing open.
	if names["cache-dir"] || names["zfs-dataset"] {
		names["cache-dir"], names["zfs-dataset"] = true, true
	}
	return names
}

func decodeOption(f *pflag.FlagSet, o *Options, opt mountopt.Option, onCommandLine map[string]bool, sloppy bool) error {
	flag := f.Lookup(opt.Name)
	if flag == nil || opt.Name == "option" || opt.Name == "help" || opt.Name == "" {
		return genericOption(f, o, opt, sloppy)
	}
	value := opt.Value
	if !opt.HasValue {
		if value = flag.NoOptDefVal; value == "" {
			return fail(Option, "-o %s needs a value: -o %s=%s", opt.Raw, opt.Raw, flag.Value.Type())
		}
	}
	if a, ok := flag.Value.(*aliasValue); ok {
		flag, value = a.target, a.here(value)
	}
	if onCommandLine[flag.Name] {
		return nil
	}
	if err := f.Set(flag.Name, value); err != nil {
		return valueError("-o "+opt.Raw, value, err)
	}
	return nil
}

func genericOption(f *pflag.FlagSet, o *Options, opt mountopt.Option, sloppy bool) error {
	switch mountopt.Classify(opt.Name) {
	case mountopt.Ignore:
	case mountopt.Kernel:
		raw := opt.Raw
		if opt.HasValue {
			raw += "=" + opt.Value
		}
		o.Mount.Kernel = append(o.Mount.Kernel, raw)
	case mountopt.ReadWrite:
		// mount(8) passes rw for each line without ro: nobody has asked for it then.
		if o.Helper {
			return nil
		}
		o.Mount.Warnings = append(o.Mount.Warnings, "rw: zs3fs is read-only, mounting read-only")
	case mountopt.Remount:
		return fail(Option, "-o remount: options cannot be changed while mounted: umount, then mount again")
	default:
		if !sloppy {
			return unknownOption(f, "zs3fs mount", "-o "+opt.Raw, opt.Name)
		}
		o.Mount.Warnings = append(o.Mount.Warnings, "unknown option ignored: "+opt.Raw)
	}
	return nil
}

// decodeEnvironment takes ZS3FS_CACHE_DIR for --cache-dir, and so on.
func decodeEnvironment(f *pflag.FlagSet) error {
	var err error
	decided := given(f)
	f.VisitAll(func(flag *pflag.Flag) {
		name := environmentName(flag.Name)
		value, ok := os.LookupEnv(name)
		if flag.Hidden || decided[flag.Name] || !ok || value == "" || err != nil || flag.Name == "option" {
			return
		}
		if setErr := f.Set(flag.Name, value); setErr != nil {
			err = valueError("$"+name, value, setErr)
		}
	})
	return err
}

func environmentName(option string) string {
	return "ZS3FS_" + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
}

// setEnvironment sets env.NAME=value and the lines of env_file=FILE, for the AWS
// SDK above all, and returns the other options.
func setEnvironment(opts []mountopt.Option) (rest []mountopt.Option, err error) {
	for _, opt := range opts {
		name, isEnv := strings.CutPrefix(opt.Name, "env.")
		switch {
		case isEnv && (name == "" || !opt.HasValue):
			return nil, fail(Option, "-o %s: write env.NAME=value", opt.Raw)
		case isEnv:
			err = os.Setenv(name, opt.Value)
		case opt.Name == "env-file":
			err = loadEnvironment(opt.Value)
		default:
			rest = append(rest, opt)
		}
		if err != nil {
			return nil, fail(Option, "-o %s: %v", opt.Raw, err)
		}
	}
	return rest, nil
}

// loadEnvironment reads NAME=value lines as systemd's EnvironmentFile has them.
func loadEnvironment(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		// The line may hold a secret: it is not shown.
		if name = strings.TrimSpace(name); !ok || name == "" {
			return errors.New(path + " has a line that is not NAME=value")
		}
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// withUnit gives a bare number of one or more the unit it has in another mount;
// a fraction is a share of the whole in all of them.
func withUnit(value, unit string) string {
	if n, err := strconv.ParseFloat(value, 64); unit != "" && err == nil && n >= 1 {
		return value + unit
	}
	return value
}

func validate(o *Options) error {
	if err := validBlockSize(o.Cache.BlockSize); err != nil {
		return err
	}
	switch {
	case o.Read.Connections < 1 || o.Read.Connections > 1024:
		return fail(Option, "--max-downloads must be from 1 to 1024")
	case !(o.S3.RequestLimit >= 0): // NaN neither
		return fail(Option, "--request-limit must not be negative: 0 is no limit")
	case o.S3.Retries < 1:
		return fail(Option, "--retries must be at least 1")
	case o.Tree.NameMax < 1 || o.Tree.NameMax > 1024:
		return fail(Option, "--name-max must be from 1 to 1024")
	case o.Read.RequestSize != automatic && o.Read.RequestSize < o.Cache.BlockSize:
		return fail(Option, "--read-part-size must be at least --block-size")
	case o.Cache.Dir == "" && o.Cache.Dataset == "":
		return fail(Option, "there is no cache directory: --cache-dir is empty, or not given where there is no $HOME")
	case o.Mount.AllowOther && o.Mount.AllowRoot:
		return fail(Option, "--allow-other and --allow-root exclude each other")
	}
	return validSizes(o)
}

// validSizes refuses what nobody can mean, as a number of bytes where MiB are taken:
// of read-part-size, an option of mountpoint-s3 that is in bytes there, above all.
func validSizes(o *Options) error {
	for _, s := range []struct {
		name string
		size bytesValue
		most bytesValue
	}{
		{"read-part-size", bytesValue(o.Read.RequestSize), 4 << 30},
		{"metadata-memory", bytesValue(o.Tree.Memory), 16 << 30},
		{"memory-limit", bytesValue(o.Read.Memory), 1 << 40},
		{"read-ahead", bytesValue(o.Read.Window), 1 << 40},
	} {
		if s.size > s.most {
			return fail(Option, "--%s=%s is too much, the most is %s: a bare number is MiB, bytes are 8388608B", s.name, &s.size, &s.most)
		}
	}
	return nil
}

func validBlockSize(b int64) error {
	if bits.OnesCount64(uint64(b)) != 1 || b < 4096 || b > 64<<20 {
		return fail(Option, "--block-size must be a power of two from 4KiB to 64MiB; a bare number is MiB")
	}
	return nil
}

func valueError(where, value string, err error) error {
	// pflag wraps a Value's own error, which says it better.
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) && invalid.Unwrap() != nil {
		err = invalid.Unwrap()
	}
	var num *strconv.NumError
	switch {
	case !errors.As(err, &num):
	case num.Func == "ParseBool":
		err = errors.New("is neither true nor false")
	default:
		err = errors.New("is not a number that is valid here")
	}
	return fail(Option, "%s: %q %v", where, value, err)
}

// unknownOption suggests the name of the command's options that is nearest to what was
// written; after -o, mount(8) has some more.
func unknownOption(f *pflag.FlagSet, command, where, name string) error {
	var known []string
	if strings.HasPrefix(where, "-o") {
		known = mountopt.Names()
	}
	f.VisitAll(func(flag *pflag.Flag) { known = append(known, flag.Name) })
	slices.Sort(known)
	best, distance := "", (1+len(name))/3
	for _, k := range known {
		if d := levenshtein.ComputeDistance(name, k); d <= distance && (best == "" || d < distance) {
			best, distance = k, d
		}
	}
	if best == "" {
		return fail(Option, "unknown option %s: see %s --help", where, command)
	}
	return fail(Option, "unknown option %s: did you mean %s?", where, strings.Replace(best, "-netdev", "_netdev", 1))
}
