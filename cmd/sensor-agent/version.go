package main

import (
	"context"
	"fmt"
	"runtime"
)

// version is stamped by the build: -ldflags "-X main.version=v1.2.3".
var version = "dev"

func versionCommand() *subcommand {
	return &subcommand{
		name:    "version",
		summary: "prints the version",
		run: func(_ context.Context, e *env, args []string) error {
			if err := e.parse(e.flags(), args, 0); err != nil {
				return err
			}
			fmt.Fprintf(e.stdout, "sensor-agent %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
