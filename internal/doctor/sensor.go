package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"sensor-agent/internal/bus"
	"sensor-agent/internal/config"
	"sensor-agent/sensors"
)

const (
	// openTime is what opening a sensor may take beside reading it: several
	// transactions that end at their own deadline.
	openTime = 6 * time.Second
	// sensorsTime bounds the reading of all sensors.
	sensorsTime = 15 * time.Second
)

// Addresses says which of the sensors' addresses the kernel's own drivers use:
// each then disturbs the other's measurements.
func (m Machine) Addresses(list []*config.Sensor) []Finding {
	var found []Finding
	for _, s := range list {
		if s.Kind != sensors.I2C {
			continue
		}
		driver, err := os.Readlink(fmt.Sprintf("%s/sys/bus/i2c/devices/%s-%04x/driver", m.Root, s.Bus, s.Address))
		if err != nil {
			continue
		}
		found = append(found, Finding{
			Address, Failed, fmt.Sprintf("%#02x on I2C bus %s (sensor %s) belongs to the kernel's driver %s", s.Address, s.Bus, s.Name, filepath.Base(driver)),
			"take that driver's dtoverlay line out of /boot/firmware/config.txt and restart, or read it through the kernel: driver iio or hwmon",
		})
	}
	if len(found) == 0 {
		found = append(found, ok(Address, "the kernel's own drivers use none of the sensors' addresses"))
	}
	return found
}

// A Reader opens a sensor, reads it and closes it, as an agent does, and heeds
// the end of ctx whatever the driver does. log takes what the driver says.
type Reader func(ctx context.Context, s *config.Sensor, log *slog.Logger) (sensors.Reading, error)

// Sensors reads each sensor once: those of a bus one after the other, so that
// the fault of one is not taken for another's. It returns what was read as
// well, nil for what could not be.
func Sensors(ctx context.Context, list []*config.Sensor, read Reader) ([]sensors.Reading, []Finding) {
	ctx, cancel := context.WithTimeout(ctx, sensorsTime)
	defer cancel()
	readings := make([]sensors.Reading, len(list))
	found := make([]Finding, len(list))
	var wg sync.WaitGroup
	for _, indices := range byLine(list) {
		wg.Go(func() {
			stuck := false
			for _, i := range indices {
				switch s := list[i]; {
				case stuck:
					found[i] = skip(Sensor, "%s: not read, as the bus is stuck", s.Name)
				case ctx.Err() != nil:
					found[i] = Finding{Sensor, Failed, s.Name + ": not read, as those before it took too long", "mend those first"}
				default:
					var err error
					readings[i], found[i], err = readSensor(ctx, s, read)
					stuck = errors.Is(err, bus.ErrStuck)
				}
			}
		})
	}
	wg.Wait()
	return readings, found
}

// byLine groups the indices of sensors by their bus; those without one are
// alone.
func byLine(list []*config.Sensor) [][]int {
	groups := map[Line]int{}
	var all [][]int
	for i, s := range list {
		l := Line{s.Kind, s.Bus}
		if g, known := groups[l]; known && s.Kind != sensors.NoBus {
			all[g] = append(all[g], i)
			continue
		}
		groups[l] = len(all)
		all = append(all, []int{i})
	}
	return all
}

func readSensor(ctx context.Context, s *config.Sensor, read Reader) (sensors.Reading, Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, openTime+s.Plan.Takes)
	defer cancel()
	var said notes
	reading, err := read(ctx, s, slog.New(&said))
	if err != nil {
		otherwise := fmt.Sprintf("see %s in docs/drivers.md; `sensor-agent scan` shows what answers", s.Driver)
		return nil, failure(Sensor, fmt.Errorf("%s: %w", s.Name, err), otherwise), err
	}
	return reading, judge(s, reading, said.texts()), nil
}

// judge says how good a reading is. said is what the driver had to say of the
// chip it found.
func judge(s *config.Sensor, r sensors.Reading, said []string) Finding {
	var values, doubts []string
	worst := sensors.Good
	for i, m := range r {
		field := s.Fields[i]
		if !m.Valid() {
			doubts = append(doubts, fmt.Sprintf("no value for %s: %s", field.Key, m.Reason))
			continue
		}
		value := field.Key + " " + strconv.FormatFloat(m.Value, 'f', field.Decimals, 64) + " " + field.Quantity.Unit
		values = append(values, strings.TrimSpace(value))
		if m.Quality != sensors.Good {
			doubts = append(doubts, fmt.Sprintf("%s is %v: %s", field.Key, m.Quality, m.Reason))
		}
		worst = max(worst, m.Quality)
	}
	f := ok(Sensor, "%s: %s", s.Name, strings.Join(append(values, doubts...), "; "))
	switch {
	case len(values) == 0, worst == sensors.Suspect:
		f.Status, f.Do = Failed, fmt.Sprintf("check its wiring and supply; see %s in docs/drivers.md", s.Driver)
	case len(said) > 0, len(values) < len(r), worst == sensors.Stale:
		f.Status = Warning
	}
	if len(said) > 0 {
		f.Do = strings.Join(said, "; ")
	}
	return f
}

// notes are the warnings of a driver, such as that the chip is another one than
// was configured.
type notes struct {
	mu   sync.Mutex
	said []string
}

func (n *notes) texts() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.said
}

// Enabled implements [slog.Handler].
func (n *notes) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle implements [slog.Handler].
func (n *notes) Handle(_ context.Context, r slog.Record) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = append(n.said, r.Message)
	return nil
}

// WithAttrs implements [slog.Handler].
func (n *notes) WithAttrs([]slog.Attr) slog.Handler { return n }

// WithGroup implements [slog.Handler].
func (n *notes) WithGroup(string) slog.Handler { return n }
