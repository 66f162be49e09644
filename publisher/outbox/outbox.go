// Package outbox is the durable queue between sampling and the broker. What
// has been appended stays until it is acknowledged, whatever happens to the
// process, the power or the broker meanwhile: kill -9 loses nothing, a power
// cut nothing older than a second ([Lazy]) or nothing at all ([Each]).
//
// It knows nothing of MQTT or JSON: a payload is bytes. It promises delivery
// at least once; consumers tell duplicates by (epoch, seq).
//
// # On disk
//
// A directory holds a lock, the epoch counter and segments: files of fixed
// size, filled with zeros when made, then written in place and used again and
// again. Growing a file would make each fdatasync journal its size as well,
// which costs an SD card four times the writes.
//
//	            header   mark    record  record  mark    record
//	00000003.seg [ base | acked | 4711  | 4712  | acked | 4713  | old or zero … ]
//	             ▲ offset 0                                     ▲ used
//
//	frame: crc32c u32 | kind u8, length u24 | position u64 | epoch u64 | seq u64 | payload | to 8 bytes
//
// Everything is a frame, little-endian, checked by CRC-32C from the kind to
// the end of the payload. Positions only ever grow. So when a segment begins
// a new life, with a new header, frames of its former life are told by their
// position, and no byte of them has to be erased. A mark says what is
// acknowledged: all up to a position, and a few spans above it. Marks are
// not synced: a lost mark means duplicates, never a loss.
//
// While the broker keeps up, nothing is held when the next record comes, and
// the life of the segment begins again at offset 0: header, mark and record
// go out in one write(2), to one page that stays hot in the page cache.
//
// # Damage
//
// A scan that meets bytes that are no frame goes on eight bytes further, so a
// flipped bit costs one record. What was lost is known by the missing
// positions and is told as a [Gap], with a "may" where it can have been delivered:
// a power cut takes the newest acknowledgements too. A damaged segment gets no
// new life, and is set aside as .bad once its last record is delivered. Opening
// never fails because of damage.
//
// A write or sync that fails is not fatal either: memory keeps what the disk
// may not have, and it is written to another segment, at once or when there is
// space again.
package outbox

import (
	"errors"
	"log/slog"
)

// MaxPayload is the most bytes a record can carry.
const MaxPayload = 64 << 10

// A Position is a record's place in the queue. Positions start above 0 and
// grow for ever, over restarts too.
type Position uint64

// RunLength is how far apart the positions of two runs begin. What a power cut
// has left of records, marks and headers that were not synced is in parts: the
// next run does not see how far the one before had counted. It must not use a
// position again, or frames of that run, which are still whole, would pass for
// its own. No run appends as many records: at 1000 a second it takes three days,
// and then it is enough that something was synced in that time.
const runLength Position = 1 << 28

// runOf is the first position of the run that p belongs to.
func runOf(p Position) Position { return p / runLength * runLength }

// A Record is one message, or one event about delivery, in the queue.
type Record struct {
	Position Position // set by the queue
	Epoch    uint64   // of the run that made it; 0 for what has no identity, and is not missed
	Seq      uint64   // number of the reading in its epoch, from 1; 0 for an event
	Payload  []byte   // at most MaxPayload bytes
}

// Sync is when records are forced to the disk. Either way they are handed to
// the kernel at once, so that only a power cut can lose any.
type Sync string

// The sync policies.
const (
	// Lazy syncs only while a record has been waiting for its acknowledgement
	// for most of a second: hardly ever, when the broker is up.
	Lazy Sync = "lazy"
	// Each syncs before Append returns. It costs the card a page per record.
	Each Sync = "each"
)

// Options of a queue on disk. The zero value is good.
type Options struct {
	MaxSize int64        // bytes on disk at most, from 512 KiB; 0 means 64 MiB
	Sync    Sync         // "" means Lazy
	Log     *slog.Logger // nil discards

	disk disk // how files are written: replaced in tests
}

// A Gap tells of readings that will never be delivered by this queue. Some of
// them can have been: by a run that had no time to note so, or as they were
// given up.
type Gap struct {
	Epoch    uint64
	From, To uint64 // the first and last seq
	Count    uint64 // how many of From..To, at most; all of them unless damage hid which
	Reason   string // for a person: "outbox full"
}

// Previous is what is known of the run before this one.
type Previous struct {
	Epoch   uint64 // 0: there was none, or nothing is known
	LastSeq uint64 // highest number found of it; after a power cut there may have been more
	Clean   bool   // it was closed in order
}

// Stats is a queue at one instant. Counters start with the queue.
type Stats struct {
	Held         uint64 // records waiting for their acknowledgement
	HeldInMemory uint64 // those of them that the disk does not have
	Bytes        int64  // disk or memory in use for them
	Dropped      uint64 // records given up unacknowledged, because there was no room
	Damaged      uint64 // records missing for damage: lost, or delivered before
	SkippedBytes uint64 // stepped over because they were no frame
	TornTails    uint64 // segments that ended within a frame when opened
	Syncs        uint64
	SyncErrors   uint64
	BytesWritten uint64 // handed to write(2); the card writes whole pages, but one page many times only once
	Health       string // what is wrong, for a person; "" when nothing is
}

// Errors to branch on.
var (
	// ErrInUse: another process has the directory.
	ErrInUse = errors.New("outbox in use")
	// ErrClosed: the queue was closed.
	ErrClosed = errors.New("outbox closed")
)
