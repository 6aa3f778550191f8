package mountopt

import (
	"errors"
	"strings"
)

// Option is one name, with its value if it has one.
type Option struct {
	// Name as in Normalize.
	Name string
	// Raw is the name as it was written, for messages and for the kernel.
	Raw      string
	Value    string
	HasValue bool
}

// Split takes a list apart. A comma ends an option unless it is escaped by a
// backslash or stands in double quotes, as in fstab lines of other mounts; a
// backslash otherwise stands for itself unless a backslash or a quote follows.
// Empty options are skipped, as mount(8) does.
func Split(list string) ([]Option, error) {
	var opts []Option
	var word strings.Builder
	quoted := false
	end := func() {
		if word.Len() > 0 {
			opts = append(opts, parse(word.String()))
		}
		word.Reset()
	}
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '\\' && i+1 < len(list) && strings.IndexByte(`,"\`, list[i+1]) >= 0:
			i++
			word.WriteByte(list[i])
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			end()
		default:
			word.WriteByte(c)
		}
	}
	if quoted {
		return nil, errors.New("a double quote is not closed")
	}
	end()
	return opts, nil
}

func parse(word string) Option {
	name, value, has := strings.Cut(word, "=")
	return Option{Name: Normalize(name), Raw: name, Value: value, HasValue: has}
}

// Normalize spells a name as our flags do: users of goofys and blobfuse2 write
// "--flag" inside -o, users of rclone and s3fs write "_" for "-". The name of an
// environment variable (env.NAME) stays as it is.
func Normalize(name string) string {
	name = strings.TrimPrefix(strings.TrimSpace(name), "--")
	if strings.HasPrefix(name, "env.") {
		return name
	}
	return strings.ReplaceAll(name, "_", "-")
}
