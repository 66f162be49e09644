package publisher

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"sensor-agent/internal/clock"
	"sensor-agent/publisher/outbox"
	"sensor-agent/sensors"
)

// Format is how a stream's readings are written.
type Format string

// The formats.
const (
	JSON  Format = "json"  // one flat object
	Value Format = "value" // one bare number: 414
)

// Stream is how the readings of one stream are published.
type Stream struct {
	Name   string
	Topic  string
	QoS    byte // 0 or 1
	Retain bool
	Format Format
	Fields [][]Field // per sensor of the stream, per output of the sensor
}

// Field is how one output of a sensor is written.
type Field struct {
	Key      string
	Decimals int // digits after the point, at most
}

// appendBody writes what the readings say: for JSON the members without
// braces, for a value the number. A sensor that was not read (nil) and a
// measurement without a value give null, so that the keys of a stream never
// change; which values are not good is told by one more member. A bare value
// has no room for that: it is written if it is good. ok is false if there is no
// value at all.
func (s *Stream) appendBody(dst []byte, readings []sensors.Reading) (_ []byte, ok bool) {
	doubtful := false
	for i, fields := range s.Fields {
		for j, f := range fields {
			m := sensors.NoValue("")
			if readings[i] != nil {
				m = readings[i][j]
			}
			if s.Format == Value {
				if !m.Valid() || m.Quality != sensors.Good {
					return dst, false
				}
				return appendNumber(dst, m.Value, f.Decimals), true
			}
			dst = append(dst, ',', '"')
			dst = append(dst, f.Key...)
			dst = append(dst, '"', ':')
			if !m.Valid() {
				dst = append(dst, "null"...)
				continue
			}
			ok = true
			doubtful = doubtful || m.Quality != sensors.Good
			dst = appendNumber(dst, m.Value, f.Decimals)
		}
	}
	if doubtful {
		dst = s.appendQuality(dst, readings)
	}
	return dst, ok
}

// appendQuality writes which values are not good: "quality":{"humi":"suspect"}.
func (s *Stream) appendQuality(dst []byte, readings []sensors.Reading) []byte {
	dst = append(dst, `,"quality":{`...)
	for i, r := range readings {
		for j, m := range r {
			if !m.Valid() || m.Quality == sensors.Good {
				continue
			}
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			dst = append(dst, '"')
			dst = append(dst, s.Fields[i][j].Key...)
			dst = append(dst, `":"`...)
			dst = append(dst, m.Quality.String()...)
			dst = append(dst, '"')
		}
	}
	return append(dst, '}')
}

// appendNumber writes v with at most the given decimals. Zeros at the end go,
// but a quantity with decimals keeps one, so that a consumer that tells
// integers from floats never sees its type change. There is no negative zero.
func appendNumber(dst []byte, v float64, decimals int) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', decimals, 64)
	if decimals > 0 {
		for dst[len(dst)-1] == '0' && dst[len(dst)-2] != '.' {
			dst = dst[:len(dst)-1]
		}
	}
	if dst[start] == '-' && len(bytes.Trim(dst[start+1:], "0.")) == 0 {
		dst = append(dst[:start], dst[start+1:]...)
	}
	return dst
}

// A record is a message on its way through the outbox: complete but for what
// is only known when it is sent.
type record struct {
	qos    byte
	retain bool
	kind   kind
	at     clock.Stamp // of sampling
	topic  []byte
	body   []byte
}

// kind is how a record becomes a message.
type kind byte

const (
	kindJSON  kind = iota // body: the members of an object
	kindValue             // body: the message
	kindEvent             // body: the message
)

// In the outbox a record is a byte of flags, which has the kind in its upper
// half, the stamp (boot, time since boot, wall time: 8 bytes each,
// little-endian), the length of the topic (2 bytes), the topic, and the body.
const (
	flagQoS1   = 1 << 0
	flagRetain = 1 << 1
	flagSynced = 1 << 2
	flagsAll   = 1<<3 - 1
	headerLen  = 1 + 3*8 + 2
)

func (r *record) append(dst []byte) []byte {
	flags := r.qos & flagQoS1
	if r.retain {
		flags |= flagRetain
	}
	if r.at.Synced {
		flags |= flagSynced
	}
	dst = append(dst, flags|byte(r.kind)<<4)
	dst = binary.LittleEndian.AppendUint64(dst, r.at.Boot)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.at.Mono))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.at.Wall))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(r.topic)))
	dst = append(dst, r.topic...)
	return append(dst, r.body...)
}

var errRecord = errors.New("a record of another version, or damaged")

// parse reads what append wrote; the record then shares p's memory.
func (r *record) parse(p []byte) error {
	if len(p) < headerLen || p[0]&0x0f > flagsAll || kind(p[0]>>4) > kindEvent {
		return errRecord
	}
	n := int(binary.LittleEndian.Uint16(p[25:]))
	if len(p) < headerLen+n {
		return errRecord
	}
	r.qos = p[0] & flagQoS1
	r.retain = p[0]&flagRetain != 0
	r.kind = kind(p[0] >> 4)
	r.at = clock.Stamp{
		Boot:   binary.LittleEndian.Uint64(p[1:]),
		Mono:   time.Duration(binary.LittleEndian.Uint64(p[9:])),
		Wall:   int64(binary.LittleEndian.Uint64(p[17:])),
		Synced: p[0]&flagSynced != 0,
	}
	r.topic, r.body = p[headerLen:headerLen+n], p[headerLen+n:]
	return nil
}

// An envelope is what a message says beside its readings.
type envelope struct {
	device    []byte // a JSON string, with its quotes
	timestamp Timestamp
	at        time.Time // of sampling
	unsynced  bool      // at is not to be relied on
	replay    bool      // sent late, from the outbox
	epoch     uint64
	seq       uint64
}

// appendMessage writes the message as it is published.
func (r *record) appendMessage(dst []byte, e envelope) []byte {
	if r.kind != kindJSON {
		return append(dst, r.body...)
	}
	dst = append(dst, `{"timestamp":`...)
	dst = e.timestamp.append(dst, e.at)
	dst = append(dst, `,"device":`...)
	dst = append(dst, e.device...)
	dst = append(dst, r.body...)
	dst = append(dst, `,"epoch":`...)
	dst = strconv.AppendUint(dst, e.epoch, 10)
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendUint(dst, e.seq, 10)
	if e.unsynced {
		dst = append(dst, `,"clock":"unsynced"`...)
	}
	if e.replay {
		dst = append(dst, `,"replay":true`...)
	}
	return append(dst, '}')
}

// quoted returns s as a JSON string.
func quoted(s string) []byte {
	return append(appendEscaped([]byte{'"'}, s), '"')
}

// Render returns a message with the readings of a stream as it would be
// published, outside of any epoch. Where there is no good value for a bare one,
// it is empty.
func Render(s Stream, device string, timestamp Timestamp, wall *clock.Clock, at time.Time, readings []sensors.Reading) []byte {
	body, _ := s.appendBody(nil, readings)
	r := record{body: body}
	if s.Format == Value {
		r.kind = kindValue
	}
	at, reliable := wall.Time(wall.Stamp(at))
	return r.appendMessage(nil, envelope{device: quoted(device), timestamp: timestamp, at: at, unsynced: !reliable})
}

// Decode returns what a record of the outbox would be published as now: its
// topic and its payload. Replay is left open: it depends on when.
func Decode(rec outbox.Record, device string, timestamp Timestamp, wall *clock.Clock) (topic string, payload []byte, err error) {
	var r record
	if err := r.parse(rec.Payload); err != nil {
		return "", nil, err
	}
	at, reliable := wall.Time(r.at)
	e := envelope{device: quoted(device), timestamp: timestamp, at: at, unsynced: !reliable, epoch: rec.Epoch, seq: rec.Seq}
	return string(r.topic), r.appendMessage(nil, e), nil
}
