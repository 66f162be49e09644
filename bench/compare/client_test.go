package main

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadPacket(t *testing.T) {
	tests := []struct {
		name, in string
		kind     byte
		length   int // of what follows; -1 for an error
	}{
		{"short", "\x30\x03abc", packetPublish, 3},
		{"length of two bytes", "\x30\x80\x01" + strings.Repeat("x", 128), packetPublish, 128},
		{"cut off", "\x30\x03ab", 0, -1},
		{"no length", "\x30", 0, -1},
		{"empty", "\xd0\x00", 0, -1},
		{"longer than anything here", "\x30\xf0\xa2\x04" + strings.Repeat("x", 70000), 0, -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			kind, body, err := readPacket(bufio.NewReader(strings.NewReader(test.in)))
			switch {
			case test.length < 0 && err == nil:
				t.Errorf("%d bytes of packet %#x, want an error", len(body), kind)
			case test.length >= 0 && (err != nil || kind != test.kind || len(body) != test.length):
				t.Errorf("%d bytes of packet %#x, error %v; want %d of %#x", len(body), kind, err, test.length, test.kind)
			}
		})
	}
}

func TestNextTakesTheTimeOfMessagesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker, conn := net.Pipe()
		defer broker.Close()
		defer conn.Close()
		c := &client{conn: conn, in: bufio.NewReader(conn)}
		start := time.Now()
		go func() {
			time.Sleep(time.Second)
			broker.Write([]byte("\x90\x03\x00\x01\x00")) // no message
			time.Sleep(time.Second)
			broker.Write([]byte("\x30\x03\x00\x01a"))
		}()
		got, err := c.next(time.Minute)
		if d := got.Sub(start); err != nil || d != 2*time.Second {
			t.Errorf("message after %v, error %v; want 2s", d, err)
		}
		if _, err := c.next(time.Minute); err == nil || time.Since(start) != time.Minute+2*time.Second {
			t.Errorf("error %v after %v, want one after a minute without a message", err, time.Since(start))
		}
	})
}
