package publisher

import "bufio"

// trimmer passes MQTT packets on and cuts those that are too long, so that a
// stranger's gigabyte on the control topic costs a Pi neither its memory nor
// the connection. paho reads each packet whole, whatever its length.
//
// A cut packet is still a packet: its header is rewritten to the shorter
// length, and the rest of it is read and thrown away.
type trimmer struct {
	in    *bufio.Reader
	limit int // longest body handed on; 0: no limit

	head [5]byte // of the packet being passed, from next to end
	next int
	end  int
	pass int // bytes of its body still to be handed on
	skip int // bytes after them to be thrown away
}

// leastLimit is the shortest limit that leaves a PUBLISH its topic and message
// id (MQTT 3.1.1 §3.3.2).
const leastLimit = 2 + 65535 + 2

func (t *trimmer) Read(p []byte) (int, error) {
	for len(p) > 0 {
		switch {
		case t.next < t.end:
			n := copy(p, t.head[t.next:t.end])
			t.next += n
			return n, nil
		case t.pass > 0:
			n, err := t.in.Read(p[:min(len(p), t.pass)])
			t.pass -= n
			return n, err
		case t.skip > 0:
			n, err := t.in.Discard(min(t.skip, 64<<10))
			t.skip -= n
			if err != nil {
				return 0, err
			}
		default:
			if err := t.begin(); err != nil {
				return 0, err
			}
		}
	}
	return 0, nil
}

// begin reads the fixed header of the next packet (MQTT 3.1.1 §2.2).
func (t *trimmer) begin() error {
	first, err := t.in.ReadByte()
	if err != nil {
		return err
	}
	length := 0
	t.head[0], t.next, t.end = first, 0, 1
	for shift := 0; shift < 28; shift += 7 {
		b, err := t.in.ReadByte()
		if err != nil {
			return err
		}
		length |= int(b&0x7f) << shift
		t.head[t.end] = b
		t.end++
		if b&0x80 == 0 {
			break
		}
	}
	t.pass = length
	const publish = 3
	if t.limit > 0 && length > t.limit && first>>4 == publish {
		t.pass, t.skip = t.limit, length-t.limit
		t.end = 1
		for n := t.limit; ; {
			b := byte(n & 0x7f)
			if n >>= 7; n > 0 {
				b |= 0x80
			}
			t.head[t.end] = b
			t.end++
			if n == 0 {
				break
			}
		}
	}
	return nil
}
