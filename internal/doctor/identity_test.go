package doctor

import (
	"context"
	"net/url"
	"testing"
	"time"

	"sensor-agent/internal/mosquitto"
	"sensor-agent/internal/need"
	"sensor-agent/publisher"
)

const agentID = "sensor-agent-1f2e3d4c"

// identified looks at the name and client id of an agent that runs, or not, on
// a broker to which something was done before.
func identified(runs bool, epoch uint64, before func(t *testing.T, broker *url.URL)) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		broker := parseURL(t, mosquitto.Start(t).URL())
		before(t, broker)
		id := Identity{
			Device: "greenhouse", Login: publisher.Login{ClientID: agentID},
			Status: "iot/greenhouse/status", State: "iot/greenhouse/state", Epoch: epoch,
		}
		return alone(Identify(t.Context(), broker, id, func() Running { return Running{Yes: runs, Own: runs} }))
	}
}

func nothing(*testing.T, *url.URL) {}

// retain publishes a status and a state, to be kept.
func retain(status, state string) func(t *testing.T, broker *url.URL) {
	return func(t *testing.T, broker *url.URL) {
		conn, err := publisher.Connect(t.Context(), broker, publisher.Login{ClientID: "other"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for topic, payload := range map[string]string{"iot/greenhouse/status": status, "iot/greenhouse/state": state} {
			if err := conn.Send(t.Context(), topic, 1, true, []byte(payload)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// twin is another client with the agent's client id, which comes back whenever
// it is thrown out.
func twin(t *testing.T, broker *url.URL) {
	ctx, cancel := context.WithCancel(t.Context())
	connected, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for first := true; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
			conn, err := publisher.Connect(ctx, broker, publisher.Login{ClientID: agentID})
			if err != nil {
				continue // on a machine that stalls a login can take too long
			}
			if first {
				close(connected)
				first = false
			}
			select {
			case <-conn.Lost():
			case <-ctx.Done():
				conn.Close()
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	<-connected
}

var clientIDSightings = []sighting{
	{"free", identified(false, 0, nothing), OK, "nobody else uses sensor-agent-1f2e3d4c, or the name greenhouse", ""},
	{"used before", identified(false, 0, retain("offline", `{"epoch":3}`)), OK, "nobody else uses sensor-agent-1f2e3d4c", ""},
	{"another client", identified(false, 0, twin), Failed, "the broker closes the connection of sensor-agent-1f2e3d4c soon after the login", "does another client use the same client id?"},
	{"another agent online", identified(false, 0, retain("online", "")), Failed, "another agent is online as greenhouse: none runs here", "device: NAME"},
	{"runs", identified(true, 7, retain("online", `{"epoch":7}`)), OK, "the agent here is online as greenhouse", ""},
	{"runs, not connected", identified(true, 7, retain("offline", `{"epoch":7}`)), Warning, "runs here, but is not connected", "does another client use the same client id?"},
	{"runs, and another", identified(true, 7, retain("online", `{"epoch":900}`)), Failed, "another agent publishes as greenhouse: the state is of epoch 900, this agent's is 7", "device: NAME"},
	{"runs, not told", identified(true, 7, nothing), Skipped, "does not tell this user what is on iot/greenhouse/status", ""},
	{"another agent runs here", func(t *testing.T) []Finding {
		return alone(Identify(t.Context(), nil, Identity{}, func() Running { return Running{Yes: true} }))
	}, Skipped, "not tried while another agent runs here", ""},
	{"started meanwhile", func(t *testing.T) []Finding {
		broker := parseURL(t, mosquitto.Start(t).URL())
		twin(t, broker)
		asked := 0
		return alone(Identify(t.Context(), broker, Identity{Login: publisher.Login{ClientID: agentID}, Status: "a", State: "b"}, func() Running {
			asked++
			return Running{Yes: asked > 1, Own: true}
		}))
	}, Skipped, "an agent was started here meanwhile", ""},
	{"a broker that has gone", func(t *testing.T) []Finding {
		return alone(Identify(t.Context(), parseURL(t, "tcp://"+need.Addr(t)), Identity{}, func() Running { return Running{} }))
	}, Failed, "no broker is listening there", "is it running"},
}
