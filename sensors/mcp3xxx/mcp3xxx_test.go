package mcp3xxx

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/internal/chips"
	"sensor-agent/internal/chips/vectors"
	"sensor-agent/sensors"
	"sensor-agent/sensors/adc"
)

func TestFrameVectors(t *testing.T) {
	type row struct {
		ID          string
		Channel     int
		SingleEnded bool `json:"single_ended"`
		Tx, Rx      string
		Value       int
	}
	for kind, bits := range map[string]int{"mcp3008_frame": 10, "mcp3208_frame": 12} {
		for _, r := range vectors.Rows[row](t, kind) {
			if tx := request(bits, r.Channel); r.SingleEnded && tx != whole(t, bits, r.Tx) {
				t.Errorf("%s: request % x, want %s and as long again", r.ID, tx, r.Tx)
			}
			if got, err := result(bits, whole(t, bits, r.Rx)); err != nil || got != r.Value {
				t.Errorf("%s: %d, %v; want %d", r.ID, got, err, r.Value)
			}
		}
	}
}

func TestFaultVectors(t *testing.T) {
	type row struct {
		ID    string
		Rx    string
		Valid bool
		Value int
	}
	for kind, bits := range map[string]int{"mcp3008_fault": 10, "mcp3208_fault": 12} {
		for _, r := range vectors.Rows[row](t, kind) {
			switch got, err := result(bits, whole(t, bits, r.Rx)); {
			case r.Valid && (err != nil || got != r.Value):
				t.Errorf("%s: %d, %v; want %d", r.ID, got, err, r.Value)
			case !r.Valid && !errors.Is(err, errNoNullBit):
				t.Errorf("%s: %d, %v; want the null bit missed", r.ID, got, err)
			}
		}
	}
}

// whole makes a frame of one that ends with the value, as the vectors do: the
// chip goes on with it from the second lowest bit up.
func whole(t *testing.T, bits int, short string) (f frame) {
	t.Helper()
	n, err := strconv.ParseUint(short, 16, 24)
	if err != nil {
		t.Fatalf("frame %q: %v", short, err)
	}
	value := n
	for range bits - 1 {
		value >>= 1
		n = n<<1 | value&1
	}
	binary.BigEndian.PutUint32(f[:], uint32(n))
	return f
}

// planned configures the driver of that name.
func planned(t *testing.T, name string, vref float64, channels ...adc.Channel) (sensors.Plan, error) {
	t.Helper()
	for _, d := range Drivers() {
		if d.Name == name {
			return d.Configure(func(o any) error {
				*o.(*options) = options{Vref: vref, Channels: channels}
				return nil
			})
		}
	}
	t.Fatalf("no driver %s", name)
	return sensors.Plan{}, nil
}

func opened(t *testing.T, port spi.Port, name string, vref float64, channels ...adc.Channel) sensors.Sensor {
	t.Helper()
	plan, err := planned(t, name, vref, channels...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := plan.Open(t.Context(), sensors.Wire{SPI: port, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadEveryChannel(t *testing.T) {
	for _, d := range Drivers() {
		t.Run(d.Name, func(t *testing.T) {
			channels, bits := int(d.Name[6]-'0'), 10
			if d.Name[4] == '2' {
				bits = 12
			}
			chip := chips.NewMCP3xxx(bits, channels)
			var port chips.Port
			port.Plug(chip)
			port.Fault(func(_, r []byte) error { // nobody drives the line before the null bit
				r[0] ^= 0xA5
				return nil
			})
			var configured []adc.Channel
			var want sensors.Reading
			for ch := channels - 1; ch >= 0; ch-- {
				raw := uint16(ch*ch*ch+1) << (bits - 10)
				chip.Set(ch, raw)
				configured = append(configured, adc.Channel{Channel: ch, Key: string(rune('a' + ch))})
				want = append(want, sensors.Value(float64(raw)*5/float64(int(1)<<bits)))
			}
			s := opened(t, &port, d.Name, 5, configured...)
			before := port.Transfers()
			got, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("reading (-want +got)\n%s", diff)
			}
			if n := port.Transfers() - before; n != channels {
				t.Errorf("%d transfers for %d channels", n, channels)
			}
			if _, err := planned(t, d.Name, 5, adc.Channel{Channel: channels}); err == nil {
				t.Errorf("channel %d can be configured", channels)
			}
		})
	}
}

func TestReadConverts(t *testing.T) {
	chip := chips.NewMCP3xxx(10, 8)
	var port chips.Port
	port.Plug(chip)
	s := opened(t, &port, "mcp3008", 3.3,
		adc.Channel{Channel: 0, Quantity: "illuminance", LDR: &adc.LDR{Fixed: 10_000, R10: 15_000, Gamma: new(0.7)}},
		adc.Channel{Channel: 1},
		adc.Channel{Channel: 1, Quantity: "fraction"},
		adc.Channel{Channel: 2, Quantity: "temperature", Linear: &adc.Linear{Scale: 100, Offset: -50}})
	chip.Set(0, 512)
	chip.Set(1, 1023)
	chip.Set(2, 232)
	got, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{10 * math.Pow(1.5, 1/0.7), 3.296777, 0.999023, 24.765625}
	for i, v := range want {
		if math.Abs(got[i].Value-v) > 1e-6 {
			t.Errorf("measurement %d: %+v, want %v", i, got[i], v)
		}
	}
	for raw, part := range map[uint16]string{0: "too dark", 1023: "too bright"} {
		chip.Set(0, raw)
		got, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Valid() || !strings.Contains(got[0].Reason, part) {
			t.Errorf("light cell at %d: %+v, want no value as it is %s", raw, got[0], part)
		}
		if !got[1].Valid() || !got[2].Valid() {
			t.Errorf("light cell at %d: the other channels have no value: %+v", raw, got)
		}
	}
}

func TestConnectsWithinTheDataSheet(t *testing.T) {
	var port chips.Port
	port.Plug(chips.NewMCP3xxx(12, 4))
	opened(t, &port, "mcp3204", 3.3, adc.Channel{})
	clock, mode, bits := port.Settings()
	if clock > physic.MegaHertz || mode != spi.Mode0 || bits != 8 {
		t.Errorf("%v, %v, %d bits; want at most 1 MHz, mode 0, 8 bits", clock, mode, bits)
	}
}

func TestOpenWithoutAChip(t *testing.T) {
	plan, err := planned(t, "mcp3008", 3.3, adc.Channel{})
	if err != nil {
		t.Fatal(err)
	}
	var port chips.Port
	s, err := plan.Open(t.Context(), sensors.Wire{SPI: &port})
	if s != nil || !errors.Is(err, sensors.ErrNotFound) || !strings.Contains(err.Error(), "check its power") {
		t.Errorf("sensor %v, error %v; want ErrNotFound and what to check", s, err)
	}
	// A bus that fails says nothing of the chip.
	cause := errors.New("bus hangs")
	port.Fault(func(_, _ []byte) error { return cause })
	if _, err := plan.Open(t.Context(), sensors.Wire{SPI: &port}); !errors.Is(err, cause) || errors.Is(err, sensors.ErrNotFound) {
		t.Errorf("error %v, want the bus's", err)
	}
}

func TestChipPulledOutAndBack(t *testing.T) {
	chip := chips.NewMCP3xxx(10, 8)
	chip.Set(6, 512)
	var port chips.Port
	port.Plug(chip)
	s := opened(t, &port, "mcp3008", 3.3, adc.Channel{Channel: 6})
	port.Plug(nil)
	if r, err := s.Read(t.Context()); r != nil || err == nil || !strings.Contains(err.Error(), "channel 6") || !strings.Contains(err.Error(), "check its power") {
		t.Errorf("pulled out: %v, %v", r, err)
	}
	port.Plug(chip)
	if r, err := s.Read(t.Context()); err != nil || r[0].Value != 1.65 {
		t.Errorf("put back: %v, %v", r, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	var port chips.Port
	port.Plug(chips.NewMCP3xxx(10, 8))
	s := opened(t, &port, "mcp3008", 3.3, adc.Channel{Channel: 0}, adc.Channel{Channel: 1, Key: "b"})
	ctx, cancel := context.WithCancel(t.Context())
	before := port.Transfers()
	port.Fault(func(_, _ []byte) error { cancel(); return nil })
	if _, err := s.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if n := port.Transfers() - before; n != 1 {
		t.Errorf("%d transfers, want none after the context ended in the first", n)
	}
}

func TestBadOptions(t *testing.T) {
	for _, test := range []struct {
		option   string
		vref     float64
		channels []adc.Channel
	}{
		{"vref", 0, []adc.Channel{{}}},
		{"vref", math.NaN(), []adc.Channel{{}}},
		{"channels", 3.3, nil},
		{"channels[0]", 3.3, []adc.Channel{{Quantity: "illuminance"}}},
	} {
		_, err := planned(t, "mcp3008", test.vref, test.channels...)
		var bad *sensors.OptionError
		if !errors.As(err, &bad) || bad.Option != test.option {
			t.Errorf("%+v: %v, want an error of %s", test, err, test.option)
		}
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	chip := chips.NewMCP3xxx(12, 8)
	chip.Set(1, 1000)
	var port chips.Port
	port.Plug(chip)
	s := opened(t, &port, "mcp3208", 3.3, adc.Channel{LDR: &adc.LDR{}}, adc.Channel{Channel: 1})
	ctx := t.Context()
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := s.Read(ctx); err != nil {
			t.Error(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations in a Read", allocs)
	}
}

// Whatever comes over the wire: an error, a finite value, or why there is none.
func FuzzRead(f *testing.F) {
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF}, []byte{0xFF, 0xFF, 0xFF, 0xFF})
	f.Add([]byte{0, 0, 0, 0}, []byte{0, 7, 0xFF, 0xFF})
	f.Add([]byte{0, 0, 0, 0}, []byte{0xE0, 0xE2, 0x0F, 0})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, name := range []string{"mcp3008", "mcp3208"} {
			var port chips.Port
			port.Plug(chips.NewMCP3xxx(12, 8))
			s := opened(t, &port, name, 3.3, adc.Channel{LDR: &adc.LDR{}}, adc.Channel{Channel: 1, Quantity: "fraction"})
			replies := [][]byte{first, second}
			port.Fault(func(_, r []byte) error {
				if len(replies) > 0 {
					copy(r, replies[0])
					replies = replies[1:]
				}
				return nil
			})
			reading, err := s.Read(t.Context())
			if err != nil {
				continue
			}
			for i, m := range reading {
				if !m.Valid() && m.Reason == "" {
					t.Errorf("%s: measurement %d is %+v after % x", name, i, m, [][]byte{first, second})
				}
			}
		}
	})
}
