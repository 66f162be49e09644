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

	"github.com/eclipse/paho.mqtt.golang/packets"
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
	hint := func(cause error, format string, args ...any) error {
		return fmt.Errorf("connecting to %s: %w: %s", where, cause, fmt.Sprintf(format, args...))
	}
	switch {
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		user := login.Username
		if user == "" {
			user = broker.User.Username() // nil has none
		}
		if user == "" {
			return hint(ErrLogin, "the broker wants a user name and password, and none is configured (mqtt.username, mqtt.password_file)")
		}
		return hint(ErrLogin, "the broker does not accept the password of user %q (mqtt.username, mqtt.password_file)", user)
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return hint(ErrLogin, "the broker does not accept the client id %q (mqtt.client_id)", login.ClientID)
	case errors.Is(err, packets.ErrorRefusedBadProtocolVersion):
		return hint(ErrLogin, "the broker does not speak MQTT 3.1.1")
	case errors.Is(err, packets.ErrorRefusedServerUnavailable):
		return hint(packets.ErrorRefusedServerUnavailable, "the broker is there but takes no connections now")
	case errors.Is(err, syscall.ECONNREFUSED):
		return hint(ErrRefused, "no broker is listening there: is it running, and is the port right?")
	}
	if text := explainTLS(err, open && encrypted(broker.Scheme)); text != "" {
		return hint(err, "%s", text)
	}
	if text := explainNetwork(broker, err); text != "" {
		return hint(err, "%s", text)
	}
	return fmt.Errorf("connecting to %s: %w", where, err)
}

// explainTLS says what is wrong with an encrypted connection. From TLS 1.3 on
// the client's certificate is judged after the handshake, when the client
// thinks itself connected; shaken says that it was.
func explainTLS(err error, shaken bool) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "the broker's certificate is of an authority that this machine does not trust: set mqtt.tls.ca_file to that authority's certificate"
	case errors.As(err, &host):
		return fmt.Sprintf("the broker's certificate is for another name (%s): write that name in mqtt.brokers, or set mqtt.tls.server_name",
			strings.Join(append(host.Certificate.DNSNames, ipTexts(host.Certificate.IPAddresses)...), ", "))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		now := time.Now().UTC()
		if now.Before(invalid.Cert.NotBefore) {
			return fmt.Sprintf("the broker's certificate is not valid before %s and this machine's clock says %s: is the clock set?",
				invalid.Cert.NotBefore.Format(time.RFC3339), now.Format(time.RFC3339))
		}
		return fmt.Sprintf("the broker's certificate ended on %s: renew it", invalid.Cert.NotAfter.Format(time.DateOnly))
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error: tls"), shaken && closed(err):
		return "the broker does not accept this client's certificate, or wants one: check mqtt.tls.cert_file and key_file, and the authority the broker trusts"
	case errors.As(err, &record):
		return "what answers there does not speak TLS: use tcp:// (or ws://), or the broker's TLS port (usually 8883)"
	}
	return ""
}

func ipTexts(ips []net.IP) []string {
	var texts []string
	for _, ip := range ips {
		texts = append(texts, ip.String())
	}
	return texts
}

func explainNetwork(broker *url.URL, err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s is not known to this machine: check mqtt.brokers and the network", broker.Hostname())
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "no answer: is the machine on, the address right, and the port open in its firewall?"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "there is no way to that machine: is this one on the network?"
	case closed(err):
		return "the connection was closed before the broker answered: is it an MQTT broker, and does the port want ssl:// or ws:// instead?"
	case strings.Contains(err.Error(), "non-CONNACK first packet"):
		return "what answers there is no MQTT broker, or wants ws:// instead"
	case strings.Contains(err.Error(), "bad handshake"):
		return "what answers there is no WebSocket broker: check the port and the path (often /mqtt)"
	}
	return ""
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
