//go:build linux

package main

func (p *pi) showTools() {}
