package publisher

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

func publishPacket(topic string, payload []byte) []byte {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.MessageID = topic, payload, 1, 77
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestLongMessagesAreCutAndTheNextIsWhole(t *testing.T) {
	const limit = leastLimit
	var in bytes.Buffer
	lengths := []int{0, 5, 200, limit - 100, limit, 3_000_000, 7, 20_000_000, 1}
	for _, n := range lengths {
		in.Write(publishPacket("iot/topic/interval", bytes.Repeat([]byte{'5'}, n)))
		pong := packets.NewControlPacket(packets.Pingresp)
		if err := pong.Write(&in); err != nil {
			t.Fatal(err)
		}
	}
	out := &trimmer{in: bufio.NewReaderSize(iotest.HalfReader(&in), 64), limit: limit}
	overhead := 2 + len("iot/topic/interval") + 2
	for _, n := range lengths {
		p, err := packets.ReadPacket(out)
		if err != nil {
			t.Fatalf("message of %d bytes: %v", n, err)
		}
		m := p.(*packets.PublishPacket)
		if m.TopicName != "iot/topic/interval" || m.MessageID != 77 || len(m.Payload) != min(n, limit-overhead) ||
			strings.Trim(string(m.Payload), "5") != "" {
			t.Errorf("message of %d bytes: %d came of it, topic %s, id %d", n, len(m.Payload), m.TopicName, m.MessageID)
		}
		if p, err := packets.ReadPacket(out); err != nil || p.(*packets.PingrespPacket) == nil {
			t.Fatalf("after %d bytes: %v, %v", n, p, err)
		}
	}
	if _, err := packets.ReadPacket(out); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// FuzzTrimmer: any bytes pass unchanged while no packet is too long, however
// they are chopped up, and never more than the limit when one is.
func FuzzTrimmer(f *testing.F) {
	f.Add(publishPacket("a", []byte("hello")), 3)
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3}, 64)
	f.Add([]byte{0x30, 0x80, 0x80, 0x80, 0x80, 0x80}, 1)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		whole, _ := io.ReadAll(&trimmer{in: bufio.NewReaderSize(bytes.NewReader(in), max(16, size%4096))})
		if !bytes.HasPrefix(in, whole) {
			t.Errorf("%x became %x", in, whole)
		}
		cut, _ := io.ReadAll(&trimmer{in: bufio.NewReader(bytes.NewReader(in)), limit: leastLimit})
		if len(cut) > len(in) {
			t.Errorf("%d bytes became %d", len(in), len(cut))
		}
	})
}
