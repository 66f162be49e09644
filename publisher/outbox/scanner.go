package outbox

import "io"

// A scanner finds the records and marks of one life of a segment. Frames of
// former lives, torn frames, zeros and garbage are stepped over.
type scanner struct {
	file io.ReaderAt
	end  int64    // nothing beyond is looked at
	next Position // a frame below belongs to a former life
	life uint64   // its number, which marks carry; 0 if it is not known
	acks *spans   // unless nil, takes what marks of other lives say too: it stays true for ever

	window  []byte // of the file, from offset start
	start   int64
	at      int   // in window: where the next frame is looked for
	used    int64 // end of the last frame found
	skipped int64 // bytes stepped over between frames found
}

// windowSize is what is read at once: two frames of the greatest size.
const windowSize = 128 << 10

// scanner scans the present life of s, as far as end.
func (s *segment) scanner(d disk, end int64) scanner {
	return scanner{
		file: pageReader{d, s.file}, end: end,
		next: s.base, life: s.serial,
		start: headerSize, used: headerSize,
	}
}

// scan returns the next frame, or false when there is none before end. The
// payload is valid until the next call.
func (s *scanner) scan() (frame, bool) {
	for s.start+int64(s.at) < s.end {
		f, ok := parseFrame(s.window[min(s.at, len(s.window)):])
		if !ok && s.refill() {
			continue
		}
		if !ok || !s.belongs(f) {
			if ok && s.acks != nil && (f.kind == kindMark || f.kind == kindClean) {
				parseMark(f).addTo(s.acks)
			}
			s.at += frameAlign
			continue
		}
		offset := s.start + int64(s.at)
		s.skipped += offset - s.used
		s.at += f.size()
		s.used = offset + int64(f.size())
		s.next = max(s.next, f.position)
		if f.kind == kindRecord {
			s.next = f.position + 1
		}
		return f, true
	}
	return frame{}, false
}

func (s *scanner) belongs(f frame) bool {
	switch f.kind {
	case kindRecord:
	case kindMark, kindClean:
		if s.life != 0 && markSerial(f) != s.life {
			return false
		}
	default:
		return false
	}
	return f.position >= s.next
}

// refill moves the window to where the scanner stands, if that can bring
// anything new.
func (s *scanner) refill() bool {
	have := len(s.window) - s.at
	here := s.start + int64(s.at)
	if have >= maxFrame || have >= int(min(s.end-here, windowSize)) {
		return false
	}
	if s.window == nil {
		s.window = make([]byte, 0, windowSize)
	}
	n, _ := s.file.ReadAt(s.window[:min(s.end-here, windowSize)], here)
	s.window, s.start, s.at = s.window[:n], here, 0
	return n > max(have, 0)
}
