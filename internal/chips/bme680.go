package chips

import "time"

// Registers of the BME680 and BME688, BST-BME680-DS001 §5.2.
const (
	bme68xCalib1   = 0x8A // 23 bytes
	bme68xCalib2   = 0xE1 // 14 bytes
	bme68xCalib3   = 0x00 // 5 bytes
	bme68xField    = 0x1D // 17 bytes: status, pressure, temperature, humidity, gas
	bme68xGasWait  = 0x64
	bme68xCtrlGas0 = 0x70
	bme68xCtrlGas1 = 0x71
	bme68xCtrlHum  = 0x72
	bme68xCtrlMeas = 0x74
	bme68xConfig   = 0x75
	bme68xVariant  = 0xF0

	bme68xNewData      = 0x80 // in the field's status
	bme68xGasMeasuring = 0x40
	bme68xMeasuring    = 0x20
	bme68xGasValid     = 0x20 // in the byte that ends a gas result
	bme68xHeatStable   = 0x10
	bme68xHeatOff      = 0x08 // in ctrl_gas_0
)

// Variants of the chip, as its register 0xF0 says.
const (
	BME680Variant = 0
	BME688Variant = 1
)

// BME680 is a simulated BME680 or BME688. It measures in forced mode only, by
// heater profile 0.
type BME680 struct {
	// MeasureTime is how long a measurement takes, heating included, and
	// CopyTime how long after a reset the calibration takes to reach its
	// registers, which read 0 until then. Set both before the chip is used.
	// With MeasureTime 0 it follows from the settings in force.
	MeasureTime, CopyTime time.Duration

	boschRegisters
	variant byte
	result  [17]byte // what the next measurement will find
	calib1  [23]byte
	calib2  [14]byte
	calib3  [5]byte
}

// A BME680Raw is what one measurement finds.
type BME680Raw struct {
	Temperature, Pressure uint32 // 20 bits
	Humidity              uint16
	Gas                   uint16 // 10 bits
	GasRange              byte   // 0..15
	GasValid, HeatStable  bool
}

// NewBME680 makes a chip of a variant from its calibration registers
// 0x8A..0xA0, 0xE1..0xEE and 0x00..0x04.
func NewBME680(variant byte, calib1 [23]byte, calib2 [14]byte, calib3 [5]byte) *BME680 {
	c := &BME680{
		CopyTime: 2 * time.Millisecond, variant: variant,
		calib1: calib1, calib2: calib2, calib3: calib3,
	}
	c.reset()
	c.copied = time.Time{} // switched on long ago
	return c
}

// SetRaw sets what the next measurement finds.
func (c *BME680) SetRaw(raw BME680Raw) {
	field := [17]byte{0: bme68xNewData}
	put20(field[2:], raw.Pressure)
	put20(field[5:], raw.Temperature)
	field[8], field[9] = byte(raw.Humidity>>8), byte(raw.Humidity)
	gas := field[13:]
	if c.variant == BME688Variant {
		gas = field[15:]
	}
	gas[0] = byte(raw.Gas >> 2)
	gas[1] = byte(raw.Gas<<6) | raw.GasRange&0x0F
	if raw.GasValid {
		gas[1] |= bme68xGasValid
	}
	if raw.HeatStable {
		gas[1] |= bme68xHeatStable
	}
	c.SetField(field)
}

// SetField is SetRaw with the bytes the registers 0x1D..0x2D will hold when
// the measurement is over.
func (c *BME680) SetField(field [17]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result = field
}

// Reset does to the chip what a brown-out does: its registers are as after
// power-on, and the measurement under way is lost.
func (c *BME680) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
}

// Tx implements [Chip].
func (c *BME680) Tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended() {
		c.finish()
	}
	c.transact(w, r, c.write, c.read)
	return nil
}

func (c *BME680) reset() {
	c.regs = [256]byte{boschID: 0x61, bme68xVariant: c.variant}
	copy(c.regs[bme68xCalib1:], c.calib1[:])
	copy(c.regs[bme68xCalib2:], c.calib2[:])
	copy(c.regs[bme68xCalib3:], c.calib3[:])
	c.busy = false
	c.copied = time.Now().Add(c.CopyTime)
}

func (c *BME680) write(reg, v byte) {
	switch {
	case reg == boschReset:
		if v == boschResetWord {
			c.reset()
		}
	case reg == bme68xCtrlMeas:
		c.regs[reg] = v
		if v&boschModes == boschForced && !c.busy {
			c.regs[bme68xField] = bme68xMeasuring
			if c.heats() {
				c.regs[bme68xField] |= bme68xGasMeasuring
			}
			c.begin(c.measureTime())
		}
	case reg >= 0x50 && reg <= bme68xConfig && reg != 0x73:
		c.regs[reg] = v
	}
}

func (c *BME680) read(reg byte) byte {
	calib := reg >= bme68xCalib1 && reg < bme68xCalib1+23 ||
		reg >= bme68xCalib2 && reg < bme68xCalib2+14 || reg < bme68xCalib3+5
	if calib && c.copying() {
		return 0
	}
	return c.regs[reg]
}

// heats reports whether a measurement ends with a heated gas measurement:
// each variant has a run_gas bit of its own.
func (c *BME680) heats() bool {
	run := byte(0x10)
	if c.variant == BME688Variant {
		run = 0x20
	}
	return c.regs[bme68xCtrlGas1]&run != 0 && c.regs[bme68xCtrlGas0]&bme68xHeatOff == 0
}

// finish puts the result into the data registers and the chip to sleep.
func (c *BME680) finish() {
	field := c.result
	meas := c.regs[bme68xCtrlMeas]
	if meas>>2&0x07 == 0 {
		put20(field[2:], 0x80000)
	}
	if meas>>5 == 0 {
		put20(field[5:], 0x80000)
	}
	if c.regs[bme68xCtrlHum]&0x07 == 0 {
		field[8], field[9] = 0x80, 0
	}
	if !c.heats() {
		field[14] &^= bme68xGasValid | bme68xHeatStable
		field[16] &^= bme68xGasValid | bme68xHeatStable
	}
	copy(c.regs[bme68xField:], field[:])
	c.regs[bme68xCtrlMeas] = meas &^ boschModes
}

// measureTime is the time the maker's own driver waits for, without its
// allowance of 1 ms for waking up.
func (c *BME680) measureTime() time.Duration {
	if c.MeasureTime != 0 {
		return c.MeasureTime
	}
	meas := c.regs[bme68xCtrlMeas]
	n := cycles(meas>>5) + cycles(meas>>2&0x07) + cycles(c.regs[bme68xCtrlHum]&0x07)
	d := n*1963*time.Microsecond + 9*477*time.Microsecond
	if c.heats() {
		wait := c.regs[bme68xGasWait]
		d += time.Duration(wait&0x3F) << (2 * (wait >> 6)) * time.Millisecond
	}
	return d
}
