package bosch

import "sensor-agent/sensors"

// outputs are what a chip of a kind gives with these settings.
func (s settings) outputs(k kind) []sensors.Output {
	var outputs []sensors.Output
	for _, c := range k.measures {
		outputs = append(outputs, quantities[c].Output(s.limits(k, c)))
	}
	return outputs
}

// limits are the same on all chips of the family, as far as they have the
// channel (BST-BMP280-DS001, BST-BME280-DS001, BST-BME680-DS001 §1).
//
// Pressure has more noise than its smallest step at any oversampling: 3.3 Pa of
// 2.6 with one conversion, 1.3 Pa of 0.2 with 16 (BST-BMP280-DS001 §3.3, §3.5).
// The filter takes it away. Temperature has less than a step, and humidity rests
// at 100 %RH. The gas resistance of a BME680 has steps of a thousandth, and
// noise of more; that of a BME688 comes in steps of 100 Ω.
func (s settings) limits(k kind, c channel) sensors.Limits {
	switch c {
	case temperature:
		return sensors.Limits{Min: -40, Max: 85, Step: sensors.TemperatureStep}
	case humidity:
		return sensors.Limits{Min: 0, Max: 100, Step: sensors.HumidityStep}
	case pressure:
		l := sensors.Limits{Min: 300, Max: 1100, Step: sensors.PressureStep}
		if s.filter == 0 {
			l.Flat = sensors.FlatNoise
		}
		return l
	case gas:
		if k.name == bme680.name {
			return sensors.Limits{Flat: sensors.FlatNoise}
		}
	}
	return sensors.Limits{}
}
