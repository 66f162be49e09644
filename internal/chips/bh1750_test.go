package chips_test

import (
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/internal/chips/vectors"
)

func counts(t *testing.T, chip *chips.BH1750) uint16 {
	t.Helper()
	r := make([]byte, 2)
	if err := chip.Tx(nil, r); err != nil {
		t.Fatal(err)
	}
	return uint16(r[0])<<8 | uint16(r[1])
}

func TestBH1750Vectors(t *testing.T) {
	type measurement struct {
		ID      string
		Mode    string
		MTreg   byte
		Set     []string `json:"mtreg_cmds"`
		Raw     uint16
		Longest float64 `json:"max_ms"`
	}
	for _, m := range vectors.Rows[measurement](t, "bh1750") {
		synctest.Test(t, func(t *testing.T) {
			chip := chips.NewBH1750()
			chip.Set(m.Raw)
			mode := decoded(t, m.Mode[2:])[0]
			write(t, chip, 0x01)
			for _, opcode := range m.Set {
				write(t, chip, decoded(t, opcode)...)
			}
			if got := chip.MTreg(); got != m.MTreg {
				t.Errorf("%s: measurement time register %d, want %d", m.ID, got, m.MTreg)
			}
			write(t, chip, mode)
			longest := time.Duration(m.Longest * float64(time.Millisecond))
			time.Sleep(longest - time.Microsecond)
			if got := counts(t, chip); got != 0 {
				t.Errorf("%s: %d read before %v, want the 0 of before", m.ID, got, longest)
			}
			time.Sleep(2 * time.Microsecond)
			if got := counts(t, chip); got != m.Raw {
				t.Errorf("%s: %d read after %v, want %d", m.ID, got, longest, m.Raw)
			}
			if oneTime := mode >= 0x20; chip.Powered() == oneTime {
				t.Errorf("%s: awake: %v, after mode %s", m.ID, chip.Powered(), m.Mode)
			}
		})
	}
}

func TestBH1750Asleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewBH1750()
		chip.Set(1234)
		write(t, chip, 0x20)
		time.Sleep(time.Second)
		if got := counts(t, chip); got != 0 {
			t.Errorf("measured %d, asleep", got)
		}
		write(t, chip, 0x01)
		write(t, chip, 0x20)
		time.Sleep(time.Second)
		write(t, chip, 0x07) // ignored: the chip went to sleep
		if got := counts(t, chip); got != 1234 {
			t.Errorf("measured %d, want 1234", got)
		}
		write(t, chip, 0x01)
		write(t, chip, 0x07)
		if got := counts(t, chip); got != 0 {
			t.Errorf("%d after reset, want 0", got)
		}
		if err := chip.Tx([]byte{0x01, 0x20}, nil); err == nil {
			t.Error("two opcodes in one write, and no error")
		}
	})
}
