package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"sensor-agent/internal/mosquitto"
	"sensor-agent/sensors/catalog"
)

func TestSubPrintsWhatIsPublished(t *testing.T) {
	t.Parallel()
	url := mosquitto.Start(t).URL()
	c := connect(t, url)
	c.publish("iot/a/state", "kept", true)
	c.publish("iot/a/value", "21.5", true)
	c.publish("other/b", "kept, too", true)
	for _, s := range []struct {
		args []string
		want []string // its lines, in any order
	}{
		{nil, []string{"iot/a/state kept", "iot/a/value 21.5"}},
		{[]string{"-t", "iot/+/state"}, []string{"iot/a/state kept"}},
		{[]string{"-t", "other/#", "-t", "iot/+/value"}, []string{"iot/a/value 21.5", "other/b kept, too"}},
		{[]string{"-t", "+/b", "-v"}, []string{"other/b (QoS 1, retained) kept, too"}},
	} {
		p := command(t, t.TempDir(), append([]string{"sub", "--broker", url}, s.args...)...).start()
		until(t, "sub prints", func() bool { return len(p.stdout.lines("")) >= len(s.want) })
		lines := p.stdout.lines("")
		slices.Sort(lines)
		if !slices.Equal(lines, s.want) {
			t.Errorf("sub %q printed %q, want %q", s.args, lines, s.want)
		}
		p.stop(os.Interrupt)
	}
}

// One window shows what is published while another publishes what is typed.
func TestPubAndSubSideBySide(t *testing.T) {
	t.Parallel()
	url := mosquitto.Start(t).URL()
	home := t.TempDir()
	pub := func(args ...string) *process {
		return command(t, home, append([]string{"pub", "--broker", url}, args...)...)
	}
	if code := pub("-t", "iot/ready", "-m", "yes", "-r").start().wait(patience); code != 0 {
		t.Errorf("pub -m -r: exit code %d", code)
	}
	sub := command(t, home, "sub", "--broker", url, "-t", "iot/#", "-v").start()
	printed := func(line string) {
		t.Helper()
		until(t, "sub prints "+line, func() bool { return slices.Contains(sub.stdout.lines(""), line) })
	}
	printed("iot/ready (QoS 1, retained) yes")

	typist := pub("-t", "iot/typed")
	keyboard, err := typist.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	typist.start()
	for _, line := range []string{"5", `{"interval":"2s"}`, "grün ☘", strings.Repeat("x", 5000)} {
		if _, err := io.WriteString(keyboard, line+"\n"); err != nil {
			t.Fatal(err)
		}
		printed("iot/typed (QoS 1) " + line)
	}
	keyboard.Close()
	if code := typist.wait(patience); code != 0 {
		t.Errorf("pub at the end of its input: exit code %d", code)
	}

	// What would upset a terminal is quoted.
	if code := pub("-t", "iot/raw", "-m", "\x1b[2Jgone").start().wait(patience); code != 0 {
		t.Errorf("pub -m: exit code %d", code)
	}
	printed(`iot/raw (QoS 1) "\x1b[2Jgone"`)
	sub.stop(os.Interrupt)
}

func TestIntervalWaitsForTheAnswer(t *testing.T) {
	t.Parallel()
	url := mosquitto.Start(t).URL()
	c := connect(t, url)
	startAgent(t, t.TempDir(), url, twoStream)
	home := t.TempDir()
	config := write(t, home, "config.yaml", "device: cellar\nclock: always\n"+weather)
	command(t, home, "run", "--config", config, "--broker", url).start()
	c.next(statusTopic)
	c.next("iot/cellar/status")

	const greenhouse, cellar = "iot/greenhouse/ack: ", "iot/cellar/ack: "
	for _, s := range []struct {
		args []string
		code int
		want []string // its lines, in any order; "…" at the end stands for the rest
	}{
		{[]string{"2s"}, 0, []string{cellar + "applied; in force: main 2s", greenhouse + "applied; in force: main 2s, slow 2s"}},
		{[]string{"500ms", "--device", "greenhouse", "--stream", "slow"}, 0, []string{greenhouse + "applied; in force: slow 500ms"}},
		{[]string{"--device", "cellar", "--for", "10m", "3"}, 0, []string{cellar + "applied; in force: main 3s until …"}},
		{[]string{"default", "--device", "cellar"}, 0, []string{cellar + "applied; in force: main 1s"}},
		{[]string{"50ms", "--device", "cellar"}, 1, []string{cellar + "rejected: interval 50ms is below the minimum 100ms; in force: main 1s"}},
		// One refuses, one does not have that stream: both say so.
		{[]string{"4", "--stream", "slow"}, 1, []string{cellar + `rejected: no stream "slow" here: streams are main`, greenhouse + "applied; in force: slow 4s"}},
		{[]string{"soon", "--device", "cellar"}, 1, []string{cellar + `rejected: "soon" is not a time above zero: …`}},
	} {
		until(t, fmt.Sprintf("interval %q says %q", s.args, s.want), func() bool { // on a busy machine an answer can come too late
			stdout, stderr, code := invoke(t, append(append([]string{"interval"}, s.args...), "--broker", url)...)
			lines := strings.Split(strings.TrimSpace(stdout), "\n")
			slices.Sort(lines)
			same := slices.EqualFunc(lines, s.want, func(line, want string) bool {
				start, more := strings.CutSuffix(want, "…")
				return line == want || more && strings.HasPrefix(line, start)
			})
			good := code == s.code && same && stderr == ""
			if !good {
				t.Logf("interval %q: exit code %d, printed\n%s%s", s.args, code, stdout, stderr)
			}
			return good
		})
	}
}

// A tool that cannot do its work says why and what to do, and exits with 69.
func TestToolsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	quiet, nobody := mosquitto.Start(t).URL(), "tcp://127.0.0.1:1"
	closed := mosquitto.Start(t, "allow_anonymous false", "password_file "+mosquitto.PasswordFile(t, "pi", "secret")).URL()
	const listening = "connecting to tcp://127.0.0.1:1: connection refused: no broker is listening there: is it running, and is the port right?"
	for _, s := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"interval", "2s", "--broker", quiet}, 69, "no agent has answered within 5s: is one running"},
		{[]string{"interval", "2s", "--broker", nobody}, 69, listening},
		{[]string{"pub", "-t", "a", "-m", "b", "--broker", nobody}, 69, listening},
		{[]string{"sub", "--broker", nobody}, 69, listening},
		{[]string{"sub", "--broker", "127.0.0.1"}, 78, `"127.0.0.1" is not the URL of a broker`},
		{[]string{"sub", "-t", "a/#/b", "--broker", quiet}, 69, "subscribing to a/#/b: invalid Topic; multi-level wildcard must be last level"},
		{[]string{"sub", "--broker", closed}, 77, "the broker wants a user name and password, and none is configured"},
		{[]string{"pub", "-m", "5"}, 2, "-t TOPIC is missing"},
		{[]string{"pub", "-t", "iot/#", "-m", "5"}, 2, "the topic iot/# has a wildcard"},
		{[]string{"interval"}, 2, "sensor-agent interval 2s"},
		{[]string{"interval", "2s", "3s"}, 2, `what is "3s" for?`},
		{[]string{"run"}, 78, "there is no configuration: name one with --config FILE, or try `sensor-agent demo`"},
		{[]string{"run", "--config", "/nowhere.yaml"}, 78, "open /nowhere.yaml: no such file"},
	} {
		t.Run(strings.Join(s.args[:min(2, len(s.args))], " "), func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := invoke(t, s.args...)
			if code != s.code || !strings.Contains(stderr, s.says) || stdout != "" || !strings.HasPrefix(stderr, "sensor-agent: ") {
				t.Errorf("exit code %d, standard output %q, standard error\n%s", code, stdout, stderr)
			}
		})
	}
}

// What cannot be sent ends pub, and so does the end of the connection sub.
func TestToolsWhoseBrokerGoesAway(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t)
	c := connect(t, m.URL())
	c.publish("iot/ready", "yes", true)
	sub := command(t, t.TempDir(), "sub", "--broker", m.URL()).start()
	until(t, "sub prints", func() bool { return len(sub.stdout.lines("ready")) == 1 })
	pub := command(t, t.TempDir(), "pub", "--broker", m.URL(), "-t", "iot/typed")
	keyboard, err := pub.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pub.start()
	if _, err := io.WriteString(keyboard, "1\n"); err != nil {
		t.Fatal(err)
	}
	c.next("iot/typed")
	m.Kill()
	for _, p := range []*process{sub, pub} {
		if code := p.wait(patience); code != 69 || !strings.Contains(p.stderr.String(), "connection lost: ") {
			t.Errorf("%s: exit code %d: %s", p.cmd, code, p.stderr.String())
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	stdout, _, code := invoke(t, "version")
	if code != 0 || !strings.HasPrefix(stdout, "sensor-agent "+testVersion+" (go") || strings.Count(stdout, "\n") != 1 {
		t.Errorf("exit code %d: %s", code, stdout)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	all, _, code := invoke(t, "help")
	if dashed, _, dashedCode := invoke(t, "--help"); code != 0 || dashedCode != 0 || dashed != all {
		t.Errorf("help and --help: exit codes %d and %d", code, dashedCode)
	}
	for _, name := range []string{"run", "demo", "check", "drivers", "read", "sub", "pub", "interval", "version"} {
		if !slices.ContainsFunc(subcommands(), func(c *subcommand) bool { return c.name == name }) {
			t.Errorf("there is no %s", name)
		}
	}
	for _, c := range subcommands() {
		name := c.name
		if !strings.Contains(all, "\n  "+name+" ") {
			t.Errorf("help does not name %s", name)
		}
		stdout, stderr, code := invoke(t, "help", name)
		if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "usage: sensor-agent "+name) {
			t.Errorf("help %s: exit code %d\n%s%s", name, code, stdout, stderr)
		}
		if dashed, _, code := invoke(t, name, "--help"); code != 0 || dashed != stdout {
			t.Errorf("%s --help: exit code %d\n%s", name, code, dashed)
		}
		stdout, stderr, code = invoke(t, name, "--no-such-flag")
		if code != 2 || stdout != "" || !strings.Contains(stderr, "no-such-flag") || !strings.Contains(stderr, "sensor-agent help "+name) {
			t.Errorf("%s --no-such-flag: exit code %d\n%s%s", name, code, stdout, stderr)
		}
	}
	for _, args := range [][]string{{"frobnicate"}, {"help", "frobnicate"}, {"--frobnicate"}, {"version", "please"}} {
		_, stderr, code := invoke(t, args...)
		if code != 2 || !strings.Contains(stderr, "sensor-agent help") {
			t.Errorf("%q: exit code %d\n%s", args, code, stderr)
		}
	}
}

func TestDrivers(t *testing.T) {
	t.Parallel()
	all, _, code := invoke(t, "drivers")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, d := range catalog.Drivers() {
		one, _, code := invoke(t, "drivers", d.Name)
		if code != 0 || !strings.HasPrefix(one, d.Name+": "+d.Summary+"\n") || !strings.Contains(all, one) {
			t.Errorf("drivers %s: exit code %d\n%s", d.Name, code, one)
		}
	}
	_, stderr, code := invoke(t, "drivers", "bme999")
	if code != 2 || !strings.Contains(stderr, `there is no driver "bme999"`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
