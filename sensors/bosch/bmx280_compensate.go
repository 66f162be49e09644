package bosch

import "encoding/binary"

// bmx280Calibration is what the maker measured on each BMP280 or BME280, under
// the datasheet's names (BST-BME280-DS001 §4.2.2).
type bmx280Calibration struct {
	t1, t2, t3                         int64
	p1, p2, p3, p4, p5, p6, p7, p8, p9 int64
	h1, h2, h3, h4, h5, h6             int64
}

// parseBMX280 takes the registers 0x88..0xA1 and 0xE1..0xE7.
func parseBMX280(tp *[26]byte, h *[7]byte) bmx280Calibration {
	return bmx280Calibration{
		t1: unsigned16(tp[0:]), t2: signed16(tp[2:]), t3: signed16(tp[4:]),
		p1: unsigned16(tp[6:]), p2: signed16(tp[8:]), p3: signed16(tp[10:]),
		p4: signed16(tp[12:]), p5: signed16(tp[14:]), p6: signed16(tp[16:]),
		p7: signed16(tp[18:]), p8: signed16(tp[20:]), p9: signed16(tp[22:]),
		h1: int64(tp[25]), h2: signed16(h[0:]), h3: int64(h[2]),
		// Two signed numbers of 12 bits share a byte: the other byte of each
		// carries its sign.
		h4: int64(int8(h[3]))<<4 | int64(h[4]&0x0F),
		h5: int64(int8(h[5]))<<4 | int64(h[4]>>4),
		h6: int64(int8(h[6])),
	}
}

// fine is the temperature in 1/5120 °C, which the other formulas go by;
// §4.2.3, with raw the 20 bits measured.
func (c *bmx280Calibration) fine(raw int64) int64 {
	linear := ((raw>>3 - 2*c.t1) * c.t2) >> 11
	d := raw>>4 - c.t1
	return linear + ((d*d>>12)*c.t3)>>14
}

// pascal256 is the pressure in 1/256 Pa, 0 when the calibration gives none.
func (c *bmx280Calibration) pascal256(raw, fine int64) int64 {
	x := fine - 128000
	offset := x*x*c.p6 + x*c.p5<<17 + c.p4<<35
	scale := ((x*x*c.p3>>8 + x*c.p2<<12 + 1<<47) * c.p1) >> 33
	if scale == 0 {
		return 0
	}
	p := ((1<<20-raw)<<31 - offset) * 3125 / scale
	square := (c.p9 * (p >> 13) * (p >> 13)) >> 25
	return (p+square+(c.p8*p)>>19)>>8 + c.p7<<4
}

// percent1024 is the relative humidity in 1/1024 %, 0 to 102400.
func (c *bmx280Calibration) percent1024(raw, fine int64) int64 {
	x := fine - 76800
	a := (raw<<14 - c.h4<<20 - c.h5*x + 1<<14) >> 15
	b := ((x*c.h6)>>10)*((x*c.h3)>>11+1<<15)>>10 + 1<<21
	h := a * ((b*c.h2 + 1<<13) >> 14)
	h -= ((h >> 15) * (h >> 15) >> 7 * c.h1) >> 4
	return min(max(h, 0), 100<<22) >> 12
}

// centi is a fine temperature in 1/100 °C, on all chips of the family.
func centi(fine int64) int64 { return (5*fine + 128) >> 8 }

func unsigned16(b []byte) int64 { return int64(binary.LittleEndian.Uint16(b)) }

func signed16(b []byte) int64 { return int64(int16(binary.LittleEndian.Uint16(b))) }
