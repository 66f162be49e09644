package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Memory is what of past commands survives a restart.
type Memory struct {
	Streams map[string]Remembered `json:"streams"`
	// Retained is the last retained command, so that the broker handing it out
	// again after a restart does not undo a later one.
	Retained string `json:"retained,omitempty"`
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
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Memory{}, nil
	}
	if err == nil && info.Size() > maxMemory {
		err = fmt.Errorf("%d bytes are more than it can hold", info.Size())
	}
	if err != nil {
		return Memory{}, fmt.Errorf("remembering intervals: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Memory{}, fmt.Errorf("remembering intervals: %w", err)
	}
	var m Memory
	if err := json.Unmarshal(text, &m); err != nil {
		return Memory{}, fmt.Errorf("remembering intervals: %s is damaged (%w): starting with the configured ones", path, err)
	}
	return m, nil
}

// SaveMemory writes m so that after a power cut either the old or the new
// content is there. It makes the file's folder if needed.
func SaveMemory(path string, m Memory) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keeping intervals for the next start: %w", err)
	}
	if err := replaceFile(path, append(text, '\n')); err != nil {
		return fmt.Errorf("keeping intervals for the next start: %w", err)
	}
	return nil
}

func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
