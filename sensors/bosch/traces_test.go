package bosch

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
)

// A trace is every transaction of the maker's driver in one forced
// measurement; see testdata/README.md.
type trace struct {
	Chip     string     `json:"chip"`
	Row      string     `json:"calib_from_vector"`
	Copy     int64      `json:"sim_nvm_us"`
	Measure  int64      `json:"sim_meas_us"`
	Config   traceSetup `json:"config"`
	Returned []int      `json:"rc"`
	Result   []float64  `json:"result"`
	Ops      []traceOp  `json:"ops"`
}

// A traceSetup is in register codes, and under the names of either driver.
type traceSetup struct {
	T280         int  `json:"osr_t"`
	P280         int  `json:"osr_p"`
	H280         int  `json:"osr_h"`
	T            int  `json:"os_t"`
	P            int  `json:"os_p"`
	H            int  `json:"os_h"`
	Filter       int  `json:"filter"`
	HeaterOn     byte `json:"heater_enable"`
	HeaterTemp   int  `json:"heater_temp_c"`
	HeaterMillis int  `json:"heater_dur_ms"`
}

type traceOp struct {
	Op    string `json:"op"`
	Reg   string `json:"reg"`
	Data  string `json:"data"`
	Wire  string `json:"wire"`
	Delay int64  `json:"us"`
}

// simulated is the trace's chip, with the results of the row if there is one.
func (tr trace) simulated(r row) chips.Chip {
	block := map[string][]byte{}
	for _, op := range tr.Ops {
		if op.Op == "r" {
			block[op.Reg] = unhex(op.Data)
		}
	}
	measure, copying := time.Duration(tr.Measure)*time.Microsecond, time.Duration(tr.Copy)*time.Microsecond
	if tr.Chip == "bme280" {
		c := chips.NewBME280([26]byte(block["0x88"]), [7]byte(block["0xe1"]))
		c.MeasureTime, c.CopyTime = measure, copying
		c.SetRaw(r.Raw.T, r.Raw.P, r.Raw.H)
		return c
	}
	c := chips.NewBME680(block["0xf0"][0], [23]byte(block["0x8a"]), [14]byte(block["0xe1"]), [5]byte(block["0x00"]))
	c.MeasureTime = measure
	c.SetRaw(chips.BME680Raw{
		Temperature: r.Raw.T, Pressure: r.Raw.P, Humidity: r.Raw.H,
		Gas: r.Raw.Gas, GasRange: r.Raw.Range, GasValid: r.Flags.GasValid, HeatStable: r.Flags.HeatStable,
	})
	return c
}

// plan configures the trace's settings.
func (tr trace) plan(t *testing.T) sensors.Plan {
	c := tr.Config
	if tr.Chip == "bme280" {
		return configured(t, tr.Chip, func(o *BME280Options) {
			o.OversamplingTemperature, o.OversamplingHumidity, o.OversamplingPressure = 1<<c.T280>>1, 1<<c.H280>>1, 1<<c.P280>>1
			o.Filter = 1 << c.Filter &^ 1
		})
	}
	return configured(t, tr.Chip, func(o *BME68xOptions) {
		o.OversamplingTemperature, o.OversamplingHumidity, o.OversamplingPressure = 1<<c.T>>1, 1<<c.H>>1, 1<<c.P>>1
		o.Filter = 1<<c.Filter - 1
		o.HeaterTemperature = 0
		if c.HeaterOn != 0 {
			o.HeaterTemperature = c.HeaterTemp
			o.HeaterDuration = time.Duration(c.HeaterMillis) * time.Millisecond
		}
	})
}

// failed reports whether the maker's driver gave a wrong result or none: it
// took the reset values for one, or found no new data.
func (tr trace) failed() bool {
	var last string
	for _, op := range tr.Ops {
		if op.Reg == "0xf7" {
			last = op.Data
		}
	}
	return last == "8000008000008000" || tr.Returned[len(tr.Returned)-1] != 0
}

// result is the trace's result as the sensor gives it. The maker's rounding
// differs from the datasheet's, and its float build from its integer build.
func (tr trace) result() []expected {
	v := tr.Result
	switch {
	case tr.Chip == "bme280":
		return []expected{{v[0] / 100, 0.02}, {v[2] / 1024, 0.005}, {v[1] / 1e4, 0.001}}
	case v[0] != math.Trunc(v[0]):
		return []expected{{v[0], 0.0073}, {v[2], 0.053}, {v[1] / 100, 0.09}, {v[3], v[3] * 0.0024}}
	}
	return []expected{{v[0] / 100, 0}, {v[2] / 1000, 0}, {v[1] / 100, 0}, {v[3], 0}}
}

func TestTraces(t *testing.T) {
	rows := map[string]row{}
	for _, path := range glob(t, "vectors_bme*.jsonl", "testdata", os.Getenv("VECTORS_DIR")) {
		for _, r := range loadRows(t, path) {
			rows[r.ID] = r
		}
	}
	for _, path := range glob(t, "traces_*.json", "testdata", os.Getenv("VECTORS_DIR")) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var tr trace
		if err := json.Unmarshal(b, &tr); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		r, ok := rows[tr.Row]
		if !ok && !tr.failed() {
			t.Errorf("%s: no row %s", path, tr.Row)
			continue
		}
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name+"/chip", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tr.replay(t, tr.simulated(r)) })
		})
		t.Run(name+"/driver", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tr.read(t, tr.simulated(r), r) })
		})
	}
}

// replay holds the simulated chip to the trace: what the maker's driver wrote
// must be answered as it was.
func (tr trace) replay(t *testing.T, c chips.Chip) {
	for i, op := range tr.Ops {
		switch op.Op {
		case "delay":
			time.Sleep(time.Duration(op.Delay) * time.Microsecond)
		case "w":
			if err := c.Tx(unhex(op.Wire), nil); err != nil {
				t.Fatalf("op %d: %v", i, err)
			}
		case "r":
			reg, err := strconv.ParseUint(op.Reg, 0, 8)
			if err != nil {
				t.Fatalf("op %d: %v", i, err)
			}
			want := unhex(op.Data)
			got := make([]byte, len(want))
			if err := c.Tx([]byte{byte(reg)}, got); err != nil {
				t.Fatalf("op %d: %v", i, err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("op %d: register %s reads %x, want %x", i, op.Reg, got, want)
			}
		default:
			t.Fatalf("op %d: unknown %q", i, op.Op)
		}
	}
}

// read holds the driver to the trace's result, or where the maker's driver
// failed, to a value in time or an error in time.
func (tr trace) read(t *testing.T, c chips.Chip, r row) {
	plan := tr.plan(t)
	s := newBench(c).open(t, plan)
	start := time.Now()
	reading, err := s.Read(context.Background())
	took := time.Since(start)
	if took > plan.Takes {
		t.Errorf("Read took %v, more than the planned %v", took, plan.Takes)
	}
	if time.Duration(tr.Measure)*time.Microsecond > plan.Takes {
		if err == nil {
			t.Errorf("Read = %v of a chip that is never ready", reading)
		}
		return
	}
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	if took < time.Duration(tr.Measure)*time.Microsecond {
		t.Errorf("Read ended after %v, before the chip was ready", took)
	}
	got := values(t, reading)
	checkReading(t, got, r.want())
	if !tr.failed() {
		want := tr.result()
		if len(want) == 4 && tr.Config.HeaterOn == 0 {
			want[3].value = none
		}
		checkReading(t, got, want)
	}
	if c, ok := c.(*chips.BME680); ok {
		tr.checkRegisters(t, c)
	}
}

// checkRegisters compares what the driver set with what the maker's did,
// except the heater's target, which depends on the temperature around it.
func (tr trace) checkRegisters(t *testing.T, c *chips.BME680) {
	want := map[byte]byte{}
	for _, op := range tr.Ops {
		wire := unhex(op.Wire)
		for i := 0; i+1 < len(wire); i += 2 {
			want[wire[i]] = wire[i+1]
		}
	}
	want[bme68xCtrlMeas] &^= modeMask
	for reg, v := range want {
		if reg == regReset || reg == bme68xResHeat {
			continue
		}
		if got := c.Register(reg); got != v {
			t.Errorf("register %#02x = %#02x, want %#02x", reg, got, v)
		}
	}
}
