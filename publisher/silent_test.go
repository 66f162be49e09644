package publisher

import (
	"net"
	"strconv"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

func itoa(n int) string { return strconv.Itoa(n) }

// silentBroker accepts connections, answers logins, subscriptions and pings,
// and never acknowledges a message.
func silentBroker(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go ignore(conn)
		}
	}()
	return "tcp://" + l.Addr().String()
}

func ignore(conn net.Conn) {
	defer conn.Close()
	for {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		var answer packets.ControlPacket
		switch p := p.(type) {
		case *packets.ConnectPacket:
			answer = packets.NewControlPacket(packets.Connack)
		case *packets.SubscribePacket:
			a := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			a.MessageID, a.ReturnCodes = p.MessageID, []byte{1}
			answer = a
		case *packets.PingreqPacket:
			answer = packets.NewControlPacket(packets.Pingresp)
		default:
			continue
		}
		if answer.Write(conn) != nil {
			return
		}
	}
}
