// Package mosquitto runs a real mosquitto for a test, on a free port of the
// loopback interface, and makes the certificates its encrypted listeners need.
package mosquitto

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sensor-agent/internal/need"
)

// patience is how long a server may take to listen on a busy machine.
const patience = time.Minute

// Server is a mosquitto that can be stopped and started again on its port.
type Server struct {
	Port int

	t       testing.TB
	program string
	config  string
	cmd     *exec.Cmd
}

// Start runs a mosquitto with one listener, to which the given lines apply
// ("protocol websockets"); with none it lets everybody in. It is stopped when
// the test ends. Without mosquitto the test is skipped.
func Start(t testing.TB, lines ...string) *Server {
	t.Helper()
	s := &Server{t: t, program: need.Program(t, "mosquitto", "mosquitto"), Port: need.Port(t)}
	if len(lines) == 0 {
		lines = []string{"allow_anonymous true"}
	}
	text := fmt.Sprintf("persistence false\nset_tcp_nodelay true\nlistener %d 127.0.0.1\n%s\n", s.Port, strings.Join(lines, "\n"))
	if slices.Contains(lines, "protocol websockets") {
		// mosquitto 2.0.11 counts its plain listeners only and gives up at none.
		text += fmt.Sprintf("listener %d 127.0.0.1\n", need.Port(t))
	}
	if os.Getuid() == 0 {
		text = "user root\n" + text // or it becomes a user who cannot read the test's files
	}
	s.config = filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Run()
	t.Cleanup(s.Kill)
	return s
}

// Run starts the server and waits until it listens.
func (s *Server) Run() {
	s.t.Helper()
	var output strings.Builder
	s.cmd = exec.Command(s.program, "-c", s.config)
	s.cmd.Stdout, s.cmd.Stderr = &output, &output
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(25 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.Addr())
		if err == nil {
			conn.Close()
			return
		}
	}
	s.Kill()
	s.t.Fatalf("mosquitto does not listen on %s: %s", s.Addr(), output.String())
}

// Kill ends the server without any goodbye.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Process is the server's running process.
func (s *Server) Process() *os.Process { return s.cmd.Process }

// Addr is where the server listens.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// URL is Addr as a plain broker URL.
func (s *Server) URL() string { return "tcp://" + s.Addr() }

// PasswordFile makes a mosquitto password file with one user.
func PasswordFile(t testing.TB, user, password string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passwords")
	program := need.Program(t, "mosquitto_passwd", "mosquitto")
	if out, err := exec.Command(program, "-b", "-c", path, user, password).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return path
}
