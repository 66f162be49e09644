package chips

import (
	"sync"
	"time"
)

// Registers and codes the BMP280, BME280, BME680 and BME688 have in common.
const (
	boschID    = 0xD0
	boschReset = 0xE0

	boschResetWord = 0xB6 // written to boschReset: as if the supply had failed
	boschModes     = 0x03 // in ctrl_meas: 0 sleep, 1 forced
	boschForced    = 0x01
)

// boschRegisters is the register file of one chip: an address that counts up
// as registers are read, writes as pairs of address and data, one measurement
// at a time, and a copy from non-volatile memory after each reset.
type boschRegisters struct {
	mu     sync.Mutex
	regs   [256]byte
	at     byte      // register the next read begins with
	copied time.Time // when the copy after the last reset ends
	ends   time.Time // when the measurement under way ends
	busy   bool      // a measurement is under way
	stuck  bool      // and will not end
}

// Stick makes measurements never end, or end again.
func (b *boschRegisters) Stick(stuck bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stuck = stuck
}

// Register returns what a register holds, so that a test sees what was set
// without a transaction.
func (b *boschRegisters) Register(reg byte) byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.regs[reg]
}

// transact carries out one transaction through the chip's own rules for
// reading and writing a register.
func (b *boschRegisters) transact(w, r []byte, write func(reg, v byte), read func(reg byte) byte) {
	for i := 0; i < len(w); i += 2 {
		b.at = w[i]
		if i+1 < len(w) {
			write(w[i], w[i+1])
		}
	}
	for i := range r {
		r[i] = read(b.at)
		b.at++
	}
}

// copying reports whether the calibration is still being copied into its
// registers after a reset.
func (b *boschRegisters) copying() bool { return time.Now().Before(b.copied) }

// ended reports once, when the measurement under way is over.
func (b *boschRegisters) ended() bool {
	if !b.busy || b.stuck || time.Now().Before(b.ends) {
		return false
	}
	b.busy = false
	return true
}

// begin starts a measurement of length d.
func (b *boschRegisters) begin(d time.Duration) {
	b.busy = true
	b.ends = time.Now().Add(d)
}

// cycles is how often a channel is converted for its oversampling code.
func cycles(code byte) time.Duration { return time.Duration(1<<min(code, 5)) >> 1 }

// put20 writes a 20-bit result as the chips hold it: msb, lsb, and the last
// four bits at the top of xlsb.
func put20(b []byte, v uint32) {
	b[0], b[1], b[2] = byte(v>>12), byte(v>>4), byte(v<<4)
}
