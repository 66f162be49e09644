package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"sensor-agent/internal/durable"
)

// Memory is what of past commands survives a restart.
type Memory struct {
	Streams map[string]Remembered `json:"streams"`
	// Retained and Seen have hashes of the last retained command and of the
	// last commands at all, so that a retained one that the broker hands out
	// again after a restart does not undo a later one.
	Retained string   `json:"retained,omitempty"`
	Seen     []string `json:"seen,omitempty"`
}

// Remembered is the interval a command gave a stream, and the default it was
// given instead of.
type Remembered struct {
	Default  Duration `json:"default"`
	Interval Duration `json:"interval"`
}

// Duration is written as text: "1m30s".
type Duration struct{ time.Duration }

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(text))
	return err
}

const maxMemory = 1 << 20

// LoadMemory reads what [SaveMemory] wrote. A file that is not there is an
// empty memory; a damaged one is an error beside an empty memory.
func LoadMemory(path string) (Memory, error) {
	text, err := durable.Read(path, maxMemory)
	if errors.Is(err, fs.ErrNotExist) {
		return Memory{}, nil
	}
	var m Memory
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return Memory{}, fmt.Errorf("reading the intervals of the last run from %s: %w", path, err)
	}
	return m, nil
}

// SaveMemory writes m so that after a power cut either the old or the new
// content is there. It makes the file's folder if needed.
func SaveMemory(path string, m Memory) error {
	text, err := json.Marshal(m)
	if err == nil {
		err = durable.Write(path, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping intervals for the next start: %w", err)
	}
	return nil
}
