package publisher

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"sensor-agent/internal/mosquitto"
	"sensor-agent/internal/need"
)

func parseURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// roundTrip connects, subscribes and receives what it publishes.
func roundTrip(t *testing.T, broker string, login Login) error {
	t.Helper()
	conn, err := Connect(t.Context(), parseURL(t, broker), login)
	if err != nil {
		return err
	}
	defer conn.Close()
	got := make(chan Received, 1)
	if err := conn.Subscribe(t.Context(), "a/b", func(r Received) { got <- r }); err != nil {
		return err
	}
	if err := conn.Send(t.Context(), "a/b", 1, false, []byte("hello")); err != nil {
		return err
	}
	select {
	case r := <-got:
		if !bytes.Equal(r.Payload, []byte("hello")) || r.QoS != 1 || r.Retained {
			t.Errorf("received %+v", r)
		}
	case <-time.After(patience):
		t.Error("nothing received")
	}
	return nil
}

// attempt is one way to connect and what is said if it fails; "" means that it
// works.
type attempt struct {
	name   string
	broker string
	login  Login
	says   string
}

func (a attempt) run(t *testing.T) {
	t.Run(a.name, func(t *testing.T) {
		if a.login.ClientID == "" {
			a.login.ClientID = "test"
		}
		err := roundTrip(t, a.broker, a.login)
		switch {
		case a.says == "" && err != nil:
			t.Errorf("fails: %v", err)
		case a.says != "" && (err == nil || !strings.Contains(err.Error(), a.says)):
			t.Errorf("error: %v\n want: … %s …", err, a.says)
		case a.says != "" && strings.Contains(err.Error(), "%!"):
			t.Errorf("error is badly formatted: %v", err)
		}
	})
}

func TestPasswordLogin(t *testing.T) {
	s := mosquitto.Start(t, "allow_anonymous false", "password_file "+mosquitto.PasswordFile(t, "pi", "secret"))
	for _, a := range []attempt{
		{"right", s.URL(), Login{Username: "pi", Password: "secret"}, ""},
		{"in the URL", "tcp://pi:secret@" + s.Addr(), Login{}, ""},
		{"wrong", s.URL(), Login{Username: "pi", Password: "guess"}, `does not accept the password of user "pi": check mqtt.username and mqtt.password_file`},
		{"none", s.URL(), Login{}, "wants a user name and password, and none is configured"},
	} {
		a.run(t)
	}
	_, err := Connect(t.Context(), parseURL(t, "tcp://pi:hidden@"+s.Addr()), Login{ClientID: "t"})
	if !errors.Is(err, ErrLogin) || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), `user "pi"`) {
		t.Errorf("error %v", err)
	}
}

func TestTLS(t *testing.T) {
	authority, stranger := mosquitto.NewAuthority(t), mosquitto.NewAuthority(t)
	cert, key := authority.Issue("127.0.0.1", nil)
	listener := func(cert, key string, more ...string) []string {
		return append([]string{"allow_anonymous true", "cafile " + authority.File, "certfile " + cert, "keyfile " + key}, more...)
	}
	open := mosquitto.Start(t, listener(cert, key)...)
	mutual := mosquitto.Start(t, listener(cert, key, "require_certificate true")...)
	otherCert, otherKey := authority.Issue("broker.example", nil)
	other := mosquitto.Start(t, listener(otherCert, otherKey)...)
	earlyCert, earlyKey := authority.Issue("127.0.0.1", func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	})
	early := mosquitto.Start(t, listener(earlyCert, earlyKey)...)
	plain := mosquitto.Start(t)
	clientCert, clientKey := authority.Issue("client", nil)
	strangeCert, strangeKey := stranger.Issue("client", nil)

	ssl := func(s *mosquitto.Server) string { return "ssl://" + s.Addr() }
	ca := TLS{CAFile: authority.File}
	for _, a := range []attempt{
		{"trusted", ssl(open), Login{TLS: ca}, ""},
		{"authority unknown", ssl(open), Login{}, "set mqtt.tls.ca_file"},
		{"wrong authority", ssl(open), Login{TLS: TLS{CAFile: stranger.File}}, "set mqtt.tls.ca_file"},
		{"client certificate", ssl(mutual), Login{TLS: TLS{CAFile: authority.File, CertFile: clientCert, KeyFile: clientKey}}, ""},
		{"client certificate missing", ssl(mutual), Login{TLS: ca}, "does not accept this client's certificate, or wants one"},
		{"client certificate of a stranger", ssl(mutual), Login{TLS: TLS{CAFile: authority.File, CertFile: strangeCert, KeyFile: strangeKey}}, "does not accept this client's certificate"},
		{"another name", ssl(other), Login{TLS: ca}, "is for another name (broker.example)"},
		{"another name, told", ssl(other), Login{TLS: TLS{CAFile: authority.File, ServerName: "broker.example"}}, ""},
		{"not yet valid", ssl(early), Login{TLS: ca}, "is the clock set?"},
		{"no TLS there", ssl(plain), Login{TLS: ca}, "the connection was closed before the broker answered"},
		{"TLS expected", "tcp://" + open.Addr(), Login{}, "does the port want ssl://"},
		{"no such file", ssl(open), Login{TLS: TLS{CAFile: "/nowhere"}}, "reading mqtt.tls.ca_file"},
		{"no certificate", ssl(open), Login{TLS: TLS{CAFile: clientKey}}, "holds no PEM certificate"},
	} {
		a.run(t)
	}
}

func TestWebSocket(t *testing.T) {
	authority := mosquitto.NewAuthority(t)
	cert, key := authority.Issue("127.0.0.1", nil)
	ws := mosquitto.Start(t, "protocol websockets", "allow_anonymous true")
	wss := mosquitto.Start(t, "protocol websockets", "allow_anonymous true",
		"cafile "+authority.File, "certfile "+cert, "keyfile "+key)
	for _, a := range []attempt{
		{"ws", "ws://" + ws.Addr() + "/mqtt", Login{}, ""},
		{"wss", "wss://" + wss.Addr() + "/mqtt", Login{TLS: TLS{CAFile: authority.File}}, ""},
		{"tcp to it", "tcp://" + ws.Addr(), Login{}, "wants ws:// instead"},
		{"wss, authority unknown", "wss://" + wss.Addr(), Login{}, "set mqtt.tls.ca_file"},
	} {
		a.run(t)
	}
}

func TestNoBroker(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	rude, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer rude.Close()
	go func() {
		for {
			conn, err := rude.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			conn.Close()
		}
	}()
	nobody := need.Port(t)
	for _, a := range []attempt{
		{"nobody listens", "tcp://127.0.0.1:" + itoa(nobody), Login{}, "no broker is listening there"},
		{"unknown name", "tcp://no-such-host.invalid:1883", Login{}, "the name no-such-host.invalid is not known"},
		{"not MQTT", "tcp://" + rude.Addr().String(), Login{}, "connecting to tcp://"},
		{"not a WebSocket", "ws://" + rude.Addr().String(), Login{}, "no WebSocket broker"},
	} {
		a.run(t)
	}
	_, err = Connect(t.Context(), parseURL(t, "tcp://127.0.0.1:"+itoa(nobody)), Login{ClientID: "t"})
	if !errors.Is(err, ErrRefused) {
		t.Errorf("error %v", err)
	}
}

// The log has one line for the same trouble, which the agent knows by its words.
func TestSameTroubleHasTheSameWords(t *testing.T) {
	t.Parallel()
	reset, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer reset.Close()
	go func() {
		for {
			conn, err := reset.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1))
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}()
	for _, scheme := range []string{"tcp", "ssl", "ws"} {
		broker := parseURL(t, scheme+"://"+reset.Addr().String())
		_, first := Connect(t.Context(), broker, Login{})
		_, second := Connect(t.Context(), broker, Login{})
		if first == nil || second == nil || first.Error() != second.Error() {
			t.Errorf("first:  %v\nsecond: %v", first, second)
		}
		if first != nil && !strings.HasPrefix(first.Error(), "connecting to "+broker.String()+": the connection was closed before the broker answered: ") {
			t.Errorf("error %v", first)
		}
	}
}

// What ends a connection is told to people, who know neither paho nor Go.
func TestLostInWords(t *testing.T) {
	for err, says := range map[error]string{
		io.EOF: "the broker closed it",
		&net.OpError{Op: "write", Net: "tcp", Err: net.ErrClosed}: "the broker or the network closed it",
		mqtt.ErrNotConnected: "the broker or the network closed it",
		errors.New("connection lost before Publish completed"):        "the broker or the network closed it",
		errors.New("pingresp not received, disconnecting"):            "no answer from the broker for 5s",
		&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}: "read tcp: connection reset by peer",
	} {
		if got := explainLost(err).Error(); got != says {
			t.Errorf("%v is told as %q, want %q", err, got, says)
		}
	}
}
