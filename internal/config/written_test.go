package config

import (
	"testing"

	"gopkg.in/yaml.v3"
)

func TestSensorAsWritten(t *testing.T) {
	const text = `
limits: &limits {min: -40, max: 85}
sensors:
  - {name: air, driver: bme280, bus: "1", filter: 4} # on the mast
  - driver: mcp3008
    # the light cell
    vref: ${VREF}
    channels:
      - {channel: 0, ldr: {fixed: 10k}}
      - channel: 1
        note: |
          two
          lines
    bus: replay:a.rec
  - {driver: bme280, name: "1", adjust: {temp: {limits: *limits}}, odd: "a: #b, }", empty: }
`
	want := []string{
		`name: air, driver: bme280, filter: 4`,
		`driver: mcp3008, vref: "3.3", channels: [{channel: 0, ldr: {fixed: 10k}}, {channel: 1, note: "two\nlines\n"}]`,
		`driver: bme280, name: "1", adjust: {temp: {limits: {min: -40, max: 85}}}, odd: "a: #b, }", empty: null`,
	}
	var file struct{ Sensors []yaml.Node }
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	d := &decoder{report: newReport("config.yaml", nil), lookup: only("VREF=3.3").lookup}
	for i := range file.Sensors {
		n := &file.Sensors[i]
		got := d.written(n)
		if got != want[i] {
			t.Errorf("got  %s\nwant %s", got, want[i])
		}
		var again, once map[string]any
		if err := yaml.Unmarshal([]byte("{"+got+"}"), &again); err != nil {
			t.Errorf("%s: %v", got, err)
		}
		_ = n.Decode(&once)
		delete(once, "bus")
		if len(again) != len(once) {
			t.Errorf("%s: has %d keys, want %d", got, len(again), len(once))
		}
	}
}
