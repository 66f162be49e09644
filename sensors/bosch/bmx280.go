package bosch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sensor-agent/sensors"
)

// Registers of the BMP280 and BME280, BST-BME280-DS001 §5.3.
const (
	bmx280Calib    = 0x88 // 26 bytes
	bmx280CalibH   = 0xE1 // 7 bytes, BME280
	bmx280CtrlHum  = 0xF2 // BME280
	bmx280Status   = 0xF3
	bmx280CtrlMeas = 0xF4
	bmx280Config   = 0xF5
	bmx280Data     = 0xF7 // pressure, temperature, humidity

	bmx280Measuring = 0x08 // in status
	bmx280ImUpdate  = 0x01 // in status: the calibration is being copied
	bmx280MaxFilter = 4
)

// bmx280Mark is a standby time of one second in config. Forced mode has no use
// for it, but after a reset it is gone.
const bmx280Mark = 5 << 5

// bmx280 is an opened BMP280 or BME280.
type bmx280 struct {
	registers
	calibration  bmx280Calibration
	humid        bool // a BME280
	oversampling [gas]byte
	ctrlMeas     byte
	config       byte
	longest      time.Duration
	frame        [13]byte // registers 0xF2 to 0xFE as last read
}

// bmx280Longest is the longest time of a measurement, §9.1.
func bmx280Longest(s settings) time.Duration {
	return 1250*time.Microsecond + 2300*time.Microsecond*s.conversions() + 2*575*time.Microsecond
}

func openBMX280(ctx context.Context, r registers, k kind, s settings) (*bmx280, error) {
	c := &bmx280{
		registers:    r,
		humid:        slices.Contains(k.measures, humidity),
		oversampling: s.oversampling,
		ctrlMeas:     s.oversampling[temperature]<<5 | s.oversampling[pressure]<<2,
		config:       bmx280Mark | min(s.filter, bmx280MaxFilter)<<2,
		longest:      bmx280Longest(s),
	}
	if err := c.reset(ctx); err != nil {
		return nil, fmt.Errorf("resetting the chip: %w", err)
	}
	// Before the calibration, so that the first measurement notices when it is
	// of a chip that has been exchanged meanwhile.
	if err := c.write(bmx280Config, c.config); err != nil {
		return nil, fmt.Errorf("writing the settings: %w", err)
	}
	if c.humid {
		// Takes effect with the next write to ctrl_meas, which starts a measurement.
		if err := c.write(bmx280CtrlHum, c.oversampling[humidity]); err != nil {
			return nil, fmt.Errorf("writing the settings: %w", err)
		}
	}
	if err := c.calibrate(); err != nil {
		return nil, err
	}
	return c, nil
}

// reset brings the chip to the state after power-on and waits until its
// calibration is in place.
func (c *bmx280) reset(ctx context.Context) error {
	if err := c.write(regReset, resetWord); err != nil {
		return err
	}
	const startup = 2 * time.Millisecond // §1.1
	return await(ctx, startup, func() (bool, error) {
		status := c.frame[:1]
		err := c.readAlike(bmx280Status, status)
		return status[0]&bmx280ImUpdate == 0, err
	})
}

func (c *bmx280) calibrate() error {
	var tp [26]byte
	var h [7]byte
	if err := c.readCalibration(bmx280Calib, tp[:]); err != nil {
		return err
	}
	if c.humid {
		if err := c.readCalibration(bmx280CalibH, h[:]); err != nil {
			return err
		}
	}
	c.calibration = parseBMX280(&tp, &h)
	return nil
}

func (c *bmx280) measure(ctx context.Context, m *[channels]sensors.Measurement) error {
	write := func() error { return c.write(bmx280CtrlMeas, c.ctrlMeas|forced) }
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
func (c *bmx280) running() (bool, error) {
	state := c.frame[1:3] // status and ctrl_meas
	err := c.readAlike(bmx280Status, state)
	return state[0]&bmx280Measuring != 0 || state[1]&modeMask == forced, err
}

// done reads settings, status and results in one burst, and reports whether
// the measurement is over. Read together, the settings vouch for the results.
func (c *bmx280) done() (bool, error) {
	burst, first := c.frame[:], byte(bmx280CtrlHum)
	if !c.humid {
		burst, first = c.frame[1:11], bmx280Status
	}
	if err := c.readAlike(first, burst); err != nil {
		return false, err
	}
	ctrlHum, status, ctrlMeas, config := c.frame[0], c.frame[1], c.frame[2], c.frame[3]
	switch {
	case same(burst, 0xFF):
		return false, errSilent
	case config&0xFC != c.config, ctrlMeas&^modeMask != c.ctrlMeas,
		c.humid && ctrlHum&0x07 != c.oversampling[humidity]:
		return false, errReset
	}
	return status&(bmx280Measuring|bmx280ImUpdate) == 0 && ctrlMeas&modeMask == 0, nil
}

// compensate turns the frame into measurements.
func (c *bmx280) compensate(m *[channels]sensors.Measurement) {
	data := c.frame[bmx280Data-bmx280CtrlHum:]
	p, t, h := raw20(data), raw20(data[3:]), int64(data[6])<<8|int64(data[7])
	if t == skipped20 {
		withoutTemperature(m, c.oversampling, c.humid)
		return
	}
	fine := c.calibration.fine(t)
	m[temperature] = sensors.Value(float64(centi(fine)) / 100)

	if p == skipped20 {
		m[pressure] = notMeasured(c.oversampling[pressure])
	} else {
		m[pressure] = positive(float64(c.calibration.pascal256(p, fine)) / 25600)
	}
	switch {
	case !c.humid:
	case h == skipped16:
		m[humidity] = notMeasured(c.oversampling[humidity])
	default:
		m[humidity] = sensors.Value(float64(c.calibration.percent1024(h, fine)) / 1024)
	}
}

func (c *bmx280) rest() error { return c.write(bmx280CtrlMeas, 0) }
