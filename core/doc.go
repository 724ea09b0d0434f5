// Package core holds Patchbay's nouns, their rules, and the interfaces between
// the parts of the server. It does no I/O and imports the standard library only;
// everything that touches a disk, a socket or a process sits in a package below
// core and is wired together in cmd/patchbay.
package core
