package sensors

// Quantity is what a measurement measures. Each has one unit, for ever: a
// consumer that has learnt that "pressure" is hPa never has to learn again.
type Quantity struct {
	Name     string // as written in a configuration: "illuminance"
	Key      string // JSON key unless the configuration renames it: "light"
	Unit     string // for people: "lx"; "" for a plain number
	Decimals int    // digits after the point when published
}

// Output is an output of this quantity under its usual key.
func (q Quantity) Output(l Limits) Output {
	return Output{Key: q.Key, Quantity: q, Limits: l}
}

// The quantities a driver can give.
var (
	Temperature      = Quantity{"temperature", "temp", "°C", 2}
	Humidity         = Quantity{"humidity", "humi", "%RH", 2}
	AbsoluteHumidity = Quantity{"absolute humidity", "absolute_humidity", "g/m³", 2}
	Pressure         = Quantity{"pressure", "pressure", "hPa", 2}
	GasResistance    = Quantity{"gas resistance", "gas", "Ω", 0}
	Illuminance      = Quantity{"illuminance", "light", "lx", 0}
	Voltage          = Quantity{"voltage", "voltage", "V", 4}
	Current          = Quantity{"current", "current", "A", 4}
	Power            = Quantity{"power", "power", "W", 3}
	CO2              = Quantity{"co2", "co2", "ppm", 0}
	Fraction         = Quantity{"fraction", "fraction", "1", 4} // of full scale, 0..1
	Number           = Quantity{"number", "value", "", 0}
)

// Quantities lists every quantity, in the order documentation shows them.
func Quantities() []Quantity {
	return []Quantity{
		Temperature, Humidity, AbsoluteHumidity, Pressure, GasResistance, Illuminance,
		Voltage, Current, Power, CO2, Fraction, Number,
	}
}

// QuantityNamed finds a quantity by its configuration name.
func QuantityNamed(name string) (Quantity, bool) {
	for _, q := range Quantities() {
		if q.Name == name {
			return q, true
		}
	}
	return Quantity{}, false
}
