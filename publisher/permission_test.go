package publisher

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sensor-agent/internal/mosquitto"
)

// A real broker says what its access list does, and delivers nothing.
func TestMayPublish(t *testing.T) {
	acl := filepath.Join(t.TempDir(), "acl")
	if err := os.WriteFile(acl, []byte("user pi\ntopic write iot/value\ntopic read iot/command\nuser reader\ntopic read #\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	passwords := mosquitto.PasswordFile(t, "pi", "secret")
	s := mosquitto.Start(t, "allow_anonymous true", "password_file "+passwords, "acl_file "+acl)
	for _, c := range []struct {
		broker, topic string
		login         Login
		want          Permission
	}{
		{s.URL(), "iot/value", Login{Username: "pi", Password: "secret"}, Granted},
		{"tcp://pi:secret@" + s.Addr(), "iot/value", Login{}, Granted},
		{s.URL(), "iot/command", Login{Username: "pi", Password: "secret"}, Denied},
		{s.URL(), "iot/value", Login{}, Denied},
		{s.URL(), "iot/value", Login{Username: "pi", Password: "guess"}, Unknown},
		{"tcp://127.0.0.1:1", "iot/value", Login{}, Unknown},
	} {
		c.login.ClientID = "test"
		if got := MayPublish(t.Context(), parseURL(t, c.broker), c.login, c.topic, []byte("21.5")); got != c.want {
			t.Errorf("%s as %q: %v, want %v", c.topic, c.login.Username, got, c.want)
		}
	}
}

func TestQuestionIsNotDelivered(t *testing.T) {
	s := mosquitto.Start(t)
	conn, err := Connect(t.Context(), parseURL(t, s.URL()), Login{ClientID: "listener"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := make(chan string, 2)
	if err := conn.Subscribe(t.Context(), "#", func(r Received) { got <- string(r.Payload) }); err != nil {
		t.Fatal(err)
	}
	if p := MayPublish(t.Context(), parseURL(t, s.URL()), Login{ClientID: "asker"}, "iot/value", []byte("question")); p != Granted {
		t.Errorf("answer %v", p)
	}
	if err := conn.Send(t.Context(), "iot/value", 1, false, []byte("message")); err != nil {
		t.Fatal(err)
	}
	if first := <-got; first != "message" {
		t.Errorf("received %q", first)
	}
}

// Whatever answers, and however long, the question ends.
func TestMayPublishOfStrangeBrokers(t *testing.T) {
	for name, answers := range map[string]string{
		"closes":          "",
		"MQTT 3.1.1 only": "\x20\x02\x00\x01",
		"not MQTT":        "HTTP/1.1 400 Bad Request\r\n\r\n",
		"endless length":  "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"huge answer":     "\x20\xff\xff\xff\x7f",
		"QoS 1 at most":   "\x20\x03\x00\x00\x00\xe0\x01\x9b",
		"refuses QoS 2":   "\x20\x03\x00\x00\x00\x50\x03\x00\x01\x97",
	} {
		t.Run(name, func(t *testing.T) {
			if got := MayPublish(t.Context(), parseURL(t, "tcp://"+says(t, answers, false)), Login{}, "a", nil); got != Unknown {
				t.Errorf("answer %v", got)
			}
		})
	}
	if got := MayPublish(t.Context(), parseURL(t, "tcp://"+says(t, "\x20\x03\x00\x00\x00\xe0\x02\x87\x00", false)), Login{}, "a", nil); got != Denied {
		t.Errorf("a broker that throws out: %v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if got := MayPublish(ctx, parseURL(t, "tcp://"+says(t, "", true)), Login{}, "a", nil); got != Unknown {
		t.Errorf("a silent broker: %v", got)
	}
}

// says returns where somebody listens who says the same to everybody, and then
// keeps the connection or closes it.
func says(t *testing.T, text string, keeps bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, text)
		if !keeps {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
		_, _ = io.Copy(io.Discard, conn)
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// No answer makes the question panic or wait for more than is there.
func FuzzQuestion(f *testing.F) {
	f.Add([]byte("\x20\x03\x00\x00\x00\x50\x02\x00\x01"))
	f.Add([]byte("\x20\x03\x00\x00\x00\x50\x03\x00\x01\x87"))
	f.Add([]byte("\x20\x03\x00\x00\x00\xe0\x01\x87"))
	f.Add([]byte("\x20\x00\x20\xff\xff"))
	f.Fuzz(func(t *testing.T, answers []byte) {
		q := question{io.Discard, bufio.NewReader(bytes.NewReader(answers))}
		permission, err := q.ask(nil, "a", nil)
		if err != nil && permission != Unknown {
			t.Errorf("%v, %v", permission, err)
		}
	})
}
