package command

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"sensor-agent/sensors"
)

// state is that of a process, as in /proc/PID/stat: 'S' sleeping, 'Z' a
// zombie; 0 when there is none.
func state(pid string) byte {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), ") ")
	return after[0]
}

// gone waits until the processes whose numbers a file holds have ended. A
// zombie belongs to who adopted it.
func gone(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(string(text))
	if len(pids) == 0 {
		t.Fatal("no process told its number")
	}
	for end := time.Now().Add(generous); len(pids) > 0; {
		if s := state(pids[0]); s == 0 || s == 'Z' {
			pids = pids[1:]
			continue
		}
		if time.Now().After(end) {
			t.Fatalf("process %s is there still", pids[0])
		}
		time.Sleep(time.Millisecond)
	}
}

// Nothing that a program started outlives a reading, or the sensor.
func TestNothingIsLeftBehind(t *testing.T) {
	for _, test := range []struct {
		name, mode, script string
		fails              bool
	}{
		{"a child in the background that holds the output", modeReading, `sleep 600 & echo $! >FILE; echo 7`, false},
		{"a child in the background that holds nothing", modeReading, `sleep 600 >/dev/null 2>&1 & echo $! >FILE; echo 7`, false},
		{"a late program and its child", modeReading, `sleep 600 & echo $$ $! >FILE; wait`, true},
		{"a late program and its child that ignore SIGTERM", modeReading, `trap '' TERM; sleep 600 & echo $$ $! >FILE; wait; wait; sleep 600`, true},
		{"a running program and its child", modeLines, `sleep 600 & echo $$ $! >FILE; echo 7; wait`, false},
		{"a running program and its child that ignore SIGTERM", modeLines, `trap '' TERM; sleep 600 & echo $$ $! >FILE; echo 7; wait; sleep 600`, false},
		{"a program without a first line, and its child", modeLines, `sleep 600 & echo $$ $! >FILE; wait`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pids")
			timeouts := []time.Duration{generous}
			if test.fails {
				timeouts = lengthening
			}
			for _, timeout := range timeouts {
				plan := plans(t, options{Mode: test.mode, Timeout: timeout}, strings.ReplaceAll(test.script, "FILE", "'"+file+"'"))
				s, err := plan.Open(t.Context(), sensors.Wire{})
				if err == nil {
					_, err = s.Read(t.Context())
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				}
				if (err != nil) != test.fails {
					t.Errorf("error %v", err)
				}
				if told, _ := os.ReadFile(file); len(told) > 0 {
					break
				}
			}
			gone(t, file)
		})
	}
}

func TestEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"CREDENTIALS_DIRECTORY": "/run/credentials/x", "SENSOR_AGENT_MQTT_PASSWORD": "secret", "NOTIFY_SOCKET": "/run/x",
		"HOME": "/nowhere", "LANG": "C.UTF-8",
	} {
		t.Setenv(name, value)
	}
	file := filepath.Join(t.TempDir(), "env")
	s := opened(t, plans(t, options{Timeout: generous}, `tr '\0' '\n' </proc/$$/environ >`+file+`; echo 7`))
	if _, err := s.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		given[name] = value
	}
	if given["PATH"] != os.Getenv("PATH") || given["HOME"] != "/nowhere" || given["LANG"] != "C.UTF-8" {
		t.Errorf("the program was given %v", given)
	}
	for name := range given {
		switch name {
		case "PATH", "HOME", "LANG", "LC_ALL", "TZ":
		default:
			t.Errorf("the program was given %s", name)
		}
	}
}

// The program dies with the agent, which is here a child that runs this test
// with a variable set.
func TestDiesWithTheAgent(t *testing.T) {
	const variable = "COMMAND_TEST_FILE"
	if file := os.Getenv(variable); file != "" {
		s := opened(t, plans(t, options{Mode: modeLines, Timeout: generous}, `echo $$ >'`+file+`'; echo 7; exec sleep 600`))
		defer s.Close()
		fmt.Println("ready")
		time.Sleep(generous)
		return
	}
	file := filepath.Join(t.TempDir(), "pid")
	agent := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDiesWithTheAgent$", "-test.v")
	agent.Env = append(os.Environ(), variable+"="+file)
	out, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for buffer := make([]byte, 1000); !strings.Contains(said.String(), "ready\n"); {
		n, err := out.Read(buffer)
		said.Write(buffer[:n])
		if err != nil {
			t.Fatalf("the agent ended: %s", said.String())
		}
	}
	if err := agent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = agent.Wait() // killed
	gone(t, file)
}

// What many readings and starts need is given back: goroutines, descriptors,
// processes.
func TestNothingLeaks(t *testing.T) {
	cycle := func() {
		for _, script := range []string{`echo 7`, `exit 3`, `exec sleep 600`, `sleep 600 & echo 7`} {
			_, _ = opened(t, plans(t, options{Timeout: 20 * time.Millisecond}, script)).Read(t.Context())
		}
		for _, script := range []string{`echo 7; exec sleep 600`, `echo 7; exit 3`, `exec sleep 600`} {
			s, err := plans(t, options{Mode: modeLines, Timeout: 20 * time.Millisecond}, script).Open(t.Context(), sensors.Wire{})
			if err == nil {
				_, _ = s.Read(t.Context())
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
	cycle()
	before := holds(t)
	for range 10 {
		cycle()
	}
	for end := time.Now().Add(generous); ; time.Sleep(time.Millisecond) {
		after := holds(t)
		if after.goroutines <= before.goroutines && after.descriptors <= before.descriptors && after.children <= before.children {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("before %v, after %v", before, after)
		}
	}
}

// holdings are what this program has at the moment.
type holdings struct{ goroutines, descriptors, children int }

func holds(t *testing.T) holdings {
	t.Helper()
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	h := holdings{goroutines: runtime.NumGoroutine(), descriptors: len(descriptors)}
	processes, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	self := strconv.Itoa(os.Getpid())
	for _, path := range processes {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, after, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(after); len(fields) > 1 && fields[1] == self {
			h.children++ // zombies among them
		}
	}
	return h
}
