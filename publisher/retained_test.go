package publisher

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"sensor-agent/internal/mosquitto"
)

// heard is what a subscriber was sent, by topic.
type heard struct {
	mu      sync.Mutex
	byTopic map[string][]string
}

func listen(t *testing.T, broker, topic string) *heard {
	t.Helper()
	conn, err := Connect(t.Context(), parseURL(t, broker), Login{ClientID: "listener"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	h := &heard{byTopic: map[string][]string{}}
	err = conn.Subscribe(t.Context(), topic, func(r Received) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.byTopic[r.Topic] = append(h.byTopic[r.Topic], string(r.Payload))
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *heard) on(topic string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.byTopic[topic]
}

// Of what is retained, only that is published anew which has changed.
func TestRetainedIsPublishedWhenItHasChanged(t *testing.T) {
	url := mosquitto.Start(t).URL()
	h := listen(t, url, "d/#")
	a := newAgent(t, url)
	var changes atomic.Int64
	a.Retained = []Retained{
		{"d/still", func() []byte { return []byte("still") }},
		{"d/other", func() []byte { return strconv.AppendInt(nil, changes.Load(), 10) }},
	}
	a.run()
	for i := range 3 {
		until(t, "the change is told", func() bool { return len(h.on("d/other")) > i })
		if last := h.on("d/other")[i]; last != strconv.Itoa(i) {
			t.Errorf("message %d is %s", i, last)
		}
		changes.Add(1)
		a.StateChanged()
	}
	if still := h.on("d/still"); len(still) != 1 {
		t.Errorf("what did not change was published %d times", len(still))
	}
}

// What a stream retains is the newest, though older messages are sent after it.
func TestNewestIsRetained(t *testing.T) {
	url := mosquitto.Start(t).URL()
	a := newAgent(t, url)
	a.Streams[0].Retain = true
	for i := 1; i <= 5; i++ {
		a.read(i)
	}
	a.run()
	until(t, "the outbox is empty", func() bool { return a.Outbox.Stats().Held == 0 })
	late := consume(t, url)
	until(t, "the retained message is there", func() bool { return len(late.got()) > 0 })
	if got := late.got(); len(got) != 1 || got[0].N != 5 {
		t.Errorf("retained: %+v", got)
	}
}
