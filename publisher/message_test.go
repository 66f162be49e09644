package publisher

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/clock"
	"sensor-agent/sensors"
)

var at = time.Date(2026, 11, 21, 18, 30, 0, 123_456_000, time.UTC)

func TestAppendNumber(t *testing.T) {
	for _, tt := range []struct {
		v        float64
		decimals int
		want     string
	}{
		{21.534, 2, "21.53"},
		{45.2, 2, "45.2"},
		{21, 2, "21.0"},
		{0, 2, "0.0"},
		{-0.001, 2, "0.0"},
		{-0.4, 0, "0"},
		{-12.5, 1, "-12.5"},
		{413.7, 0, "414"},
		{100, 0, "100"},
		{1000, 1, "1000.0"},
		{1013.25, 2, "1013.25"},
		{12917, 0, "12917"},
		{1e21, 0, "1000000000000000000000"},
		{0.00004, 4, "0.0"},
	} {
		if got := string(appendNumber([]byte("x"), tt.v, tt.decimals)); got != "x"+tt.want {
			t.Errorf("%v with %d decimals: %s, want %s", tt.v, tt.decimals, got[1:], tt.want)
		}
	}
}

func stream(format Format) Stream {
	return Stream{
		Name: "main", Topic: "iot/sensor/value", QoS: 1, Format: format,
		Fields: [][]Field{{{"light", 0}}, {{"temp", 2}, {"humi", 2}}},
	}
}

func TestMessage(t *testing.T) {
	wall, err := clock.New(clock.Always, "")
	if err != nil {
		t.Fatal(err)
	}
	light := sensors.Reading{sensors.Value(414)}
	air := sensors.Reading{sensors.Value(21.53), sensors.NoValue("not measured")}
	for _, tt := range []struct {
		name     string
		format   Format
		readings []sensors.Reading
		want     string
	}{
		{"all", JSON, []sensors.Reading{light, {sensors.Value(21.5), sensors.Value(45)}}, `"light":414,"temp":21.5,"humi":45.0`},
		{"one without a value", JSON, []sensors.Reading{light, air}, `"light":414,"temp":21.53,"humi":null`},
		{"a sensor missing", JSON, []sensors.Reading{light, nil}, `"light":414,"temp":null,"humi":null`},
		{
			"not good", JSON,
			[]sensors.Reading{{light[0].Doubtful(sensors.Suspect, "")}, {air[0].Doubtful(sensors.WarmingUp, ""), air[1].Doubtful(sensors.Stale, "")}},
			`"light":414,"temp":21.53,"humi":null,"quality":{"light":"suspect","temp":"warming_up"}`,
		},
		{"infinite", JSON, []sensors.Reading{light, {sensors.Value(math.Inf(1)), sensors.Value(math.NaN())}}, `"light":414,"temp":null,"humi":null`},
	} {
		got := string(Render(stream(tt.format), "greenhouse", RFC3339, wall, at, tt.readings))
		want := `{"timestamp":"2026-11-21T18:30:00.123Z","device":"greenhouse",` + tt.want + `,"epoch":0,"seq":0}`
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s: no JSON", tt.name)
		}
	}
	if got := string(Render(stream(Value), "greenhouse", RFC3339, wall, at, []sensors.Reading{light, nil})); got != "414" {
		t.Errorf("bare value rendered: %s", got)
	}
	s := stream(JSON)
	if _, ok := s.appendBody(nil, []sensors.Reading{nil, nil}); ok {
		t.Error("a tick in which nothing was read makes a message")
	}
	v := stream(Value)
	if body, ok := v.appendBody(nil, []sensors.Reading{light, nil}); !ok || string(body) != "414" {
		t.Errorf("bare value: %s, %v", body, ok)
	}
	if _, ok := v.appendBody(nil, []sensors.Reading{{sensors.NoValue("")}, nil}); ok {
		t.Error("a bare value that is none makes a message")
	}
	if _, ok := v.appendBody(nil, []sensors.Reading{{light[0].Doubtful(sensors.Suspect, "")}, nil}); ok {
		t.Error("a suspect bare value, which cannot say so, makes a message")
	}
}

func TestTimestamps(t *testing.T) {
	local := time.FixedZone("CET", 3600)
	for format, want := range map[Timestamp]string{
		"":                  `"2026-11-21T18:30:00.123Z"`,
		RFC3339:             `"2026-11-21T18:30:00.123Z"`,
		Unix:                `1795285800.123`,
		UnixMs:              `1795285800123`,
		"%Y-%m-%d-%H-%M":    `"2026-11-21-19-30"`,
		"%d/%b/%y %I:%M %p": `"21/Nov/26 07:30 PM"`,
		"%FT%T.%f%z":        `"2026-11-21T19:30:00.123456+0100"`,
		"%j %A %a %B %Z":    `"325 Saturday Sat November CET"`,
		`%s %S%% "x\`:       `"1795285800 00% \"x\\"`,
	} {
		if got := string(format.append(nil, at.In(local))); got != want {
			t.Errorf("%s: %s, want %s", format, got, want)
		} else if !json.Valid([]byte(got)) {
			t.Errorf("%s: %s is no JSON", format, got)
		}
	}
	for i := range len(Directives) {
		if got := strftime("%"+Directives[i:i+1], at); got == "" {
			t.Errorf("directive %c gives nothing", Directives[i])
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	for _, r := range []record{
		{qos: 1, at: clock.Stamp{Boot: 1 << 63, Mono: time.Hour, Wall: at.UnixNano(), Synced: true}, topic: []byte("iot/sensor/value"), body: []byte(`,"light":414`)},
		{retain: true, kind: kindValue, at: clock.Stamp{Wall: -5}, topic: []byte("t"), body: []byte{}},
		{qos: 1, kind: kindEvent, topic: []byte{}, body: []byte("{}")},
	} {
		var got record
		if err := got.parse(r.append(nil)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, got, cmp.AllowUnexported(record{})); diff != "" {
			t.Error(diff)
		}
	}
}

func TestEnvelope(t *testing.T) {
	r := record{body: []byte(`,"light":414`)}
	got := string(r.appendMessage(nil, envelope{device: quoted("a\"b"), at: at, unsynced: true, replay: true, epoch: 3, seq: 1041}))
	want := `{"timestamp":"2026-11-21T18:30:00.123Z","device":"a\"b","light":414,"epoch":3,"seq":1041,"clock":"unsynced","replay":true}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzRecord(f *testing.F) {
	r := record{qos: 1, topic: []byte("iot/sensor/value"), body: []byte(`,"light":414`)}
	f.Add(r.append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, p []byte) {
		var r record
		if r.parse(p) == nil && len(r.append(nil)) != len(p) {
			t.Error("a record that is read is not the one that was written")
		}
	})
}
