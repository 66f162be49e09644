// Package soak lets sensors run for half an hour of troubles: every few seconds
// a wire is disturbed, a chip pulled out, replaced or starved, an adapter gone
// or stuck. Behind real drivers, buses and streams stand simulated chips, and
// time is that of a testing/synctest bubble, so it takes seconds.
//
// What must hold all the while: no wrong value passes for a good one, no stream
// is late by more than its grid, a sensor is back within one interval of the
// end of its trouble, and nothing grows.
package soak

import (
	"context"
	"encoding/hex"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/internal/bus"
	"sensor-agent/internal/chips"
	"sensor-agent/internal/config"
	"sensor-agent/internal/sampler"
	"sensor-agent/sensors"
	"sensor-agent/sensors/catalog"
)

const interval = time.Second

// configuration is of the agent in the bubble. Each stream is on a bus of its
// own, but for the clock, which is on none.
const configuration = `
device: mast
sensors:
  - {name: bme280, driver: bme280, bus: "1", address: 0x76}
  - {name: bme680, driver: bme680, bus: "1", address: 0x77, keys: {temp: temp2, humi: humi2, pressure: pressure2}}
  - {name: ads1115, driver: ads1115, bus: "3", channels: [{channel: 0}, {channel: 1, key: other}]}
  - {name: bh1750, driver: bh1750, bus: "3"}
  - {name: mcp3008, driver: mcp3008, bus: "0.0", channels: [{channel: 0}, {channel: 5, key: other}]}
  - {name: clock, driver: simulated, shape: counter}
streams:
  - {name: air, topic: t/air, sensors: [bme280, bme680]}
  - {name: light, topic: t/light, sensors: [ads1115, bh1750]}
  - {name: slider, topic: t/slider, interval: 100ms, sensors: [mcp3008]}
  - {name: clock, topic: t/clock, interval: 100ms, sensors: [clock]}
`

// truth is what each output has to say, and how far it may be off for the
// noise the chips are given. The chips of the data sheets' examples are used.
var truth = map[string]struct{ value, off float64 }{
	"bme280.temp":     {25.08, 0.011},
	"bme280.humi":     {57.13, 0.02},
	"bme280.pressure": {1006.53, 0.05},
	"bme680.temp":     {27.35, 0.011},
	"bme680.humi":     {56.06, 0.02},
	"bme680.pressure": {1009.61, 0.05},
	"bme680.gas":      {952891, 8000},
	"ads1115.voltage": {2.5, 1e-4},
	"ads1115.other":   {3.75, 1e-4},
	"bh1750.light":    {345, 345 / 5.}, // so much by a bit flipped in its sensitivity
	"mcp3008.voltage": {1.65, 0.004},
	"mcp3008.other":   {0.33, 0.004},
}

// replaced is what the second BME280 has to say, which has another calibration
// and finds other raw values: either with the calibration of the other chip
// would be neither.
var replaced = map[string]float64{"bme280.temp": 26.18, "bme280.humi": 54.39, "bme280.pressure": 1017.13}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// bench is the chips, their wires, and what was seen of them.
type bench struct {
	t      *testing.T
	one    wire // bus 1
	three  wire // bus 3
	spi    port
	bme280 [2]*chips.BME280
	bme680 *chips.BME680
	ads    *chips.ADS1115
	bh     *chips.BH1750
	mcp    *chips.MCP3xxx

	mu      sync.Mutex
	which   int                  // of the BME280s is plugged in
	good    map[string]time.Time // the last good reading of each sensor
	ticks   [4]int
	values  int
	wrong   int
	doubted int
	lacking int
	latest  [4]time.Duration // the most a stream was late
}

func newBench(t *testing.T, seed uint64) *bench {
	b := &bench{t: t, good: map[string]time.Time{}}
	for i, t := range []*trouble{&b.one.trouble, &b.three.trouble, &b.spi.trouble} {
		t.rng, t.bits = rand.New(rand.NewPCG(seed, uint64(i+2))), map[string]int{}
	}
	calib := [26]byte(unhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017004b"))
	calibH := [7]byte(unhex("6a01001323031e"))
	b.bme280[0] = chips.NewBME280(calib, calibH)
	calib[0] += 100 // T1 of another chip
	b.bme280[1] = chips.NewBME280(calib, calibH)
	b.bme680 = chips.NewBME680(chips.BME680Variant,
		[23]byte(unhex("a1670300c0920ed8589b03220dff361e66275df53ff11e")),
		[14]byte(unhex("3ea42b002d14789c406520e0cb12")), [5]byte(unhex("15b007f4fa")))
	b.ads, b.bh, b.mcp = chips.NewADS1115(), chips.NewBH1750(), chips.NewMCP3xxx(10, 8)
	b.ads.Set(0, 20000)
	b.ads.Set(1, 30000)
	b.bh.Shine(345)
	b.mcp.Set(0, 512)
	b.mcp.Set(5, 102)
	b.one.Plug(0x76, b.bme280[0])
	b.one.Plug(0x77, b.bme680)
	b.three.Plug(0x48, b.ads)
	b.three.Plug(0x23, b.bh)
	b.spi.Plug(b.mcp)
	return b
}

func upTo(rng *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(rng.Int64N(int64(d) + 1))
}

// weather is the noise that every pressure has, and a gas sensor, until ctx ends.
func (b *bench) weather(ctx context.Context, rng *rand.Rand) {
	for ctx.Err() == nil {
		noise := uint32(rng.IntN(16)) - 8
		b.bme280[0].SetRaw(519888, 415148+noise, 30000)
		b.bme280[1].SetRaw(525000, 410000+noise, 29500)
		field := [17]byte(unhex("800049e7207a5b9054c800000090b30000"))
		field[4] = byte(rng.IntN(16)) << 4
		field[14] = 0xB3 | byte(rng.IntN(2))<<6 // one bit of the gas resistance
		b.bme680.SetField(field)
		time.Sleep(100 * time.Millisecond)
	}
}

// deliver holds each tick against the truth.
func (b *bench) deliver(c *config.Config, tick sampler.Tick) {
	b.mu.Lock()
	defer b.mu.Unlock()
	stream := c.Streams[tick.Stream]
	b.ticks[tick.Stream]++
	b.latest[tick.Stream] = max(b.latest[tick.Stream], time.Since(tick.At))
	for i, r := range tick.Readings {
		sensor := stream.Sensors[i]
		well := r != nil
		for j, m := range r {
			b.values++
			key := sensor.Name + "." + sensor.Plan.Outputs[j].Key
			switch want, known := truth[key]; {
			case !m.Valid():
				b.lacking++
				well = well && strings.HasSuffix(key, ".gas")
			case m.Quality != sensors.Good:
				b.doubted++
				well = well && m.Quality == sensors.WarmingUp
			case known && math.Abs(m.Value-want.value) > want.off && math.Abs(m.Value-replaced[key]) > want.off:
				b.wrong++
				b.t.Errorf("%s is %v and passes for good, but is %v", key, m.Value, want.value)
			}
		}
		if well {
			b.good[sensor.Name] = tick.At
		}
	}
}

func TestHalfAnHourOfTroubles(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		synctest.Test(t, func(t *testing.T) { soak(t, seed, 30*time.Minute) })
	}
}

func soak(t *testing.T, seed uint64, lasts time.Duration) {
	rng := rand.New(rand.NewPCG(seed, 0))
	b := newBench(t, seed)
	log := slog.New(slog.DiscardHandler)
	c, err := config.Parse("soak.yaml", []byte(configuration), config.Environment{Drivers: catalog.Drivers(), Hostname: "mast"})
	if err != nil {
		t.Fatal(err)
	}
	buses := bus.Simulated(log, func(n int) (i2c.Bus, error) {
		w := map[int]*wire{1: &b.one, 3: &b.three}[n]
		return w, w.opened()
	}, func(int, int) (spi.Port, error) { return &b.spi, b.spi.opened() })
	var list []sampler.Sensor
	index := map[*config.Sensor]int{}
	for i, s := range c.Sensors {
		index[s] = i
		list = append(list, sampler.Sensor{
			Name: s.Name, Plan: s.Plan, Bus: string(s.Kind) + s.Bus, Reopen: func() { buses.Reopen(s.Kind, s.Bus) },
			Wire: func() (w sensors.Wire, err error) {
				w = sensors.Wire{Address: s.Address, Log: log}
				switch s.Kind {
				case sensors.I2C:
					w.I2C, err = buses.I2C(s.Bus)
				case sensors.SPI:
					w.SPI, err = buses.SPI(s.Bus)
				}
				return w, err
			},
		})
	}
	var streams []sampler.Stream
	for _, s := range c.Streams {
		st := sampler.Stream{Name: s.Name, Interval: s.Interval}
		for _, sensor := range s.Sensors {
			st.Sensors = append(st.Sensors, index[sensor])
		}
		streams = append(streams, st)
	}
	sampling := sampler.New(list, streams, func(tick sampler.Tick) { b.deliver(c, tick) }, func(int, sampler.Health) {}, log)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { b.weather(ctx, rand.New(rand.NewPCG(seed, 1))) })
	running.Go(func() {
		if err := sampling.RunSimulated(ctx); err != nil {
			t.Error(err)
		}
	})
	defer func() {
		cancel()
		running.Wait()
		if err := buses.Close(); err != nil {
			t.Error(err)
		}
	}()

	start := time.Now()
	time.Sleep(5 * time.Second)
	synctest.Wait()
	before := runtime.NumGoroutine()
	befallen := 0
	for time.Since(start) < lasts && !t.Failed() {
		f := faults[rng.IntN(len(faults))]
		befallen++
		end := f.befall(b, rng)
		time.Sleep(f.lasts/8 + upTo(rng, f.lasts))
		end()
		ended := time.Now()
		time.Sleep(interval + f.allowed + 900*time.Millisecond) // the tick, and what it may take
		synctest.Wait()
		b.mu.Lock()
		for name := range strings.FieldsSeq(f.sensors) {
			if b.good[name].Before(ended) {
				t.Errorf("seed %d, %v after the start: %s: %s is not back: %v", seed, ended.Sub(start), f.name, name, sampling.Health(position(c, name)))
			}
		}
		b.mu.Unlock()
		time.Sleep(upTo(rng, 3*time.Second))
	}
	b.mu.Lock()
	defer b.mu.Unlock() // before the sampler is stopped
	for i, s := range c.Streams {
		if b.latest[i] > s.Interval {
			t.Errorf("seed %d: a message of the stream %s was late by %v", seed, s.Name, b.latest[i])
		}
		if missed := sampling.Missed(i); missed > 0 {
			t.Errorf("seed %d: the stream %s missed %d ticks of %d", seed, s.Name, missed, b.ticks[i])
		}
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("seed %d: %d goroutines at first, %d at the end", seed, before, after)
	}
	t.Logf("seed %d: %d faults, %d values: %d wrong, %d marked, %d missing; %v ticks, late by at most %v", seed, befallen, b.values, b.wrong, b.doubted, b.lacking, b.ticks, b.latest)
}

func position(c *config.Config, name string) int {
	for i, s := range c.Sensors {
		if s.Name == name {
			return i
		}
	}
	return -1
}
