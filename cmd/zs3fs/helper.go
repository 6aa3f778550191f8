package main

import "strings"

// helperArgs translates what mount(8) passes to its helpers, SOURCE DIR
// [-sfnvrwN] [-o options] [-t type], into arguments of the mount sub-command.
// fake says that nothing is to be mounted (mount -f).
func helperArgs(in []string) (args []string, fake bool, err error) {
	args = []string{"mount", "--mount-helper"}
	var operands []string
	for i := 0; i < len(in); i++ {
		arg := in[i]
		if len(arg) < 2 || arg[0] != '-' {
			operands = append(operands, arg)
			continue
		}
		if name, isLong := strings.CutPrefix(arg, "--"); isLong {
			args = append(args, "--"+name)
			continue
		}
		for j := 1; j < len(arg); j++ {
			switch letter := arg[j]; letter {
			case 'o', 't', 'N':
				value := arg[j+1:]
				if value == "" {
					if i++; i == len(in) {
						return nil, false, fail(Usage, "-%c needs a value", letter)
					}
					value = in[i]
				}
				// -t is our own name, -N a name space that mount(8) has entered already.
				if letter == 'o' {
					args = append(args, "--option="+value)
				}
				j = len(arg)
			case 'f':
				fake = true
			case 's':
				args = append(args, "--sloppy")
			case 'w':
				args = append(args, "--option=rw")
			case 'n', 'v', 'r', 'i': // no mtab, verbose, read-only: nothing to do
			default:
				return nil, false, fail(Usage, "unknown option -%c from mount(8)", letter)
			}
		}
	}
	if len(operands) != 2 {
		return nil, false, fail(Usage, "a mount helper takes SOURCE and DIR, got %d arguments", len(operands))
	}
	return append(append(args, "--"), operands...), fake, nil
}
