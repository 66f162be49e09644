package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Secret is a text that no log, error or page shows. string(s) is the text.
type Secret string

const hidden = "(secret)"

// String does not return the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format writes what String returns, whatever the verb: %#v and %x too.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText returns what String returns, for JSON and logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

const (
	credential       = "mqtt-password" // as in the unit's LoadCredential=
	passwordVariable = variablePrefix + "MQTT_PASSWORD"
	maxPassword      = 65535 // bytes (MQTT 3.1.1, 3.1.3.5)
)

// ReadSecrets reads the password for the broker, if a user name is
// configured: from password_file, else from $CREDENTIALS_DIRECTORY/mqtt-password,
// else from $SENSOR_AGENT_MQTT_PASSWORD. To have none is no error. A
// password_file that every user can read is one.
func (c *Config) ReadSecrets(env Environment) error {
	if !c.MQTT.hasUser() {
		return nil
	}
	if path := c.MQTT.PasswordFile; path != "" {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("reading mqtt.password_file: %w", err)
		}
		if info.Mode().Perm()&0o004 != 0 {
			return fmt.Errorf("reading mqtt.password_file: every user of this machine can read %s: run chmod 600 %[1]s", path)
		}
		c.MQTT.Password, err = readPassword(path)
		if err != nil {
			return fmt.Errorf("reading mqtt.password_file: %w", err)
		}
		return nil
	}
	if dir, ok := env.lookup("CREDENTIALS_DIRECTORY"); ok {
		password, err := readPassword(filepath.Join(dir, credential))
		if err == nil {
			c.MQTT.Password = password
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading the credential %s: %w", credential, err)
		}
	}
	password, _ := env.lookup(passwordVariable)
	c.MQTT.Password = Secret(password)
	return nil
}

// readPassword reads a file that holds a password and perhaps a line break.
func readPassword(path string) (Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for ever
		return "", fmt.Errorf("%s is not a file", path)
	}
	if info.Size() > maxPassword {
		return "", fmt.Errorf("%s is longer than a password can be, %d bytes", path, maxPassword)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" {
		return "", fmt.Errorf("%s is empty: write the password into it", path)
	}
	return Secret(password), nil
}
