package publisher

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"sensor-agent/internal/rawsys"
)

// TLS names the files of an encrypted connection. They are read anew at each
// attempt to connect, so a renewed certificate needs no restart. The zero
// value trusts the system's authorities and shows no certificate.
type TLS struct {
	CAFile     string // PEM; instead of the system's authorities
	CertFile   string // PEM; the client's certificate
	KeyFile    string // PEM; its key
	ServerName string // name expected in the broker's certificate, if not the URL's
}

func (t TLS) config(host string) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading mqtt.tls.ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("mqtt.tls.ca_file %s holds no PEM certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("loading mqtt.tls.cert_file and key_file: %w", err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}

// dial opens the network connection of an MQTT connection to a broker URL.
// Incoming messages are cut at limit bytes, if it is not 0.
func dial(ctx context.Context, broker *url.URL, t TLS, timeout time.Duration, limit int) (*wire, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var config *tls.Config
	if encrypted(broker.Scheme) {
		var err error
		if config, err = t.config(broker.Hostname()); err != nil {
			return nil, err
		}
	}
	var conn net.Conn
	var err error
	switch broker.Scheme {
	case "ws", "wss":
		u := *broker
		u.User = nil
		conn, err = mqtt.NewWebsocket(u.String(), config, timeout, nil, nil)
	default:
		d := net.Dialer{
			// A peer that vanished is noticed by the acknowledgements that do
			// not come; these close what it left behind.
			KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
			Control:         setUserTimeout,
		}
		conn, err = d.DialContext(ctx, "tcp", broker.Host)
		if tcp, ok := conn.(*net.TCPConn); ok {
			conn, err = rawsys.NewConn(tcp)
		}
		if err == nil && config != nil {
			secure := tls.Client(conn, config)
			if err = secure.HandshakeContext(ctx); err != nil {
				_ = conn.Close()
			}
			conn = secure
		}
	}
	if err != nil {
		return nil, err
	}
	return &wire{Conn: conn, in: trimmer{in: bufio.NewReaderSize(conn, 2048), limit: limit}}, nil
}

func encrypted(scheme string) bool { return scheme == "ssl" || scheme == "wss" }

// wire is a network connection as paho reads it best. paho asks for one byte,
// then another, then the rest of each packet, so reading through a buffer
// saves two system calls of three. And it keeps the error that ended the
// reading, which paho drops when it happens before the broker's first answer:
// the one place where a broker says that it wants another certificate.
type wire struct {
	net.Conn
	in      trimmer
	readErr error // of the goroutine that reads; valid after paho gave up
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.in.Read(p)
	if err != nil && w.readErr == nil {
		w.readErr = err
	}
	return n, err
}
