package config

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// A Broker is where an MQTT broker listens. Its text forms hide the password
// that the URL may hold; URL has it.
type Broker struct {
	// URL has scheme tcp, ssl, ws or wss, a host and a port, and is never nil
	// in a parsed configuration.
	URL *url.URL
}

// localBroker is the default.
func localBroker() Broker {
	return Broker{&url.URL{Scheme: "tcp", Host: "127.0.0.1:1883"}}
}

// brokerSchemes are the schemes of a broker's URL, each with the one it is
// another word for. Ports are those registered for mqtt and secure-mqtt, and
// those of HTTP for websockets.
var brokerSchemes = map[string]struct{ scheme, port string }{
	"tcp": {"tcp", "1883"}, "mqtt": {"tcp", "1883"},
	"ssl": {"ssl", "8883"}, "tls": {"ssl", "8883"}, "mqtts": {"ssl", "8883"},
	"ws": {"ws", "80"}, "wss": {"wss", "443"},
}

// UnmarshalText reads a URL, completed with the port its scheme has by default.
func (b *Broker) UnmarshalText(text []byte) error {
	s := string(text)
	const form = "write it like tcp://192.168.1.10:1883, ssl://broker.example:8883 or ws://broker.example/mqtt"
	if !strings.Contains(s, "://") {
		return advise(quote(hidePassword(s))+" is not the URL of a broker", form)
	}
	u, err := url.Parse(s)
	if err != nil {
		hint := form
		if strings.Contains(s, "@") { // what is wrong may be the password: do not show it
			hint = "in a URL, write / : @ # ? and % of a user's name or password as %2F %3A %40 %23 %3F %25"
		}
		return advise(quote(hidePassword(s))+" is not a URL", hint)
	}
	shown := quote(hidePassword(s))
	known, ok := brokerSchemes[u.Scheme]
	if !ok {
		return advise(shown+" has a scheme that MQTT does not have", "write tcp, ssl, ws or wss before ://")
	}
	port := u.Port()
	if port == "" {
		port = known.port
	}
	number, err := strconv.Atoi(port)
	switch {
	case u.Hostname() == "":
		return advise(shown+" names no host", form)
	case err != nil || number < 1 || number > 65535:
		return advise(shown+" has a port that cannot be", "write one from 1 to 65535")
	case u.Fragment != "" || u.RawQuery != "":
		return advise(shown+" has a ? or # part", "leave it out")
	case (known.scheme == "tcp" || known.scheme == "ssl") && strings.Trim(u.Path, "/") != "":
		return advise(shown+" has a path, which only ws and wss have", "leave it out")
	}
	u.Scheme, u.Host = known.scheme, net.JoinHostPort(u.Hostname(), port)
	b.URL = u
	return nil
}

// hidePassword blanks the user's part of a URL that need not be valid.
func hidePassword(s string) string {
	end := strings.LastIndex(s, "@")
	if end < 0 {
		return s
	}
	scheme, _, found := strings.Cut(s[:end], "://")
	if !found {
		return "…" + s[end:]
	}
	return scheme + "://…" + s[end:]
}

// String is the URL without its password.
func (b Broker) String() string {
	if b.URL == nil {
		return ""
	}
	return b.URL.Redacted()
}

// MarshalText is String, for logs and JSON.
func (b Broker) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// encrypted reports whether the connection is.
func (b Broker) encrypted() bool { return b.URL.Scheme == "ssl" || b.URL.Scheme == "wss" }

// local reports whether the broker runs on this machine.
func (b Broker) local() bool {
	host := b.URL.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// password reports whether the URL holds one.
func (b Broker) password() bool {
	_, ok := b.URL.User.Password()
	return ok
}
