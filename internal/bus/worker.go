package bus

import "slices"

// A device is an open device node. It is used by one goroutine at a time.
type device interface {
	// Tx writes w to the chip and reads r from it; addr is for I2C alone.
	Tx(addr uint16, w, r []byte) error
	Close() error
}

// An exchange is one transaction: what goes out and where what comes in goes.
type exchange struct {
	addr  uint16 // 7-bit address, on I2C
	setup setup  // on SPI
	w, r  []byte
}

// A worker owns a descriptor and the buffers that the kernel reads and writes.
// Its fields are the bus's between done and start, its own from start to done,
// and its own for ever once it has been abandoned.
type worker struct {
	start chan struct{} // a token for each transaction; closed to end the worker
	done  chan error    // the answer to each token
	ended chan struct{} // closed when the goroutine has returned

	x         exchange // with buffers of the worker
	renew     bool     // open the device node anew for x
	abandoned bool     // set before start is closed

	device device // nil while the node is not open
	setup  setup  // the one device was opened with
}

func newWorker() *worker {
	return &worker{
		start: make(chan struct{}, 1),
		done:  make(chan error, 1),
		ended: make(chan struct{}),
	}
}

// load makes x the next transaction, with what is to be written copied and
// room for what is to be read. The room is cleared: what a device left
// unwritten must not look like the answer of another chip.
func (w *worker) load(x exchange) {
	w.x.addr, w.x.setup = x.addr, x.setup
	w.x.w = append(w.x.w[:0], x.w...)
	w.x.r = slices.Grow(w.x.r[:0], len(x.r))[:len(x.r)]
	clear(w.x.r)
}

// transact carries the loaded transaction and opens the device first where
// that is needed.
//
// After any error the device is closed. That is less work than to tell by the
// error whether its adapter has gone, and the kernel cannot bring an adapter
// back while a descriptor of its former life is held. Opening takes
// microseconds and says by itself what is wrong.
func (w *worker) transact(open func(setup) (device, error)) error {
	if w.renew || w.setup != w.x.setup {
		w.closeDevice()
	}
	if w.device == nil {
		d, err := open(w.x.setup)
		if err != nil {
			return err
		}
		w.device, w.setup = d, w.x.setup
	}
	err := w.device.Tx(w.x.addr, w.x.w, w.x.r)
	if err != nil {
		w.closeDevice()
	}
	return err
}

// closeDevice drops the descriptor. An error of that is of no use to anybody:
// the descriptor is gone in any case.
func (w *worker) closeDevice() {
	if w.device != nil {
		_ = w.device.Close()
		w.device = nil
	}
}
