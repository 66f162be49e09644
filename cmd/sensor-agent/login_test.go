package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"sensor-agent/internal/mosquitto"
	"sensor-agent/publisher"
)

// A way to reach a broker: right, or wrong and explained in the log.
type way struct {
	name   string
	broker string // URL
	config string // of mqtt
	says   string // in the log; "" if it is right
}

// try runs an agent that reaches its broker this way, and a consumer that does
// so as given.
func (w way) try(t *testing.T, as publisher.Login) {
	t.Run(w.name, func(t *testing.T) {
		t.Parallel()
		// The broker ends a connection when somebody comes with the same client id.
		p := startAgent(t, t.TempDir(), w.broker, fmt.Sprintf("mqtt: {client_id: %q, %s}\n", w.name, w.config)+weather)
		if w.says != "" {
			if line := p.logs("no broker", w.says); strings.Contains(line, "secret") {
				t.Errorf("a password is in the log: %s", line)
			}
			lastQueued(p, 2) // it goes on measuring
			p.alive()
		} else {
			consumer := connectAs(t, w.broker, as)
			consumer.live(p.epoch()) // others at this broker are heard as well
			if ack := consumer.command("2"); !strings.Contains(ack, "applied") {
				t.Errorf("answer: %s", ack)
			}
			p.logs("interval changed", "interval=2s")
		}
		p.stop(syscall.SIGTERM)
	})
}

func TestLoginWithPassword(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t, "allow_anonymous false", "password_file "+mosquitto.PasswordFile(t, "pi", "secret"))
	dir := t.TempDir()
	right, wrong := write(t, dir, "right", "secret\n"), write(t, dir, "wrong", "secret?\n")
	pi := publisher.Login{Username: "pi", Password: "secret"}
	for _, w := range []way{
		{"right", m.URL(), "username: pi, password_file: " + right, ""},
		{"in the URL", "tcp://pi:secret@" + m.Addr(), "", ""},
		{"wrong", m.URL(), "username: pi, password_file: " + wrong, `does not accept the password of user \"pi\": check mqtt.username and mqtt.password_file`},
		{"wrong in the URL", "tcp://pi:secret1@" + m.Addr(), "", "login refused"},
		{"none", m.URL(), "", "the broker wants a user name and password, and none is configured: set mqtt.username and mqtt.password_file"},
	} {
		w.try(t, pi)
	}
}

// The answer of a broker that refuses a login will not change by itself: it is
// asked again, but not soon.
func TestRefusedLoginIsTriedAgainSlowly(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t, "allow_anonymous false", "password_file "+mosquitto.PasswordFile(t, "pi", "secret"))
	p := startAgent(t, t.TempDir(), m.URL(), weather)
	p.logs("no broker")
	time.Sleep(5 * time.Second) // in which a broker that is not there is asked about ten times
	if lines := p.stderr.lines("no broker"); len(lines) != 1 {
		t.Errorf("%d attempts: %s", len(lines), strings.Join(lines, "\n"))
	}
	p.alive()
	p.stop(syscall.SIGTERM)
}

func TestPasswordFileThatIsNotSafe(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	file := write(t, home, "password", "secret\n")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	p := startAgent(t, home, "tcp://127.0.0.1:1", "mqtt: {username: pi, password_file: "+file+"}\n"+weather)
	if code := p.wait(patience); code != 78 {
		t.Errorf("exit code %d", code)
	}
	p.logs("every user of this machine can read " + file + ": run chmod 600 " + file)
}

func TestTLSWithClientCertificates(t *testing.T) {
	t.Parallel()
	authority, stranger := mosquitto.NewAuthority(t), mosquitto.NewAuthority(t)
	cert, key := authority.Issue("127.0.0.1", nil)
	m := mosquitto.Start(t, "allow_anonymous true", "require_certificate true",
		"cafile "+authority.File, "certfile "+cert, "keyfile "+key)
	other, otherKey := authority.Issue("broker.example", nil)
	renamed := mosquitto.Start(t, "allow_anonymous true", "require_certificate true",
		"cafile "+authority.File, "certfile "+other, "keyfile "+otherKey)
	plain := mosquitto.Start(t)

	client, clientKey := authority.Issue("client", nil)
	strange, strangeKey := stranger.Issue("client", nil)
	tls := func(ca, cert, key, more string) string {
		return "tls: {ca_file: " + ca + ", cert_file: " + cert + ", key_file: " + key + more + "}"
	}
	right := tls(authority.File, client, clientKey, "")
	consumer := publisher.Login{TLS: publisher.TLS{CAFile: authority.File, CertFile: client, KeyFile: clientKey}}
	asRenamed := consumer
	asRenamed.TLS.ServerName = "broker.example"
	for _, w := range []way{
		{"right", "ssl://" + m.Addr(), right, ""},
		{"no authority", "ssl://" + m.Addr(), "", "set mqtt.tls.ca_file to that authority's certificate"},
		{"another authority", "ssl://" + m.Addr(), tls(stranger.File, client, clientKey, ""), "set mqtt.tls.ca_file to that authority's certificate"},
		{"no certificate", "ssl://" + m.Addr(), "tls: {ca_file: " + authority.File + "}", "does not accept this client's certificate, or wants one: check mqtt.tls.cert_file"},
		{"a stranger's certificate", "ssl://" + m.Addr(), tls(authority.File, strange, strangeKey, ""), "does not accept this client's certificate"},
		{"another's key", "ssl://" + m.Addr(), tls(authority.File, client, strangeKey, ""), "mqtt.tls.cert_file and key_file"},
		{"no such file", "ssl://" + m.Addr(), tls("/nowhere/ca.pem", client, clientKey, ""), "reading mqtt.tls.ca_file: open /nowhere/ca.pem"},
		{"another name", "ssl://" + renamed.Addr(), right, "certificate is for another name (broker.example)"},
		{"a broker without TLS", "ssl://" + plain.Addr(), right, "the connection was closed before the broker answered"},
		{"without TLS", "tcp://" + m.Addr(), "", "does the port want ssl://"},
	} {
		w.try(t, consumer)
	}
	way{"another name, told", "ssl://" + renamed.Addr(), tls(authority.File, client, clientKey, ", server_name: broker.example"), ""}.try(t, asRenamed)
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	authority := mosquitto.NewAuthority(t)
	cert, key := authority.Issue("127.0.0.1", nil)
	ws := mosquitto.Start(t, "protocol websockets", "allow_anonymous true")
	wss := mosquitto.Start(t, "protocol websockets", "allow_anonymous true",
		"cafile "+authority.File, "certfile "+cert, "keyfile "+key)
	plain := mosquitto.Start(t)
	trusting := publisher.Login{TLS: publisher.TLS{CAFile: authority.File}}
	for _, w := range []way{
		{"ws", "ws://" + ws.Addr() + "/mqtt", "", ""},
		{"wss", "wss://" + wss.Addr() + "/mqtt", "tls: {ca_file: " + authority.File + "}", ""},
		{"wss, authority unknown", "wss://" + wss.Addr() + "/mqtt", "", "set mqtt.tls.ca_file"},
		{"ws where tcp is", "ws://" + plain.Addr(), "", "connecting to ws://" + plain.Addr()},
		{"tcp where ws is", "tcp://" + ws.Addr(), "", "connecting to tcp://" + ws.Addr()},
	} {
		w.try(t, trusting)
	}
}
