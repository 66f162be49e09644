package chaos

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// The kinds of MQTT control packets that are looked at (MQTT 3.1.1 §2.2.1).
const (
	connect    = 1
	publish    = 3
	puback     = 4
	subscribe  = 8
	pingreq    = 12
	disconnect = 14
)

// A packet is one MQTT control packet, as it is on the wire.
type packet struct {
	raw  []byte
	body []byte // raw behind the fixed header
}

func (p packet) kind() byte { return p.raw[0] >> 4 }

// id is the packet identifier of a PUBACK or a SUBSCRIBE.
func (p packet) id() uint16 {
	if len(p.body) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(p.body)
}

// maxPacket is more than an agent ever sends at once.
const maxPacket = 1 << 20

var errPacket = errors.New("not an MQTT packet")

// readPacket reads the next packet whole (MQTT 3.1.1 §2.2).
func readPacket(r *bufio.Reader) (packet, error) {
	first, err := r.ReadByte()
	if err != nil {
		return packet{}, err
	}
	length, err := binary.ReadUvarint(r) // the remaining length is coded as Go's varints are
	if err != nil {
		return packet{}, err
	}
	if length > maxPacket {
		return packet{}, errPacket
	}
	raw := binary.AppendUvarint([]byte{first}, length)
	head := len(raw)
	raw = append(raw, make([]byte, length)...)
	_, err = io.ReadFull(r, raw[head:])
	return packet{raw, raw[head:]}, err
}

// A message is the content of a PUBLISH (MQTT 3.1.1 §3.3).
type message struct {
	topic   string
	payload []byte
	qos     byte
	id      uint16 // 0 at QoS 0
}

func (p packet) message() (message, error) {
	m := message{qos: p.raw[0] >> 1 & 3}
	b := p.body
	if len(b) < 2 {
		return m, errPacket
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	idLen := 0
	if m.qos > 0 {
		idLen = 2
	}
	if len(b) < n+idLen {
		return m, errPacket
	}
	m.topic, m.payload = string(b[2:n]), b[n+idLen:]
	if m.qos > 0 {
		m.id = binary.BigEndian.Uint16(b[n:])
	}
	return m, nil
}
