package bosch

import "sensor-agent/sensors"

// Results of a channel that was not measured, on all chips of the family.
const (
	skipped20 = 0x80000
	skipped16 = 0x8000
)

// raw20 is a result of 20 bits: msb, lsb, and the last four at the top of xlsb.
func raw20(b []byte) int64 { return int64(b[0])<<12 | int64(b[1])<<4 | int64(b[2]>>4) }

// notMeasured is the measurement of a channel that came back as skipped.
func notMeasured(oversampling byte) sensors.Measurement {
	if oversampling == 0 {
		return sensors.NoValue("left out: its oversampling is 0")
	}
	return sensors.NoValue("the chip did not measure it")
}

// withoutTemperature fills in what is left when the temperature was not
// measured: nothing, for the other formulas need it.
func withoutTemperature(m *[channels]sensors.Measurement, oversampling [gas]byte, humid bool) {
	m[temperature] = notMeasured(oversampling[temperature])
	others := sensors.NoValue("cannot be computed: the chip did not measure the temperature")
	m[pressure] = others
	if humid {
		m[humidity] = others
	}
}

// positive is a pressure in hPa, which the formulas can miss when a chip's
// calibration is damaged.
func positive(hPa float64) sensors.Measurement {
	if hPa <= 0 {
		return sensors.NoValue("the pressure computes to less than nothing: the calibration read is wrong or the chip is broken")
	}
	return sensors.Value(hPa)
}
