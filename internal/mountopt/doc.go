// Package mountopt reads the comma-separated option list that mount(8) and its
// users write after -o, and says what becomes of the options that belong to the
// kernel, to mount(8) or to systemd rather than to zs3fs.
//
// It knows nothing of zs3fs's own options, changes nothing and does no I/O.
package mountopt
