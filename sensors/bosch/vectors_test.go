package bosch

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
)

// A row is one line of a file of reference values; see testdata/README.md.
type row struct {
	ID      string            `json:"id"`
	Calib   map[string]string `json:"calib"`
	Data    string            `json:"data_0xf7"`
	Field   string            `json:"field_0x1d"`
	Variant byte              `json:"variant"`
	Ambient int64             `json:"amb_c"`
	Heater  struct {
		Enable   bool  `json:"enable"`
		Celsius  int64 `json:"temp_c"`
		Duration int64 `json:"dur_ms"`
	} `json:"heater"`
	Conf struct {
		H      byte `json:"os_h"`
		P      byte `json:"os_p"`
		T      byte `json:"os_t"`
		Filter byte `json:"filter"`
		ODR    byte `json:"odr"`
	} `json:"conf"`
	Raw struct {
		T     uint32 `json:"t"`
		P     uint32 `json:"p"`
		H     uint16 `json:"h"`
		Gas   uint16 `json:"g"`
		Range byte   `json:"g_range"`
	} `json:"raw"`
	Skipped struct{ T, P, H bool } `json:"skipped"`
	Regs    map[string]*byte       `json:"regs"`
	Longest int64                  `json:"meas_dur_us"`
	Flags   struct {
		NewData    bool `json:"new_data"`
		GasValid   bool `json:"gas_valid"`
		HeatStable bool `json:"heat_stab"`
	} `json:"flags"`
	Datasheet struct {
		T *int64 `json:"t_centi"`
		P *int64 `json:"p_q24_8"`
		H *int64 `json:"h_q22_10"`
	} `json:"datasheet_int"`
	Int *struct {
		T        int64    `json:"t_centi"`
		P        int64    `json:"p_pa"`
		H        int64    `json:"h_milli_pct"`
		Gas      int64    `json:"gas_ohm"`
		Overflow []string `json:"overflow"`
	} `json:"bosch_int"`
	Float *struct {
		P float64 `json:"p_pa"`
		H float64 `json:"h_pct"`
	} `json:"bosch_float"`
}

// chip is the simulated chip with the row's calibration and results, junk in
// the reserved bits included.
func (r row) chip() chips.Chip {
	if strings.HasPrefix(r.ID, "bme280") {
		c := chips.NewBME280([26]byte(unhex(r.Calib["0x88"])), [7]byte(unhex(r.Calib["0xe1"])))
		c.SetData([8]byte(unhex(r.Data)))
		return c
	}
	c := chips.NewBME680(r.Variant, [23]byte(unhex(r.Calib["0x8a"])), [14]byte(unhex(r.Calib["0xe1"])), [5]byte(unhex(r.Calib["0x00"])))
	c.SetField([17]byte(unhex(r.Field)))
	return c
}

func (r row) driver() string { return r.ID[:len("bme280")] }

// An expected value: within tolerance, or none at all.
type expected struct{ value, tolerance float64 }

// want is the reading that the row's chip must give, channel by channel.
func (r row) want() []expected {
	if r.driver() == "bme280" {
		return r.want280()
	}
	t, h, p := expected{}, expected{}, expected{}
	t.value = float64(r.Int.T) / 100
	h.value = float64(r.Int.H) / 1000
	p.value = float64(r.Int.P) / 100
	// Where the maker's 32 bits wrapped, its floating point is right, but
	// rounds differently.
	if slices.Contains(r.Int.Overflow, "p_pa") {
		p = expected{r.Float.P / 100, 0.09}
	}
	if slices.Contains(r.Int.Overflow, "h_milli_pct") {
		h = expected{r.Float.H, 0.053}
	}
	if r.Skipped.T {
		t.value, h.value, p.value = none, none, none
	}
	if r.Skipped.H {
		h.value = none
	}
	if r.Skipped.P || p.value <= 0 {
		p.value = none
	}
	gas := expected{value: float64(r.Int.Gas)}
	if !r.Flags.GasValid || !r.Flags.HeatStable {
		gas.value = none
	}
	return []expected{t, h, p, gas}
}

func (r row) want280() []expected {
	t, h, p := expected{value: none}, expected{value: none}, expected{value: none}
	if r.Skipped.T {
		return []expected{t, h, p}
	}
	t.value = float64(*r.Datasheet.T) / 100
	if r.Datasheet.P != nil && !r.Skipped.P {
		p.value = float64(*r.Datasheet.P) / 25600
	}
	switch {
	case r.Skipped.H:
	case r.Datasheet.H == nil: // overflows in 32 bits: some humidity
		h = expected{50, 50}
	default:
		h.value = float64(*r.Datasheet.H) / 1024
	}
	return []expected{t, h, p}
}

func checkReading(t *testing.T, got []float64, want []expected) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d measurements, want %d", len(got), len(want))
	}
	for i, w := range want {
		if math.IsNaN(got[i]) != math.IsNaN(w.value) || math.Abs(got[i]-w.value) > w.tolerance {
			t.Errorf("%s = %v, want %v ± %v", quantities[familyOrder(len(want))[i]].Name, got[i], w.value, w.tolerance)
		}
	}
}

// familyOrder is the channels of a reading with n measurements.
func familyOrder(n int) []channel {
	return [][]channel{2: bmp280.measures, 3: bme280.measures, 4: bme680.measures}[n]
}

// TestVectors puts each row's calibration and results into a simulated chip
// and reads it through its driver. The rows are those of $VECTORS_DIR, else
// those of testdata.
func TestVectors(t *testing.T) {
	dir := cmp.Or(os.Getenv("VECTORS_DIR"), "testdata")
	seen := map[string]int{}
	for _, path := range glob(t, "vectors_*.jsonl", dir) {
		rows := loadRows(t, path)
		if len(rows) == 0 {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			for _, r := range rows {
				seen[r.driver()]++
				t.Run(r.ID, func(t *testing.T) { synctest.Test(t, r.test) })
			}
		})
	}
	for _, name := range []string{"bme280", "bme680", "bme688"} {
		if seen[name] == 0 {
			t.Errorf("no rows for %s", name)
		}
	}
}

func (r row) test(t *testing.T) {
	s := newBench(r.chip()).open(t, defaults(t, r.driver()))
	if r.driver() != "bme280" {
		r.testRegisters(t)
		if !r.Flags.NewData {
			if got, err := s.Read(context.Background()); err == nil {
				t.Errorf("Read = %v of a chip without new data", got)
			}
			return
		}
	}
	checkReading(t, read(t, s), r.want())
}

// testRegisters checks what would be written for the row's settings.
func (r row) testRegisters(t *testing.T) {
	calib := parseBME68x((*[23]byte)(unhex(r.Calib["0x8a"])), (*[14]byte)(unhex(r.Calib["0xe1"])), (*[5]byte)(unhex(r.Calib["0x00"])))
	s := settings{oversampling: [gas]byte{temperature: r.Conf.T, humidity: r.Conf.H, pressure: r.Conf.P}, filter: r.Conf.Filter}
	if got, want := bme68xLongest(s), time.Duration(r.Longest)*time.Microsecond; got != want {
		t.Errorf("longest measurement = %v, want %v", got, want)
	}
	if r.Heater.Enable {
		s.heater = int(r.Heater.Celsius)
	}
	setup := makeSetup(s, r.Variant)
	got := map[string]byte{
		"res_heat_0_int":  byte(calib.heaterResistance(min(r.Heater.Celsius, 400), r.Ambient)),
		"gas_wait_0":      gasWait(time.Duration(r.Heater.Duration) * time.Millisecond),
		"ctrl_gas_0_0x70": setup[0],
		"ctrl_gas_1_0x71": setup[1],
		"ctrl_hum_0x72":   setup[2],
		"ctrl_meas_0x74":  setup[4] | forced,
		"config_0x75":     setup[5],
	}
	for name, value := range got {
		want := *r.Regs[name]
		if r.Conf.ODR != 8 && name == "ctrl_gas_1_0x71" {
			want |= 0x80 // a standby time, which is of no use in forced mode
		}
		if name == "config_0x75" {
			want &= 0x1C // the rest of it
		}
		if value != want {
			t.Errorf("%s = %#02x, want %#02x", name, value, want)
		}
	}
}

// glob finds files in folders; "" is no folder.
func glob(t *testing.T, pattern string, dirs ...string) []string {
	t.Helper()
	var paths []string
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) == 0 {
		t.Fatalf("no %s in %q", pattern, dirs)
	}
	return paths
}

// loadRows reads a file of rows. A file that belongs to other packages has none;
// one that belongs to no package fails the test.
func loadRows(t *testing.T, path string) []row {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []row
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s: row %d: %v", path, len(rows)+1, err)
		}
		switch chip, _, _ := strings.Cut(r.ID, "-"); chip {
		case "bme280", "bme680", "bme688":
			rows = append(rows, r)
		case "adc":
			return nil // converters and light sensors
		default:
			t.Fatalf("%s: no test for row %q", path, r.ID)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}
