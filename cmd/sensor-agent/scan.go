package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"

	"sensor-agent/internal/bus"
	"sensor-agent/internal/scan"
	"sensor-agent/sensors"
	"sensor-agent/sensors/catalog"
)

func scanCommand() *subcommand {
	return &subcommand{
		name:    "scan",
		args:    "[--bus NAME] [--json]",
		summary: "finds the buses and chips of this device, and prints a configuration for them",
		help: `Chips are only read, never set, so nothing that is wired to a bus moves. What it
prints is a configuration as it stands: sensor-agent scan > config.yaml. An
agent that runs meanwhile may lose a reading. The exit code is 69 when nothing
was found or a bus does not work, 77 when this user may not use one.`,
		run: func(ctx context.Context, e *env, args []string) error {
			f := e.flags()
			name := f.String("bus", "", "look at this I2C bus only, even if it leads to a display: `NAME` as in 1 for /dev/i2c-1")
			asJSON := f.Bool("json", false, "print one JSON object instead, for programs")
			if err := e.parse(f, args, 0); err != nil {
				return err
			}
			if _, _, err := bus.Node(sensors.I2C, *name); err != nil {
				return usageError("scan: %v", err)
			}
			return scanDevice(ctx, e, *name, *asJSON)
		},
	}
}

func scanDevice(ctx context.Context, e *env, only string, asJSON bool) error {
	buses := bus.New(slog.New(slog.DiscardHandler)) // the report tells of those that hang
	defer buses.Close()
	report := scan.Device{Buses: buses, Drivers: catalog.Drivers()}.Scan(ctx, only)
	if err := show(e.stdout, report, asJSON); err != nil {
		return err
	}
	err := report.Err()
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return &exitError{exitUnavailable, err}
	}
	return err
}

func show(w io.Writer, r scan.Report, asJSON bool) error {
	if !asJSON {
		return r.Write(w)
	}
	j := json.NewEncoder(w)
	j.SetIndent("", "  ")
	return j.Encode(r)
}
