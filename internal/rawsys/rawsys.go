// Package rawsys makes the few system calls of the steady state without
// telling Go's scheduler that a call begins.
//
// An ordinary call wakes the runtime's monitor thread whenever the process has
// been idle before it, and the monitor then polls at 20 µs for a while, in case
// the call blocks. For a program that wakes 100 times a second to do a few
// calls that do not block, this is a third of its processor time. So calls that
// return at once, those on non-blocking descriptors and those that copy into
// the page cache, are made raw. What may wait for a device (fsync, the ioctl of
// a bus) never is: while a raw call blocks, its processor is lost to the
// others.
package rawsys
