package bosch

import "time"

// bme68xCalibration is what the maker measured on each BME680 or BME688, under
// the datasheet's names (BST-BME680-DS001 §3.3 and §3.4.1).
type bme68xCalibration struct {
	t1, t2, t3                              int64
	p1, p2, p3, p4, p5, p6, p7, p8, p9, p10 int64
	h1, h2, h3, h4, h5, h6, h7              int64
	g1, g2, g3                              int64
	heatRange, heatValue, switchingError    int64
}

// parseBME68x takes the registers 0x8A..0xA0, 0xE1..0xEE and 0x00..0x04.
func parseBME68x(a *[23]byte, b *[14]byte, c *[5]byte) bme68xCalibration {
	return bme68xCalibration{
		t1: unsigned16(b[8:]), t2: signed16(a[0:]), t3: int64(int8(a[2])),
		p1: unsigned16(a[4:]), p2: signed16(a[6:]), p3: int64(int8(a[8])),
		p4: signed16(a[10:]), p5: signed16(a[12:]), p6: int64(int8(a[15])),
		p7: int64(int8(a[14])), p8: signed16(a[18:]), p9: signed16(a[20:]), p10: int64(a[22]),
		h1: int64(b[2])<<4 | int64(b[1]&0x0F), h2: int64(b[0])<<4 | int64(b[1]>>4),
		h3: int64(int8(b[3])), h4: int64(int8(b[4])), h5: int64(int8(b[5])),
		h6: int64(b[6]), h7: int64(int8(b[7])),
		g1: int64(int8(b[12])), g2: signed16(b[10:]), g3: int64(int8(b[13])),
		heatRange: int64(c[2] >> 4 & 0x03), heatValue: int64(int8(c[0])),
		switchingError: int64(int8(c[4]) >> 4),
	}
}

// fine is the temperature in 1/5120 °C, which the other formulas go by; §3.3.1,
// with raw the 20 bits measured.
func (c *bme68xCalibration) fine(raw int64) int64 {
	d := raw>>3 - 2*c.t1
	half := d >> 1
	return (d*c.t2)>>11 + ((half*half>>12)*c.t3<<4)>>14
}

// pascal is the pressure in Pa, 0 when the calibration gives none; §3.3.2.
//
// The maker's driver computes it in 32 bits, which q outgrows in the cold and
// its cube from some 1058 hPa up. Here it has 64, and a cube that would not
// have fit is taken without dropping bits first: within 9 Pa of the real
// formula, as where the maker's is right.
func (c *bme68xCalibration) pascal(raw, fine int64) int64 {
	x := fine>>1 - 64000
	square := (x >> 2) * (x >> 2)
	offset := (((square>>11)*c.p6)>>2+2*x*c.p5)>>2 + c.p4<<16
	scale := ((((square>>13)*c.p3<<5)>>3 + (c.p2*x)>>1) >> 18) + 1<<15
	scale = (scale * c.p1) >> 15
	if scale == 0 {
		return 0
	}
	q := (1<<20 - raw - offset>>12) * 3125
	// The order of doubling and dividing matters for the last digit.
	if q >= 1<<30 {
		q = q / scale * 2
	} else {
		q = q * 2 / scale
	}
	quadratic := (c.p9 * ((q >> 3) * (q >> 3) >> 13)) >> 12
	linear := ((q >> 2) * c.p8) >> 13
	cubic := (q >> 8) * (q >> 8) * (q >> 8) * c.p10
	if cubic == int64(int32(cubic)) {
		cubic >>= 17
	} else {
		cubic = ((q * q >> 8) * q * c.p10) >> 33
	}
	return q + (quadratic+linear+cubic+c.p7<<7)>>4
}

// milliPercent is the relative humidity in 1/1000 %, 0 to 100000; §3.3.3.
func (c *bme68xCalibration) milliPercent(raw, fine int64) int64 {
	t := centi(fine)
	x := raw - 16*c.h1 - (t*c.h3/100)>>1
	slope := (c.h2 * (t*c.h4/100 + ((t*(t*c.h5/100))>>6)/100 + 1<<14)) >> 10
	h := x * slope
	curve := (c.h6<<7 + t*c.h7/100) >> 4
	h += (curve * ((h >> 14) * (h >> 14) >> 10)) >> 1
	return min(max((h>>10)*1000>>12, 0), 100_000)
}

// Constants of the BME680's 16 gas ranges, §3.4.1.
var (
	gasOffsets = [16]int64{
		2147483647, 2147483647, 2147483647, 2147483647, 2147483647, 2126008810, 2147483647, 2130303777,
		2147483647, 2147483647, 2143188679, 2136746228, 2147483647, 2126008810, 2147483647, 2147483647,
	}
	gasScales = [16]int64{
		4096000000, 2048000000, 1024000000, 512000000, 255744255, 127110228, 64000000, 32258064,
		16016016, 8000000, 4000000, 2000000, 1000000, 500000, 250000, 125000,
	}
)

// ohm is the gas resistance a BME680 measured, in Ω; §3.4.1, with raw the 10
// bits measured in range 0..15.
func (c *bme68xCalibration) ohm(raw int64, gasRange byte) int64 {
	a := ((1340 + 5*c.switchingError) * gasOffsets[gasRange]) >> 16
	b := raw<<15 - 1<<24 + a // above 0, for a is 42 million at least
	return ((gasScales[gasRange]*a)>>9 + b>>1) / b
}

// ohmHigh is the gas resistance a BME688 measured, in Ω, a multiple of 100;
// BST-BME688-DS000 §3.4.1.
func ohmHigh(raw int64, gasRange byte) int64 {
	return 100 * (10000 * (1 << 18 >> gasRange) / (4096 + 3*(raw-512)))
}

// heaterResistance is the setting of the heater for a target temperature, both
// temperatures in °C; §3.3.5. It can leave the register's 0..255.
func (c *bme68xCalibration) heaterResistance(target, ambient int64) int64 {
	a := ambient * c.g3 / 1000 * 256
	b := (c.g1 + 784) * (((c.g2+154009)*target*5/100 + 3276800) / 10)
	r := (a + b/2) / (c.heatRange + 4)
	return ((r/(131*c.heatValue+65536)-250)*34 + 50) / 100
}

// bme68xMaxHeating is the longest time the heater's timer can count, §3.3.5.
const bme68xMaxHeating = 4032 * time.Millisecond

// gasWait encodes how long the heater heats, 0 to bme68xMaxHeating: 6 bits of
// milliseconds, times a power of 4.
func gasWait(d time.Duration) byte {
	ms, factor := d.Milliseconds(), byte(0)
	for ms > 63 {
		ms, factor = ms/4, factor+1
	}
	if factor > 3 {
		return 0xFF
	}
	return factor<<6 | byte(ms)
}
