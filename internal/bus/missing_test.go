package bus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sensor-agent/sensors"
)

// plant makes files and, where the content begins with "->", links below root.
func plant(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(text, "->"); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What is to be done for a bus to be there, by what a Pi shows.
func TestExamine(t *testing.T) {
	const config, old = "boot/firmware/config.txt", "boot/config.txt"
	const enable = "open /dev/i2c-1: no such file or directory: enable I2C with `sudo raspi-config nonint do_i2c 0`"
	for name, c := range map[string]struct {
		kind  sensors.Bus
		bus   string
		files map[string]string
		says  string // "" for nothing
	}{
		"there":                {sensors.I2C, "1", map[string]string{"dev/i2c-1": ""}, ""},
		"not a Pi":             {sensors.I2C, "1", nil, enable},
		"not in config.txt":    {sensors.I2C, "1", map[string]string{config: "dtparam=audio=on\n[all]\ndtparam=i2c_vc=on\n"}, enable},
		"commented out":        {sensors.I2C, "1", map[string]string{config: "arm_64bit=1\n#dtparam=i2c_arm=on\n"}, "take the # away from line 2 of /boot/firmware/config.txt (#dtparam=i2c_arm=on) and restart"},
		"off":                  {sensors.I2C, "1", map[string]string{config: "dtparam=i2c_arm=on\ndtparam=i2c_arm=off\n#dtparam=i2c_arm=on\n"}, "write on instead of off in line 2 of /boot/firmware/config.txt"},
		"on, not restarted":    {sensors.I2C, "1", map[string]string{config: "# dtparam=i2c_arm=off\ndtparam=spi=on,i2c_arm=on\n"}, "line 2 of /boot/firmware/config.txt enables it: it takes effect at the next start: `sudo reboot`"},
		"on without =on":       {sensors.I2C, "1", map[string]string{old: "dtparam=i2c\n"}, "line 1 of /boot/config.txt enables it"},
		"on for other devices": {sensors.I2C, "1", map[string]string{config: "[pi5]\ndtparam=i2c_arm=on\n[all]\n"}, "line 2 of /boot/firmware/config.txt enables it, but below [pi5]"},
		"module not loaded":    {sensors.I2C, "1", map[string]string{"sys/bus/i2c/devices/i2c-1/name": "bcm2835"}, "no such file or directory: load its driver with `sudo modprobe i2c-dev`, and at every start with `echo i2c-dev | sudo tee /etc/modules-load.d/i2c-dev.conf`"},
		"another bus":          {sensors.I2C, "3", map[string]string{config: "#dtparam=i2c_arm=on\n"}, "open /dev/i2c-3: no such file or directory: see `ls /dev/i2c-*`"},

		"SPI there":            {sensors.SPI, "0.1", map[string]string{"dev/spidev0.1": ""}, ""},
		"SPI commented out":    {sensors.SPI, "0.0", map[string]string{config: "#dtparam=spi=on"}, "open /dev/spidev0.0: no such file or directory: take the # away from line 1"},
		"SPI driver missing":   {sensors.SPI, "0.0", map[string]string{"sys/bus/spi/devices/spi0.0/modalias": "spi:spidev"}, "`sudo modprobe spidev`"},
		"SPI has other driver": {sensors.SPI, "0.0", map[string]string{"sys/bus/spi/devices/spi0.0/driver": "->../../../bus/spi/drivers/mcp251x"}, "the kernel's driver mcp251x has it"},

		"no such name": {sensors.I2C, "one", nil, `no I2C bus is called "one"`},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			plant(t, root, c.files)
			err := Examine(root, c.kind, c.bus)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("says %v\nwant %s", err, c.says)
			}
		})
	}
}
