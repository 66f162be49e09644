package publisher

import (
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"sensor-agent/publisher/outbox"
)

// A delivery is a message on its way.
type delivery struct {
	position outbox.Position
	token    mqtt.Token
	at       time.Time
}

// deliveries are the messages under way, in the order they were sent: a ring.
type deliveries struct {
	ring  [wideWindow]delivery
	head  int
	count int
	limit int
}

func (d *deliveries) full() bool { return d.count >= d.limit }

func (d *deliveries) push(v delivery) {
	d.ring[(d.head+d.count)%len(d.ring)] = v
	d.count++
}

func (d *deliveries) first() *delivery { return &d.ring[d.head] }

func (d *deliveries) pop() {
	d.ring[d.head] = delivery{}
	d.head = (d.head + 1) % len(d.ring)
	d.count--
}

// oldest is done when the oldest delivery is.
func (d *deliveries) oldest() <-chan struct{} {
	if d.count == 0 {
		return nil
	}
	return d.first().token.Done()
}
