package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"sensor-agent/publisher"
)

const (
	// retainedTime is how long what a broker has retained may take to come.
	retainedTime = 1500 * time.Millisecond
	// ownTime is how long the agent's own client id is held: another agent that
	// it throws out is back within a second.
	ownTime = 3 * time.Second
)

// An Identity is what tells an agent from every other.
type Identity struct {
	Device        string
	Login         publisher.Login // with the agent's own client id
	Status, State string          // topics
	Epoch         uint64          // of the agent that runs; 0 if it is not known
}

const otherName = "give each device a name of its own, device: NAME, or end the other agent"

// Identify says whether another agent uses this one's name or client id. While
// the agent runs it goes by what the broker has retained. While none runs it
// also takes the agent's client id for some seconds: whoever else uses that is
// thrown out for a moment, and comes back. running tells whether one runs, now.
func Identify(ctx context.Context, broker *url.URL, id Identity, running func() Running) Finding {
	now := running()
	if now.Yes && !now.Own {
		return skip(ClientID, "not tried while another agent runs here")
	}
	status, epoch, err := retained(ctx, broker, id)
	if err != nil {
		return failure(ClientID, err, slowBroker)
	}
	if now.Yes {
		return identifyRunning(id, status, epoch)
	}
	if status == publisher.Online {
		return Finding{ClientID, Failed, fmt.Sprintf("another agent is online as %s: none runs here", id.Device), otherName}
	}
	conn, err := publisher.Connect(ctx, broker, id.Login)
	if err != nil {
		return failure(ClientID, err, slowBroker)
	}
	defer conn.Close()
	select {
	case <-conn.Lost():
	case <-time.After(ownTime):
		return ok(ClientID, "nobody else uses %s, or the name %s", id.Login.ClientID, id.Device)
	}
	if running().Yes {
		return skip(ClientID, "an agent was started here meanwhile")
	}
	return Finding{
		ClientID, Failed, fmt.Sprintf("the broker closes the connection of %s soon after the login", id.Login.ClientID),
		publisher.SameClientID + " A copied card has the machine id of its original: give the device another name (device: NAME), or set mqtt.client_id",
	}
}

func identifyRunning(id Identity, status string, epoch uint64) Finding {
	switch {
	case status == "":
		return skip(ClientID, "the broker does not tell this user what is on %s", id.Status)
	case status != publisher.Online:
		return Finding{
			ClientID, Warning, "the agent runs here, but is not connected", journal + "; " + publisher.SameClientID,
		}
	case epoch != 0 && id.Epoch != 0 && epoch != id.Epoch:
		return Finding{
			ClientID, Failed, fmt.Sprintf("another agent publishes as %s: the state is of epoch %d, this agent's is %d", id.Device, epoch, id.Epoch), otherName,
		}
	}
	return ok(ClientID, "the agent here is online as %s", id.Device)
}

// retained returns what the broker has kept of the device's status, and the
// epoch of its state.
func retained(ctx context.Context, broker *url.URL, id Identity) (status string, epoch uint64, err error) {
	conn, err := publisher.Connect(ctx, broker, beside(id.Login))
	if err != nil {
		return "", 0, err
	}
	defer conn.Close()
	got := make(chan publisher.Received, 2)
	receive := func(r publisher.Received) {
		select {
		case got <- r:
		default: // retained ones come first
		}
	}
	for _, topic := range []string{id.Status, id.State} {
		err := conn.Subscribe(ctx, topic, receive)
		if err != nil && !errors.Is(err, publisher.ErrSubscription) { // not to be allowed to read is no fault
			return "", 0, err
		}
	}
	wait := time.NewTimer(retainedTime)
	defer wait.Stop()
	for range 2 {
		select {
		case r := <-got:
			if r.Topic == id.Status {
				status = string(r.Payload)
				continue
			}
			var state struct{ Epoch uint64 }
			if json.Unmarshal(r.Payload, &state) == nil {
				epoch = state.Epoch
			}
		case <-wait.C:
			return status, epoch, nil
		}
	}
	return status, epoch, nil
}
