package publisher

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"sensor-agent/internal/advice"
)

// ErrLogin marks a connection the broker answered and refused: nothing changes
// by asking again soon.
var ErrLogin = errors.New("login refused")

// ErrRefused marks a connection nobody listened for: the machine is there, the
// broker is not, and it may be back any moment.
var ErrRefused = errors.New("connection refused")

// ErrSubscription marks a subscription the broker refused: the connection is
// good, its messages will not come.
var ErrSubscription = errors.New("subscription refused by the broker")

// What to do about two things that a broker does not name. They are said of a
// connection that ends, and by `sensor-agent doctor`.
const (
	AllowIt      = "allow it in the broker's access list"        // a topic is kept from this client
	SameClientID = "does another client use the same client id?" // the broker ends the connection of whoever was there first
)

// answered reports whether err is a broker's own answer (MQTT 3.1.1 §3.2.2.3).
func answered(err error) bool {
	for code, refused := range packets.ConnErrors {
		if refused != nil && code <= packets.ErrRefusedNotAuthorised && errors.Is(err, refused) {
			return true
		}
	}
	return false
}

// explain says what went wrong with connecting to a broker and what to do.
// open tells whether the network connection, encrypted where it should be, had
// been made.
func explain(broker *url.URL, login Login, open bool, err error) error {
	where := broker.Redacted()
	err = cause(err)
	hint := func(cause error, why, do string) error {
		if closed(cause) { // tells a person nothing that why does not
			return advice.To(fmt.Errorf("connecting to %s: %s", where, why), do)
		}
		return advice.To(fmt.Errorf("connecting to %s: %w: %s", where, cause, why), do)
	}
	switch {
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		user := login.Username
		if user == "" {
			user = broker.User.Username() // nil has none
		}
		if user == "" {
			return hint(ErrLogin, "the broker wants a user name and password, and none is configured", "set mqtt.username and mqtt.password_file")
		}
		return hint(ErrLogin, fmt.Sprintf("the broker does not accept the password of user %q", user), "check mqtt.username and mqtt.password_file")
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return hint(ErrLogin, fmt.Sprintf("the broker does not accept the client id %q", login.ClientID), "set another mqtt.client_id")
	case errors.Is(err, packets.ErrorRefusedBadProtocolVersion):
		return hint(ErrLogin, "the broker does not speak MQTT 3.1.1", "use one that does")
	case errors.Is(err, packets.ErrorRefusedServerUnavailable):
		return hint(packets.ErrorRefusedServerUnavailable, "the broker is there but takes no connections now", "see its log")
	case errors.Is(err, syscall.ECONNREFUSED):
		return hint(ErrRefused, "no broker is listening there", "is it running, and is the port right?")
	}
	if why, do := explainTLS(err, open && encrypted(broker.Scheme)); why != "" {
		return hint(err, why, do)
	}
	if why, do := explainNetwork(broker, err); why != "" {
		return hint(err, why, do)
	}
	return fmt.Errorf("connecting to %s: %w", where, err)
}

// cause returns what is behind an error of paho's Connect, in words that are the
// same at each attempt, so that the same trouble is logged once.
func cause(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok && errors.Is(err, packets.ErrorNetworkError) {
		err = joined.Unwrap()[1] // after the words "network Error"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Source != nil {
		same := *op
		same.Source = nil // its port is another each time
		return &same
	}
	return err
}

// explainTLS says what is wrong with an encrypted connection, and what to do.
// From TLS 1.3 on the client's certificate is judged after the handshake, when
// the client thinks itself connected; shaken says that it was.
func explainTLS(err error, shaken bool) (why, do string) {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "the broker's certificate is of an authority that this machine does not trust", "set mqtt.tls.ca_file to that authority's certificate"
	case errors.As(err, &host):
		names := append(host.Certificate.DNSNames, ipTexts(host.Certificate.IPAddresses)...)
		return fmt.Sprintf("the broker's certificate is for another name (%s)", strings.Join(names, ", ")),
			"write that name in mqtt.brokers, or set mqtt.tls.server_name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		now := time.Now().UTC()
		if now.Before(invalid.Cert.NotBefore) {
			return fmt.Sprintf("the broker's certificate is not valid before %s and this machine's clock says %s",
				invalid.Cert.NotBefore.Format(time.RFC3339), now.Format(time.RFC3339)), "is the clock set?"
		}
		return fmt.Sprintf("the broker's certificate ended on %s", invalid.Cert.NotAfter.Format(time.DateOnly)), "renew it"
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error: tls"), shaken && closed(err):
		return "the broker does not accept this client's certificate, or wants one", "check mqtt.tls.cert_file and key_file, and the authority the broker trusts"
	case errors.As(err, &record):
		return "what answers there does not speak TLS", "use tcp:// (or ws://), or the broker's TLS port (usually 8883)"
	}
	return "", ""
}

func ipTexts(ips []net.IP) []string {
	var texts []string
	for _, ip := range ips {
		texts = append(texts, ip.String())
	}
	return texts
}

func explainNetwork(broker *url.URL, err error) (why, do string) {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s is not known to this machine", broker.Hostname()), "check mqtt.brokers and the network"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "no answer", "is the machine on, the address right, and the port open in its firewall?"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "there is no way to that machine", "is this one on the network?"
	case closed(err):
		return "the connection was closed before the broker answered", "is it an MQTT broker, and does the port want ssl:// or ws:// instead?"
	case strings.Contains(err.Error(), "non-CONNACK first packet"):
		return "what answers there is no MQTT broker, or wants ws:// instead", "check the port and what stands before ://"
	case strings.Contains(err.Error(), "bad handshake"):
		return "what answers there is no WebSocket broker", "check the port and the path (often /mqtt)"
	}
	return "", ""
}

// explainLost says why a connection ended by itself; err is what the connection
// or a message under way was told.
func explainLost(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the broker closed it")
	case errors.Is(err, net.ErrClosed), errors.Is(err, mqtt.ErrNotConnected),
		strings.Contains(err.Error(), "connection lost before"): // why, only Lost says
		return errors.New("the broker or the network closed it")
	case strings.Contains(err.Error(), "pingresp not received"):
		return fmt.Errorf("no answer from the broker for %v", pingTimeout)
	}
	return err
}

// closed reports whether the other side ended the connection.
func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
