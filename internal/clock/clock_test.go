package clock

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// machine is a computer in a synctest bubble, where the real wall clock is the
// true time: its own wall clock is wrong by an error that can be changed, and
// it can be booted again.
type machine struct {
	boot   uint64
	booted time.Time
	synced bool
}

func (m *machine) source() source {
	boot, booted := m.boot, m.booted
	return source{
		boot:   boot,
		mono:   func() time.Duration { return time.Since(booted) },
		synced: func() bool { return m.synced },
	}
}

func (m *machine) reboot() { m.boot++; m.booted = time.Now(); m.synced = false }

func (m *machine) clock(t *testing.T, trust Trust, path string) *Clock {
	t.Helper()
	c, err := newClock(trust, path, m.source())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// behind is a stamp as a machine makes it whose wall clock is behind.
func behind(c *Clock, by time.Duration) Stamp {
	s := c.Stamp(time.Now())
	s.Wall -= int64(by)
	return s
}

func TestReadingsFromBeforeTheClockWasSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "clock.json")
		m := &machine{boot: 7, booted: time.Now()}
		time.Sleep(20 * time.Second)
		c := m.clock(t, Auto, path)
		if c.Synced() {
			t.Fatal("synchronised at boot")
		}
		taken := time.Now()
		s := behind(c, 400*24*time.Hour)
		if s.Synced {
			t.Error("stamp says synchronised")
		}
		c.offset -= 400 * 24 * time.Hour // the wall clock this machine sees
		if got, ok := c.Time(s); ok || !got.Equal(taken.Add(-400*24*time.Hour)) {
			t.Errorf("before: %v, reliable %v", got, ok)
		}

		time.Sleep(time.Minute)
		m.synced = true
		change, changed, err := c.Check()
		if err != nil || !changed || !change.Set || change.Shift != 400*24*time.Hour {
			t.Errorf("change %+v, %v, %v", change, changed, err)
		}
		if got, ok := c.Time(s); !ok || !got.Equal(taken) {
			t.Errorf("after: %v, reliable %v, want %v", got, ok, taken)
		}

		// The agent dies and comes back in the same boot.
		if got, ok := m.clock(t, Auto, path).Time(s); !ok || !got.Equal(taken) {
			t.Errorf("after a crash: %v, reliable %v", got, ok)
		}
		// Power is cut; the next boot has no time yet.
		m.reboot()
		next := m.clock(t, Auto, path)
		if got, ok := next.Time(s); !ok || !got.Equal(taken) {
			t.Errorf("after a reboot: %v, reliable %v", got, ok)
		}
		// Without the file nothing is known of the earlier boot.
		if _, ok := m.clock(t, Auto, "").Time(s); ok {
			t.Error("reliable without an anchor")
		}
	})
}

func TestSyncedStampsKeepTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{boot: 7, booted: time.Now(), synced: true}
		c := m.clock(t, Auto, "")
		s := c.Stamp(time.Now())
		taken := time.Now()
		m.reboot()
		if got, ok := m.clock(t, Auto, "").Time(s); !ok || !got.Equal(taken) {
			t.Errorf("%v, %v", got, ok)
		}
		// The kernel takes its word back after hours without network.
		m.synced = false
		if c.Check(); !c.Synced() {
			t.Error("not latched")
		}
	})
}

func TestStepsAreNoticedAndSlewsAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{boot: 7, booted: time.Now(), synced: true}
		c := m.clock(t, Auto, "")
		for _, tt := range []struct {
			jump    time.Duration
			noticed bool
		}{{0, false}, {4 * time.Millisecond, false}, {time.Hour, true}, {0, false}, {-60 * time.Millisecond, true}} {
			c.offset -= tt.jump
			if change, changed, _ := c.Check(); changed != tt.noticed || change.Shift != tt.jump || change.Set {
				t.Errorf("jump of %v: %+v, %v", tt.jump, change, changed)
			}
		}
	})
}

func TestTrust(t *testing.T) {
	m := &machine{boot: 7, booted: time.Now()}
	s := Stamp{Boot: 7, Wall: time.Now().UnixNano()}
	if _, ok := m.clock(t, Always, "").Time(s); !ok {
		t.Error("always: not reliable")
	}
	m.synced = true
	c := m.clock(t, Never, "")
	if _, ok := c.Time(c.Stamp(time.Now())); ok || c.Synced() {
		t.Error("never: reliable")
	}
}

func TestDamagedAnchorsAreAnErrorBesideAUsableClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clock.json")
	for text, damaged := range map[string]bool{"": true, "{": true, `{"boots":[{"boot":"x","offset_ns":1}]}`: false} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m := &machine{boot: 7, booted: time.Now(), synced: true}
		c, err := newClock(Auto, path, m.source())
		if (err != nil) != damaged {
			t.Errorf("%q: error %v", text, err)
		}
		if _, ok := c.Time(c.Stamp(time.Now())); !ok {
			t.Errorf("%q: not usable", text)
		}
	}
}

func TestOnlyTheNewestBootsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clock.json")
	for i := range 2 * keptBoots {
		m := &machine{boot: uint64(1000 - i), booted: time.Now().Add(time.Duration(i) * time.Hour), synced: true}
		m.clock(t, Auto, path)
	}
	anchors, err := loadAnchors(path)
	if err != nil || len(anchors) != keptBoots {
		t.Fatalf("%d anchors, %v", len(anchors), err)
	}
	for i := keptBoots; i < 2*keptBoots; i++ {
		if _, ok := anchors[uint64(1000-i)]; !ok {
			t.Errorf("boot %d is gone", i)
		}
	}
}

func TestSystem(t *testing.T) {
	s := system()
	if s.boot != system().boot {
		t.Error("boot id changes")
	}
	a := s.mono()
	time.Sleep(2 * time.Millisecond)
	if b := s.mono(); b-a < time.Millisecond || a <= 0 {
		t.Errorf("boot clock from %v to %v", a, b)
	}
	s.synced()
}
