package simulated

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// A fault is what the fault file asks for.
type fault string

const (
	none    fault = ""
	broken  fault = "error"  // every reading fails
	hanging fault = "hang"   // a reading does not come back while the fault lasts
	absent  fault = "absent" // readings fail, and so does opening
	stuck   fault = "stuck"  // the last reading again and again
)

// fault reads the fault file; a file that is not there means no fault.
func (s *sensor) fault() (fault, error) {
	if s.options.FaultFile == "" {
		return none, nil
	}
	text, err := os.ReadFile(s.options.FaultFile)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("reading the fault file: %w", err)
	}
	f := fault(strings.TrimSpace(string(text)))
	switch f {
	case none, broken, hanging, absent, stuck:
		return f, nil
	}
	return none, fmt.Errorf("fault file %s holds %q: write error, hang, absent or stuck, or remove it", s.options.FaultFile, f)
}

// hang does not come back before the fault is over. It heeds no context: that
// is the fault it stands for.
func (s *sensor) hang() {
	for {
		time.Sleep(50 * time.Millisecond)
		if f, err := s.fault(); err != nil || f != hanging {
			return
		}
	}
}
