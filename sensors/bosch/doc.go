// Package bosch drives the BMP280, BME280, BME680 and BME688 on I2C:
// temperature, humidity, pressure and gas resistance.
//
// # Chips
//
// The four share their addresses and are sold under each other's names, so the
// chip is told apart by its chip id when the sensor is opened, whatever driver
// was configured. The driver's name fixes which keys a message has; the chip
// decides which of them get values. A BMP280 sold as a BME280 works, its
// humidity stays null with the reason, and the log names the driver to
// configure. After each error a caller closes the sensor and opens it again.
//
//	driver   temp  humi  pressure  gas   chip id
//	bmp280   x           x               0x58
//	bme280   x     x     x               0x60
//	bme680   x     x     x         x     0x61, variant 0
//	bme688   x     x     x         x     0x61, variant 1
//
// # Measuring
//
// Each Read is one measurement in forced mode: the chip measures once and
// sleeps again. It is given the longest time its datasheet allows for the
// oversampling and the heater, then asked a bounded number of times whether it
// is done. Nothing is taken from a chip that still measures, and the codes for
// "not measured" (0x80000, 0x8000) are never computed with.
//
// I2C carries no checksum. Id, calibration and results are therefore read
// until two reads agree. Each result comes with the settings that were written
// when the sensor was opened, before its calibration was read; a chip that lost
// them was reset or exchanged, and Read fails rather than compute with what it
// holds.
//
// Gas resistance needs a heated plate. It is given only when the chip calls it
// valid and the heater stable; in the first minutes after power-up it drifts, and
// is marked as warming up. It has no unit of air quality: only its changes mean
// something.
//
// # Formulas
//
// Values are computed with integers, so that they are the same on every
// processor. BMP280 and BME280 follow the 64-bit integer formulas of the
// datasheet (BST-BME280-DS001 §4.2.3), BME680 and BME688 the integer formulas
// of the maker's own driver, but in 64 bits: in 32 bits, pressure above some
// 1058 hPa wraps around. The BME688's gas resistance is, as there, a multiple
// of 100 Ω.
//
// Not done here: air quality indices, which need the maker's closed library;
// SPI; and the BME688's heater profiles of several steps.
package bosch
