//go:build !linux

package sampler

func newTimer() (timer, error) { return newRuntimeTimer() }
