//go:build !linux

package doctor

import (
	"testing"

	"sensor-agent/internal/need"
)

// What only Linux lets a test be shown.
var diskSightings, hiddenSightings []sighting

func asNobody(t *testing.T, _ string, _ func() []Finding) []Finding {
	need.Lacking(t, "only root on Linux can be somebody else for a moment")
	return nil
}
