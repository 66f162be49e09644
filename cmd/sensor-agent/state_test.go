package main

import (
	"log/slog"
	"testing"
	"testing/synctest"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/internal/bus"
	"sensor-agent/internal/chips"
)

// What a bus has carried, what failed and what hangs is told in the state.
func TestBusesInTheState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wire chips.Bus
		buses := bus.Simulated(slog.New(slog.DiscardHandler), func(int) (i2c.Bus, error) { return &wire, nil }, nil)
		b, err := buses.I2C("1")
		if err != nil {
			t.Fatal(err)
		}
		told := func(want string) {
			t.Helper()
			if got := string(marshal(busStates(buses))); got != want {
				t.Errorf("state %s, want %s", got, want)
			}
		}
		ask := func() { _ = b.Tx(0x23, nil, make([]byte, 2)) }
		ask() // nobody is there
		wire.Plug(0x23, chips.NewBH1750())
		ask()
		told(`{"/dev/i2c-1":{"transactions":2,"errors":1}}`)

		release := make(chan struct{})
		wire.Fault(func(uint16, []byte, []byte) error { <-release; return nil })
		ask()
		told(`{"/dev/i2c-1":{"transactions":3,"errors":2,"abandoned":1,"hung":1}}`)
		close(release)
		synctest.Wait()
		told(`{"/dev/i2c-1":{"transactions":3,"errors":2,"abandoned":1}}`)
		if err := buses.Close(); err != nil {
			t.Error(err)
		}
	})
}
