// Package config turns one YAML file into validated values: what the agent
// will read, how often, and where it publishes it.
//
// It is strict, because a gateway is configured once and then runs where
// nobody looks: an unknown key, a value that cannot be or two sensors that
// fight for one JSON key is an error with file, line, what is wrong and what
// to write instead, and all errors are told at once. What it returns needs no
// further checking.
//
// A flag overrides the environment, which overrides the file, which overrides
// the default; every key has one. [Parse] opens nothing, so a configuration
// can be checked on any machine; a password is read by [Config.ReadSecrets].
//
// The package does not know which drivers exist: they are handed to it. It is
// the only importer of the YAML library.
package config

import (
	"time"

	"sensor-agent/internal/conditioning"
	"sensor-agent/sensors"
)

// A Config is what one agent does. Parse returns it complete: defaults filled
// in, {device} expanded, names resolved.
type Config struct {
	Device  string     `yaml:"device"` // the gateway's name, one topic level; default: the host's name
	Clock   ClockTrust `yaml:"clock"`
	MQTT    MQTT       `yaml:"mqtt"`
	Topics  Topics     `yaml:"topics"`
	Control Control    `yaml:"control"`
	Outbox  Outbox     `yaml:"outbox"`
	Message Message    `yaml:"message"`
	Web     Web        `yaml:"web"`
	Log     Log        `yaml:"log"`

	Streams []*Stream `yaml:"-"` // at least one
	Sensors []*Sensor `yaml:"-"` // at least one, in the order of the file
}

// MQTT is how the broker is reached.
type MQTT struct {
	Brokers      []Broker `yaml:"brokers"`       // at least one; tried in turn
	ClientID     string   `yaml:"client_id"`     // "": to be derived from device and machine
	Username     string   `yaml:"username"`      // "": anonymous, or as the broker's URL says
	PasswordFile string   `yaml:"password_file"` // see [Config.ReadSecrets]
	TLS          TLS      `yaml:"tls"`

	Password Secret `yaml:"-"` // filled by [Config.ReadSecrets]
}

// TLS is how a broker proves itself and the agent to it. Empty means the
// system's authorities and no client certificate.
type TLS struct {
	CAFile     string `yaml:"ca_file"`     // authorities to trust instead of the system's, PEM
	CertFile   string `yaml:"cert_file"`   // client certificate, PEM; with KeyFile or not at all
	KeyFile    string `yaml:"key_file"`    // its key, PEM
	ServerName string `yaml:"server_name"` // name expected in the broker's certificate; "": the URL's
}

// Topics are where the agent tells of itself. All differ from each other and
// from every stream's.
type Topics struct {
	Status string `yaml:"status"` // online or offline, retained, last will
	State  string `yaml:"state"`  // what is in force, retained
	Event  string `yaml:"event"`  // what happened to delivery
	Ack    string `yaml:"ack"`    // answers to commands
	Sensor string `yaml:"sensor"` // the health of each sensor, retained; see [Topics.Of]
}

// A Stream is a topic, an interval and a set of sensors; every tick of it
// makes one message.
type Stream struct {
	Name         string        `yaml:"name"`  // unique
	Topic        string        `yaml:"topic"` // a topic to publish on: no wildcards
	Interval     time.Duration `yaml:"interval"`
	QoS          byte          `yaml:"qos"` // 0 or 1
	Retain       bool          `yaml:"retain"`
	Format       Format        `yaml:"format"`
	SensorNames  []string      `yaml:"sensors"`        // nil in the file: every sensor
	OnlyOnChange *OnlyOnChange `yaml:"only_on_change"` // nil: every tick is published

	Sensors []*Sensor `yaml:"-"` // in the order of SensorNames, at least one
}

// Fields returns what a message of the stream holds, in order: the fields of
// its sensors one after the other. Keys are unique.
func (s *Stream) Fields() []Field {
	var fields []Field
	for _, sensor := range s.Sensors {
		fields = append(fields, sensor.Fields...)
	}
	return fields
}

// Control is how the agent is retuned from afar.
type Control struct {
	Topic    string        `yaml:"topic"`    // where commands arrive; "": remote control is off
	Min      time.Duration `yaml:"min"`      // shortest interval a command may set, >= 1 ms
	Max      time.Duration `yaml:"max"`      // longest, <= 24 h
	Remember bool          `yaml:"remember"` // a commanded interval survives a restart
}

// A Sensor is one configured, named instance of a driver.
type Sensor struct {
	Name     string            `yaml:"name"`    // unique; default: the driver's name
	Driver   string            `yaml:"driver"`  // name in the catalogue
	Bus      string            `yaml:"bus"`     // "1" on I2C, "0.0" on SPI, "" for drivers without
	Address  uint16            `yaml:"address"` // 7-bit I2C address; 0 for drivers not on I2C
	Keys     map[string]string `yaml:"keys"`    // the driver's JSON key: the published one
	Decimals map[string]int    `yaml:"decimals"`

	Adjust map[string]Adjustment `yaml:"adjust"` // the driver's JSON key: what is done with its values
	Heat   *conditioning.Heat    `yaml:"heat"`   // nil: the sensor is as warm as the air
	Derive conditioning.Derive   `yaml:"derive"`

	Written string `yaml:"-"` // the keys as they are in the file, but for bus, on one line of YAML

	Kind   sensors.Bus  `yaml:"-"` // of Bus
	Plan   sensors.Plan `yaml:"-"` // with all of the above in force
	Fields []Field      `yaml:"-"` // one for each of Plan.Outputs, in their order
}

// A Field is one place in a message: an output of a sensor after renaming.
type Field struct {
	Key      string // as published
	Quantity sensors.Quantity
	Decimals int // digits after the point, 0..9
}

// Outbox is the durable queue between sampling and the broker.
type Outbox struct {
	Dir     string `yaml:"dir"` // default: $STATE_DIRECTORY, else the user's state folder
	MaxSize Size   `yaml:"max_size"`
	Sync    Sync   `yaml:"sync"`
	Drain   int    `yaml:"drain"` // messages a second of backlog after an outage; 0: no limit
}

// Message is how readings are written.
type Message struct {
	// Timestamp is rfc3339, unix (seconds), unix_ms (milliseconds), or a
	// strftime pattern of the [TimestampDirectives].
	Timestamp string `yaml:"timestamp"`
}

// Web is reserved for a web page, which this version does not have.
type Web struct {
	Listen string `yaml:"listen"` // "host:port" or ":port"; "": off
}

// Log is what is logged, and how.
type Log struct {
	Level  LogLevel  `yaml:"level"`
	Format LogFormat `yaml:"format"`
}

// defaults returns the configuration of an empty file, apart from what depends
// on the environment.
func defaults() *Config {
	return &Config{
		Clock:   ClockAuto,
		MQTT:    MQTT{Brokers: []Broker{localBroker()}},
		Topics:  Topics{"iot/{device}/status", "iot/{device}/state", "iot/{device}/event", "iot/{device}/ack", "iot/{device}/sensor/{sensor}"},
		Control: Control{Topic: "iot/topic/interval", Min: 100 * time.Millisecond, Max: maxInterval, Remember: true},
		Outbox:  Outbox{MaxSize: 64 << 20, Sync: SyncLazy, Drain: 500},
		Message: Message{Timestamp: "rfc3339"},
		Log:     Log{Level: "info", Format: LogAuto},
	}
}

// defaultStream is a stream of which the file says nothing.
func defaultStream() *Stream {
	return &Stream{
		Name:     "main",
		Topic:    "iot/sensor/value",
		Interval: time.Second,
		QoS:      1,
		Format:   FormatJSON,
	}
}
