package doctor

import (
	"crypto/x509"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sensor-agent/internal/mosquitto"
	"sensor-agent/internal/need"
	"sensor-agent/publisher"
)

func parseURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// brokers looks at the brokers of a configuration.
func brokers(t *testing.T, login publisher.Login, urls ...string) []Finding {
	t.Helper()
	login.ClientID = "agent"
	var list []*url.URL
	for _, s := range urls {
		list = append(list, parseURL(t, s))
	}
	first, found := Brokers(t.Context(), list, login, nil)
	for i, f := range found {
		if f.Status == OK && first == nil {
			t.Errorf("%s is well, and is not returned", urls[i])
		}
	}
	return found
}

// encrypted looks at a broker with a certificate for a name, changed by change.
func encrypted(name string, change func(*x509.Certificate)) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		authority := mosquitto.NewAuthority(t)
		cert, key := authority.Issue(name, change)
		m := mosquitto.Start(t, "allow_anonymous true", "cafile "+authority.File, "certfile "+cert, "keyfile "+key)
		return brokers(t, publisher.Login{TLS: publisher.TLS{CAFile: authority.File}}, "ssl://"+m.Addr())
	}
}

func withPassword(password string) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		m := mosquitto.Start(t, "allow_anonymous false", "password_file "+mosquitto.PasswordFile(t, "pi", "secret"))
		login := publisher.Login{Username: "pi", Password: password}
		if password == "" {
			login = publisher.Login{}
		}
		return brokers(t, login, m.URL())
	}
}

var brokerSightings = []sighting{
	{"open", func(t *testing.T) []Finding { return brokers(t, publisher.Login{}, mosquitto.Start(t).URL()) }, OK, "takes the login", ""},
	{"password", withPassword("secret"), OK, "takes the login", ""},
	{"wrong password", withPassword("guess"), Failed, `login refused: the broker does not accept the password of user "pi"`, "check mqtt.username and mqtt.password_file"},
	{"no password", withPassword(""), Failed, "the broker wants a user name and password", "set mqtt.username"},
	{"certificate", encrypted("127.0.0.1", nil), OK, "takes the login", ""},
	{"not yet valid", encrypted("127.0.0.1", func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	}), Failed, "the broker's certificate is not valid before", "is the clock set?"},
	{"expired", encrypted("127.0.0.1", func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	}), Failed, "the broker's certificate ended on", "renew it"},
	{"for another name", encrypted("broker.example", nil), Failed, "the broker's certificate is for another name (broker.example)", "mqtt.tls.server_name"},
	{"of a stranger", func(t *testing.T) []Finding {
		authority, stranger := mosquitto.NewAuthority(t), mosquitto.NewAuthority(t)
		cert, key := stranger.Issue("127.0.0.1", nil)
		m := mosquitto.Start(t, "allow_anonymous true", "cafile "+stranger.File, "certfile "+cert, "keyfile "+key)
		return brokers(t, publisher.Login{TLS: publisher.TLS{CAFile: authority.File}}, "ssl://"+m.Addr())
	}, Failed, "of an authority that this machine does not trust", "set mqtt.tls.ca_file"},
	{"nobody listens", func(t *testing.T) []Finding { return brokers(t, publisher.Login{}, "tcp://"+need.Addr(t)) }, Failed, "connection refused: no broker is listening there", "is it running"},
	{"unknown name", func(t *testing.T) []Finding {
		return brokers(t, publisher.Login{}, "tcp://no-such-host.invalid:1883")
	}, Failed, "the name no-such-host.invalid is not known to this machine", "check mqtt.brokers and the network"},
	{"silent", func(t *testing.T) []Finding {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return brokers(t, publisher.Login{}, "tcp://"+l.Addr().String())
	}, Failed, "no answer", "is the machine on"},
	{"no certificate file", func(t *testing.T) []Finding {
		return brokers(t, publisher.Login{TLS: publisher.TLS{CAFile: "/nowhere"}}, "ssl://127.0.0.1:1")
	}, Failed, "reading mqtt.tls.ca_file: open /nowhere", "check mqtt in the configuration"},
	{"one of two", func(t *testing.T) []Finding {
		return brokers(t, publisher.Login{}, "tcp://"+need.Addr(t), mosquitto.Start(t).URL())
	}, Warning, "no broker is listening there", "is it running"},
	{"password file of another", func(*testing.T) []Finding { return alone(NoLogin(fs.ErrPermission, nil)) }, Failed, "permission denied", "mqtt.password_file"},
}

// A guard is a broker with a user, pi, and an access list.
func guard(t *testing.T, list string) (*url.URL, publisher.Login) {
	t.Helper()
	acl := filepath.Join(t.TempDir(), "acl")
	if err := os.WriteFile(acl, []byte("user pi\n"+list), 0o600); err != nil {
		t.Fatal(err)
	}
	m := mosquitto.Start(t, "allow_anonymous false", "password_file "+mosquitto.PasswordFile(t, "pi", "secret"), "acl_file "+acl)
	return parseURL(t, m.URL()), publisher.Login{ClientID: "agent", Username: "pi", Password: "secret"}
}

const valueTopic, controlTopic = "iot/sensor/value", "iot/topic/interval"

// publishing looks at a stream's topic of a broker with an access list.
func publishing(list, payload string) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		broker, login := guard(t, list)
		return Publishing(t.Context(), broker, login, []Message{{valueTopic, []byte(payload)}})
	}
}

var publishSightings = []sighting{
	{"allowed", publishing("topic readwrite iot/#\n", "{}"), OK, "iot/sensor/value: a message came back", ""},
	{"write only", publishing("topic write iot/#\n", "{}"), OK, "iot/sensor/value: the broker takes it (this user may not read it back", ""},
	{"read only", publishing("topic read iot/#\ntopic write iot/greenhouse/#\n", "{}"), Failed, "iot/sensor/value: the broker throws away what this user publishes there", "allow it in the broker's access list"},
	{"nothing to publish", publishing("topic readwrite iot/#\n", ""), Skipped, "nothing good could be read", ""},
	{"a broker that does not say why", func(*testing.T) []Finding { return alone(published(valueTopic, echo{})) }, Failed, "did not come back", "reading too"},
	{"a broker that hangs up", func(t *testing.T) []Finding {
		return Publishing(t.Context(), rude(t), publisher.Login{ClientID: "agent"}, []Message{{valueTopic, []byte("{}")}})
	}, Failed, "the connection was lost when a message was published on iot/sensor/value: the broker closed it", "allow it"},
	{"a broker that has gone", func(t *testing.T) []Finding {
		return Publishing(t.Context(), parseURL(t, "tcp://"+need.Addr(t)), publisher.Login{}, []Message{{valueTopic, []byte("{}")}})
	}, Failed, "no broker is listening there", "is it running"},
}

// rude is a broker that ends the connection at the first message, as some do
// where others say nothing.
func rude(t *testing.T) *url.URL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			// CONNECT, SUBSCRIBE and PUBLISH are one packet each, and each is one read.
			buffer := make([]byte, 4096)
			for _, answer := range []string{"\x20\x02\x00\x00", "\x90\x03\x00\x01\x01"} {
				if n, err := conn.Read(buffer); err == nil {
					id := buffer[2:4] // of a SUBSCRIBE
					if n > 4 && answer[0] == '\x90' {
						answer = answer[:2] + string(id) + answer[4:]
					}
					_, _ = io.WriteString(conn, answer)
				}
			}
			_, _ = conn.Read(buffer)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return parseURL(t, "tcp://"+l.Addr().String())
}

// commands looks at the control topic of a broker with an access list.
func commands(list, topic string) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		broker, login := guard(t, list)
		return alone(Control(t.Context(), broker, login, topic))
	}
}

var commandsSightings = []sighting{
	{"allowed", commands("topic readwrite iot/#\n", controlTopic), OK, "iot/topic/interval: what is sent there arrives", ""},
	{"read only", commands("topic read iot/topic/interval\n", controlTopic), OK, "that commands arrive is not proved", ""},
	{"write only", commands("topic write iot/#\n", controlTopic), Failed, "accepts the subscription and delivers nothing", "allow it in the broker's access list"},
	{"refused", func(t *testing.T) []Finding {
		return alone(Control(t.Context(), refusing(t), publisher.Login{ClientID: "agent"}, controlTopic))
	}, Failed, "subscription refused by the broker: subscribing to iot/topic/interval", "allow it in the broker's access list"},
	{"off", func(t *testing.T) []Finding {
		return alone(Control(t.Context(), nil, publisher.Login{}, ""))
	}, Skipped, "remote control is off", ""},
	{"a broker that has gone", func(t *testing.T) []Finding {
		return alone(Control(t.Context(), parseURL(t, "tcp://"+need.Addr(t)), publisher.Login{}, controlTopic))
	}, Failed, "no broker is listening there", "is it running"},
}

// refusing is a broker that says no to subscriptions: its access list cannot,
// but its plugin.
func refusing(t *testing.T) *url.URL {
	t.Helper()
	need.Program(t, "mosquitto", "mosquitto")
	plugins, err := filepath.Glob("/usr/lib/*/mosquitto_dynamic_security.so")
	if err != nil || len(plugins) == 0 {
		t.Fatalf("mosquitto has no plugin for dynamic security: %v", err)
	}
	config := filepath.Join(t.TempDir(), "security.json")
	text := `{"defaultACLAccess":{"publishClientSend":true,"publishClientReceive":true,"subscribe":false,"unsubscribe":true}}`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return parseURL(t, mosquitto.Start(t, "allow_anonymous true", "plugin "+plugins[0], "plugin_opt_config_file "+config).URL())
}
