package chips

import "time"

// Registers of the BMP280 and BME280, BST-BME280-DS001 §5.3.
const (
	bmx280Calib    = 0x88 // 26 bytes
	bmx280CalibH   = 0xE1 // 7 bytes
	bmx280CtrlHum  = 0xF2
	bmx280Status   = 0xF3
	bmx280CtrlMeas = 0xF4
	bmx280Config   = 0xF5
	bmx280Data     = 0xF7 // 8 bytes: pressure, temperature, humidity

	bmx280Measuring = 0x08 // in status
	bmx280ImUpdate  = 0x01
)

// BME280 is a simulated BME280, or a BMP280 when made by [NewBMP280]. It
// measures in forced mode only: in normal mode it does nothing.
type BME280 struct {
	// MeasureTime is how long a measurement takes, and CopyTime how long after
	// a reset the calibration takes to reach its registers, which read 0
	// until then. Set both before the chip is used. With MeasureTime 0 it is
	// the datasheet's typical time for the oversampling in force.
	MeasureTime, CopyTime time.Duration

	boschRegisters
	humid  bool    // a BME280
	osrsH  byte    // ctrl_hum as of the last write to ctrl_meas
	result [8]byte // what the next measurement will find
	calib  [26]byte
	calibH [7]byte
}

// NewBME280 makes a BME280 from its calibration registers 0x88..0xA1 and
// 0xE1..0xE7.
func NewBME280(calib [26]byte, calibH [7]byte) *BME280 {
	c := &BME280{CopyTime: 1500 * time.Microsecond, humid: true, calib: calib, calibH: calibH}
	c.reset()
	c.copied = time.Time{} // switched on long ago
	return c
}

// NewBMP280 makes a BMP280, which has no humidity, from its calibration
// registers 0x88..0x9F.
func NewBMP280(calib [24]byte) *BME280 {
	c := NewBME280([26]byte{}, [7]byte{})
	c.humid = false
	copy(c.calib[:], calib[:])
	c.reset()
	c.copied = time.Time{}
	return c
}

// SetRaw sets what the next measurement finds: temperature and pressure of 20
// bits, humidity of 16.
func (c *BME280) SetRaw(t, p uint32, h uint16) {
	var d [8]byte
	put20(d[0:], p)
	put20(d[3:], t)
	d[6], d[7] = byte(h>>8), byte(h)
	c.SetData(d)
}

// SetData is SetRaw with the bytes the registers 0xF7..0xFE will hold.
func (c *BME280) SetData(d [8]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result = d
}

// Reset does to the chip what a brown-out does: its registers are as after
// power-on, and the measurement under way is lost.
func (c *BME280) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
}

// Tx implements [Chip].
func (c *BME280) Tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended() {
		c.finish()
	}
	c.transact(w, r, c.write, c.read)
	return nil
}

func (c *BME280) reset() {
	c.regs = [256]byte{
		boschID:        0x58,
		bmx280Data:     0x80, // not measured yet
		bmx280Data + 3: 0x80,
	}
	if c.humid {
		c.regs[boschID] = 0x60
		c.regs[bmx280Data+6] = 0x80
	}
	copy(c.regs[bmx280Calib:], c.calib[:])
	copy(c.regs[bmx280CalibH:], c.calibH[:])
	c.osrsH = 0
	c.busy = false
	c.copied = time.Now().Add(c.CopyTime)
}

func (c *BME280) write(reg, v byte) {
	switch reg {
	case boschReset:
		if v == boschResetWord {
			c.reset()
		}
	case bmx280CtrlHum:
		if c.humid {
			c.regs[reg] = v & 0x07
		}
	case bmx280CtrlMeas:
		c.regs[reg] = v
		c.osrsH = c.regs[bmx280CtrlHum]
		// Both codes 1 and 2 start a forced measurement.
		if mode := v & boschModes; (mode == 1 || mode == 2) && !c.busy {
			c.begin(c.measureTime())
		}
	case bmx280Config:
		c.regs[reg] = v
	}
}

func (c *BME280) read(reg byte) byte {
	calib := reg >= bmx280Calib && reg < bmx280Calib+26 || reg >= bmx280CalibH && reg < bmx280CalibH+7
	switch {
	case calib && c.copying():
		return 0
	case reg == bmx280Status:
		var v byte
		if c.busy {
			v |= bmx280Measuring
		}
		if c.copying() {
			v |= bmx280ImUpdate
		}
		return v
	}
	return c.regs[reg]
}

// finish puts the result into the data registers and the chip to sleep.
func (c *BME280) finish() {
	d := c.result
	meas := c.regs[bmx280CtrlMeas]
	if meas>>2&0x07 == 0 {
		put20(d[0:], 0x80000)
	}
	if meas>>5 == 0 {
		put20(d[3:], 0x80000)
	}
	switch {
	case !c.humid:
		d[6], d[7] = 0, 0
	case c.osrsH == 0:
		d[6], d[7] = 0x80, 0
	}
	copy(c.regs[bmx280Data:], d[:])
	c.regs[bmx280CtrlMeas] = meas &^ boschModes
}

// measureTime is the typical time of §9.1.
func (c *BME280) measureTime() time.Duration {
	if c.MeasureTime != 0 {
		return c.MeasureTime
	}
	meas := c.regs[bmx280CtrlMeas]
	d := time.Millisecond + 2*time.Millisecond*cycles(meas>>5)
	if n := cycles(meas >> 2 & 0x07); n > 0 {
		d += 2*time.Millisecond*n + 500*time.Microsecond
	}
	if n := cycles(c.osrsH); n > 0 {
		d += 2*time.Millisecond*n + 500*time.Microsecond
	}
	return d
}
