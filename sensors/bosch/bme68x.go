package bosch

import (
	"context"
	"fmt"
	"time"

	"sensor-agent/sensors"
)

// Registers of the BME680 and BME688, BST-BME680-DS001 §5.2.
const (
	bme68xCalib1   = 0x8A // 23 bytes
	bme68xCalib2   = 0xE1 // 14 bytes
	bme68xCalib3   = 0x00 // 5 bytes
	bme68xField    = 0x1D // status, pressure, temperature, humidity, gas
	bme68xResHeat  = 0x5A // of heater profile 0
	bme68xGasWait  = 0x64 // of heater profile 0
	bme68xCtrlGas0 = 0x70
	bme68xCtrlGas1 = 0x71
	bme68xCtrlHum  = 0x72
	bme68xCtrlMeas = 0x74
	bme68xConfig   = 0x75
	regVariant     = 0xF0

	bme68xNewData    = 0x80 // in the field's status
	bme68xMeasuring  = 0x60 // in the field's status: the gas, or anything
	bme68xGasValid   = 0x20 // in the byte that ends a gas result
	bme68xHeatStable = 0x10 // in the byte that ends a gas result
)

// bme68xSetup is the registers 0x70..0x75, which hold all settings but the
// heater's temperature and time. One bit at least is set in each setup (run_gas
// or heat_off), so it always differs from that of a chip after a reset.
type bme68xSetup [6]byte

// Bits of the setup that hold what was written; the others are reserved, or
// the mode.
var bme68xSetupMask = bme68xSetup{0x08, 0x3F, 0x07, 0x00, 0xFC, 0x1C}

// makeSetup encodes settings, in sleep mode. Each variant has its own run_gas
// bit; bit 7 beside it is "no standby" as the maker's driver sets it, of no
// consequence in forced mode.
func makeSetup(s settings, variant byte) bme68xSetup {
	const heatOff, noStandby = 0x08, 0x80
	setup := bme68xSetup{
		1: noStandby | 0x10<<variant,
		2: s.oversampling[humidity],
		4: s.oversampling[temperature]<<5 | s.oversampling[pressure]<<2,
		5: s.filter << 2,
	}
	if s.heater == 0 {
		setup[0], setup[1] = heatOff, noStandby
	}
	return setup
}

// held reports whether got is this setup as far as it was written.
func (s bme68xSetup) held(got bme68xSetup) bool {
	for i, mask := range bme68xSetupMask {
		if s[i]&mask != got[i]&mask {
			return false
		}
	}
	return true
}

// bme68x is an opened BME680 or BME688.
type bme68x struct {
	registers
	calibration  bme68xCalibration
	high         bool // a BME688
	oversampling [gas]byte
	heater       int64 // °C, 0 is off
	ambient      int64 // °C as last measured
	setup        bme68xSetup
	longest      time.Duration
	field        [17]byte    // registers 0x1D to 0x2D as last read
	now          bme68xSetup // the setup as last read
	heating      [11]byte    // registers 0x5A to 0x64 as last read
	heat, wait   byte        // the first and the last of them, as written
	warmUp       *warmUp
}

// bme68xLongest is the time after which the maker's driver expects a result:
// the conversions, the switching between them, waking up, and heating.
func bme68xLongest(s settings) time.Duration {
	const conversion, switching, gasSwitching = 1963 * time.Microsecond, 4 * 477 * time.Microsecond, 5 * 477 * time.Microsecond
	return s.conversions()*conversion + switching + gasSwitching + time.Millisecond + s.heating
}

func openBME68x(ctx context.Context, r registers, k kind, s settings, w *warmUp) (*bme68x, error) {
	c := &bme68x{
		registers:    r,
		high:         k.variant == bme688.variant,
		oversampling: s.oversampling,
		heater:       int64(s.heater),
		ambient:      25,
		setup:        makeSetup(s, k.variant),
		longest:      bme68xLongest(s),
		wait:         gasWait(s.heating),
		warmUp:       w,
	}
	// What is written below and nothing else takes away but a loss of power.
	wait := c.heating[:1]
	if err := c.readAlike(bme68xGasWait, wait); err != nil {
		return nil, fmt.Errorf("reading the settings: %w", err)
	}
	if wait[0] != c.wait {
		w.since = time.Time{}
	}
	if err := c.write(regReset, resetWord); err != nil {
		return nil, fmt.Errorf("resetting the chip: %w", err)
	}
	// No bit tells when the chip is up again. This is what the maker's driver
	// waits, five times the datasheet's start-up time.
	if err := sensors.Sleep(ctx, 10*time.Millisecond); err != nil {
		return nil, fmt.Errorf("resetting the chip: %w", err)
	}
	// Before the calibration, so that the first measurement notices when it is
	// of a chip that has been exchanged meanwhile.
	err := c.write(
		bme68xCtrlGas0, c.setup[0], bme68xCtrlGas1, c.setup[1], bme68xCtrlHum, c.setup[2],
		bme68xConfig, c.setup[5], bme68xGasWait, c.wait,
	)
	if err != nil {
		return nil, fmt.Errorf("writing the settings: %w", err)
	}
	if err := c.calibrate(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *bme68x) calibrate() error {
	var a [23]byte
	var b [14]byte
	var d [5]byte
	if err := c.readCalibration(bme68xCalib1, a[:]); err != nil {
		return err
	}
	if err := c.readCalibration(bme68xCalib2, b[:]); err != nil {
		return err
	}
	if err := c.readCalibration(bme68xCalib3, d[:]); err != nil {
		return err
	}
	c.calibration = parseBME68x(&a, &b, &d)
	return nil
}

func (c *bme68x) measure(ctx context.Context, m *[channels]sensors.Measurement) error {
	// The heater is set anew each time, for it goes by the temperature around it.
	c.heat = c.heatNow()
	write := func() error { return c.write(bme68xResHeat, c.heat, bme68xCtrlMeas, c.setup[4]|forced) }
	if err := sensors.Start(shortest, write, c.running); err != nil {
		return fmt.Errorf("starting a measurement: %w", err)
	}
	if err := await(ctx, c.longest, c.done); err != nil {
		return fmt.Errorf("measuring: %w", err)
	}
	c.compensate(m)
	return nil
}

// running reports whether a measurement is under way.
func (c *bme68x) running() (bool, error) {
	mode, status := c.now[4:5], c.field[:1]
	if err := c.readAlike(bme68xCtrlMeas, mode); err != nil || mode[0]&modeMask == forced {
		return true, err
	}
	err := c.readAlike(bme68xField, status)
	return status[0]&bme68xMeasuring != 0, err
}

// heatNow is the heater's setting for the temperature wanted, within what its
// register can hold.
func (c *bme68x) heatNow() byte {
	if c.heater == 0 {
		return 0
	}
	return byte(min(max(c.calibration.heaterResistance(c.heater, c.ambient), 0), 0xFF))
}

// done reads the result, then the settings, which vouch that the chip was not
// reset before, and reports whether the measurement is over.
func (c *bme68x) done() (bool, error) {
	if err := c.readAlike(bme68xField, c.field[:]); err != nil {
		return false, err
	}
	if err := c.readAlike(bme68xCtrlGas0, c.now[:]); err != nil {
		return false, err
	}
	if err := c.readAlike(bme68xResHeat, c.heating[:]); err != nil {
		return false, err
	}
	switch {
	case same(c.field[:], 0xFF) && same(c.now[:], 0xFF):
		return false, errSilent
	case !c.setup.held(c.now), c.heating[0] != c.heat, c.heating[10] != c.wait:
		return false, errReset
	}
	return c.field[0]&bme68xNewData != 0 && c.now[4]&modeMask == 0, nil
}

// compensate turns the field into measurements.
func (c *bme68x) compensate(m *[channels]sensors.Measurement) {
	m[gas] = c.warmUp.judge(c.resistance())
	p, t, h := raw20(c.field[2:]), raw20(c.field[5:]), int64(c.field[8])<<8|int64(c.field[9])
	if t == skipped20 {
		withoutTemperature(m, c.oversampling, true)
		return
	}
	fine := c.calibration.fine(t)
	m[temperature] = sensors.Value(float64(centi(fine)) / 100)
	c.ambient = min(max((centi(fine)+50)/100, -40), 85) // what the chip can bear

	if p == skipped20 {
		m[pressure] = notMeasured(c.oversampling[pressure])
	} else {
		m[pressure] = positive(float64(c.calibration.pascal(p, fine)) / 100)
	}
	if h == skipped16 {
		m[humidity] = notMeasured(c.oversampling[humidity])
	} else {
		m[humidity] = sensors.Value(float64(c.calibration.milliPercent(h, fine)) / 1000)
	}
}

// resistance is the gas resistance, if the chip vouches for it (§3.4).
func (c *bme68x) resistance() sensors.Measurement {
	b := c.field[13:15]
	if c.high {
		b = c.field[15:17]
	}
	raw, status := int64(b[0])<<2|int64(b[1]>>6), b[1]
	switch {
	case c.heater == 0:
		return sensors.NoValue("left out: heater_temperature is 0")
	case status&bme68xGasValid == 0:
		return sensors.NoValue("the chip did not measure it")
	case status&bme68xHeatStable == 0:
		return sensors.NoValue("the heater did not reach its temperature: lengthen heater_duration or lower heater_temperature")
	case c.high:
		return sensors.Value(float64(ohmHigh(raw, status&0x0F)))
	}
	return sensors.Value(float64(c.calibration.ohm(raw, status&0x0F)))
}

func (c *bme68x) rest() error {
	return c.write(bme68xCtrlGas1, 0, bme68xCtrlMeas, 0)
}
