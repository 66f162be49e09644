package sensors

// Limits are what the values of an output can be on a chip in good health.
// Drivers have them from the data sheet, a configuration can change them; a
// value beyond them is [Suspect]. Each that is zero does not apply.
type Limits struct {
	Min, Max float64 // what the chip can measure; both 0: not limited
	Step     float64 // largest change in a second that can be
	Flat     int     // readings with the very same value that cannot come in a row, >= 2: for what has noise
}

// Steps of chips that measure the air around them. They tell a value that was
// read or computed wrongly from one that was measured, not likely weather from
// unlikely: nothing that becomes of a sensor in its place comes near them.
const (
	// TemperatureStep is 5 °C. The quickest chips take 2 s for 63 % of a change
	// (SHT4x data sheet, "Temperature Sensor Performance"), so this is air that
	// changes by 12 °C from one moment to the next.
	TemperatureStep = 5
	// HumidityStep is 50 %RH. A BME280 takes 1 s for 63 % of a change
	// (BST-BME280-DS001 §1.2): dry air from a breath is 45 %RH in the first.
	HumidityStep = 50
	// PressureStep is 5 hPa. A fast lift makes 1.2 hPa in a second, a slammed
	// door or a gust 2.
	PressureStep = 5
)

// FlatNoise is the usual [Limits.Flat] of a channel whose noise is greater
// than its smallest step. Two values in a row are then equal in fewer than one
// of two cases, and 40 never.
const FlatNoise = 40
