package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		return path
	}
	own := write("own", "from file\n", 0o600)
	group := write("group", "from group\r\n", 0o640)
	open := write("open", "seen by all", 0o644)
	empty := write("empty", "\n", 0o600)
	long := write("long", strings.Repeat("x", 70_000), 0o600)
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write(credential, "from credential", 0o444)

	const variable = "SENSOR_AGENT_MQTT_PASSWORD=from environment"
	for _, test := range []struct {
		name      string
		mqtt      MQTT
		variables []string
		want      Secret
		err       string
	}{
		{name: "anonymous", variables: []string{variable}},
		{name: "none", mqtt: MQTT{Username: "pi"}},
		{name: "file first", mqtt: MQTT{Username: "pi", PasswordFile: own}, variables: []string{variable, "CREDENTIALS_DIRECTORY=" + dir}, want: "from file"},
		{name: "group may read", mqtt: MQTT{Username: "pi", PasswordFile: group}, want: "from group"},
		{name: "credential second", mqtt: MQTT{Username: "pi"}, variables: []string{variable, "CREDENTIALS_DIRECTORY=" + dir}, want: "from credential"},
		{name: "no such credential", mqtt: MQTT{Username: "pi"}, variables: []string{variable, "CREDENTIALS_DIRECTORY=" + dir + "/none"}, want: "from environment"},
		{name: "environment last", mqtt: MQTT{Username: "pi"}, variables: []string{variable}, want: "from environment"},
		{name: "readable by all", mqtt: MQTT{Username: "pi", PasswordFile: open}, err: "run chmod 600 " + open},
		{name: "missing", mqtt: MQTT{Username: "pi", PasswordFile: dir + "/none"}, variables: []string{variable}, err: "no such file"},
		{name: "empty", mqtt: MQTT{Username: "pi", PasswordFile: empty}, err: "write the password into it"},
		{name: "too long", mqtt: MQTT{Username: "pi", PasswordFile: long}, err: "longer than a password"},
		{name: "folder", mqtt: MQTT{Username: "pi", PasswordFile: folder}, err: "is not a file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &Config{MQTT: test.mqtt}
			err := c.ReadSecrets(only(test.variables...))
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if c.MQTT.Password != test.want {
				t.Errorf("password %q, want %q", string(c.MQTT.Password), string(test.want))
			}
		})
	}
}
