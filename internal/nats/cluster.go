// Package nats runs a real cluster of three NATS servers for a test: what
// somebody has whose broker may not be one machine. They speak MQTT 3.1.1 and
// keep sessions, retained messages and what subscribers have not acknowledged
// on all three, so that any two of them are enough; one alone accepts
// connections but no logins.
//
// It knows nothing of the agent. Only the loopback interface is used.
package nats

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sensor-agent/internal/need"
)

// patience is how long nodes may take to agree on a leader.
const patience = 2 * time.Minute

// Cluster is three nodes.
type Cluster [3]*Node

// Start runs a cluster and waits until each node takes logins. It is killed
// when the test ends. Without nats-server the test is skipped.
func Start(t testing.TB) *Cluster {
	t.Helper()
	program := need.Program(t, "nats-server", "nats-server")
	var c Cluster
	var peers, listeners [len(c)]int
	for i := range c {
		peers[i], listeners[i] = need.Port(t), need.Port(t)
	}
	var routes []string
	for _, port := range peers {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	for i := range c {
		dir := t.TempDir()
		c[i] = &Node{t: t, program: program, dir: dir, Port: listeners[i]}
		text := fmt.Sprintf(config, i+1, filepath.Join(dir, "store"), peers[i], strings.Join(routes, ", "), listeners[i])
		if err := os.WriteFile(c[i].config(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c[i].Kill)
		c[i].Run()
	}
	for _, n := range c {
		n.Await()
	}
	return &c
}

// config is of one node. Messages to a subscriber are sent again after ack_wait
// unless it acknowledges them.
const config = `server_name: n%d
listen: "127.0.0.1:-1" # of NATS' own protocol, which nobody here speaks
jetstream { store_dir: %q, max_memory_store: 64MB, max_file_store: 256MB }
cluster { name: sensors, listen: "127.0.0.1:%d", routes: [%s] }
mqtt { listen: "127.0.0.1:%d", ack_wait: "5s", max_ack_pending: 1000 }
`

// Node is one server of a cluster. It can be killed and run again, and then
// knows what it knew.
type Node struct {
	Port int // for MQTT

	t            testing.TB
	program, dir string
	cmd          *exec.Cmd
}

func (n *Node) config() string { return filepath.Join(n.dir, "nats.conf") }
func (n *Node) log() string    { return filepath.Join(n.dir, "log") }

// URL is where the node speaks MQTT, as a broker URL.
func (n *Node) URL() string { return fmt.Sprintf("tcp://127.0.0.1:%d", n.Port) }

// Run starts the node and does not wait for it.
func (n *Node) Run() {
	n.t.Helper()
	n.cmd = exec.Command(n.program, "-c", n.config(), "-l", n.log())
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
}

// Kill ends the node without any goodbye.
func (n *Node) Kill() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
	n.cmd = nil
}

// Await waits until the node takes logins, for which it needs another one.
func (n *Node) Await() {
	n.t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = n.login(); err == nil {
			return
		}
	}
	log, _ := os.ReadFile(n.log())
	n.t.Fatalf("the node at %s takes no logins within %v: %v\n%s", n.URL(), patience, err, log)
}

// login connects and says goodbye. NATS opens a session of its own for every
// client, so that a login shows that the node can store something.
func (n *Node) login() error {
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.URL(), "tcp://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	// CONNECT: clean session, keep-alive 10 s, and a client id (MQTT 3.1.1 §3.1).
	const id = "ready"
	if _, err := fmt.Fprintf(conn, "\x10%c\x00\x04MQTT\x04\x02\x00\x0a\x00%c%s", 12+len(id), len(id), id); err != nil {
		return err
	}
	var connack [4]byte
	if _, err := conn.Read(connack[:]); err != nil {
		return err
	}
	if refused := connack[3]; connack[0] != 2<<4 || refused != 0 {
		return fmt.Errorf("the answer to a login is % x", connack)
	}
	_, err = conn.Write([]byte{14 << 4, 0})
	return err
}
