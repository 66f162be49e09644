package conditioning

import "math"

// Moist air, by the formulas of WMO-No. 8, Guide to Instruments and Methods of
// Observation, volume I, annex 4.B, which are those of D. Sonntag, Important new
// values of the physical constants of 1986, vapour pressure formulations based
// on the ITS-90, and psychrometer formulae, Z. Meteorol. 70 (1990) 340-344.
// Humidity is relative to water below 0 °C too, as is usual in meteorology and
// with all humidity chips. The enhancement factor of moist air against pure
// vapour, 1.004 at sea level, cancels out of dew point and humidity and is left
// out of the rest.
const (
	magnusHPa = 6.112 // vapour pressure at 0 °C
	magnusB   = 17.62
	magnusC   = 243.12 // °C

	// The formulas hold from -45 to 60 °C. They are used somewhat further, with
	// errors of up to 3 % of a vapour pressure, and not where they mean nothing.
	coldest, hottest = -80.0, 100.0

	vapourConstant = 461.52 // J/(kg·K): CODATA's gas constant by the molar mass of water, 18.0153 g/mol
	zeroCelsius    = 273.15 // K
)

// The troposphere of the standard atmosphere: ICAO Doc 7488/3, Manual of the
// ICAO Standard Atmosphere, table A and formula 13.
const (
	seaLevelKelvin = 288.15
	lapse          = 0.0065   // K/m
	exponent       = 5.255880 // gravity 9.80665 m/s² by the gas constant of air 287.05287 J/(kg·K) and the lapse

	lowest, highest = -500.0, 9000.0 // m: a little beyond the Dead Sea and Mount Everest
)

// saturation returns the pressure in hPa of vapour above water at a temperature
// in °C, NaN where the formula does not hold.
func saturation(celsius float64) float64 {
	if !(celsius >= coldest && celsius <= hottest) {
		return math.NaN()
	}
	return magnusHPa * math.Exp(magnusB*celsius/(magnusC+celsius))
}

// dewPoint returns to how many °C air at a temperature in °C and a relative
// humidity in % must be cooled for dew. Without any humidity it is NaN.
func dewPoint(celsius, humidity float64) float64 {
	if !(humidity > 0) {
		return math.NaN()
	}
	x := math.Log(humidity / 100 * saturation(celsius) / magnusHPa)
	return magnusC * x / (magnusB - x)
}

// absoluteHumidity returns the g of water in a m³ of air, as an ideal gas, at a
// temperature in °C and a relative humidity in %.
func absoluteHumidity(celsius, humidity float64) float64 {
	const pascal, gram = 100, 1000 // in a hPa, in a kg
	vapour := max(humidity, 0) / 100 * saturation(celsius) * pascal
	return vapour / (vapourConstant * (celsius + zeroCelsius)) * gram
}

// warmed returns the relative humidity in % that air has whose humidity was
// measured at another temperature: the water in it, and so its vapour pressure,
// is the same. Both temperatures are in °C; the result is within 0 to 100.
func warmed(humidity, measured, air float64) float64 {
	return min(max(humidity*saturation(measured)/saturation(air), 0), 100)
}

// seaLevelFactor returns how many times as high as at an altitude in m the
// pressure is at sea level, in the standard atmosphere.
func seaLevelFactor(altitude float64) float64 {
	return math.Pow(1-lapse*altitude/seaLevelKelvin, -exponent)
}
