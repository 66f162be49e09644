package clock

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"time"

	"sensor-agent/internal/durable"
)

// keptBoots is of how many boots the offset is kept: as many as a backlog may
// reach back.
const keptBoots = 32

// anchorFile is the file's form: what to add to a boot's clock to get the time
// since 1970, newest boot last.
type anchorFile struct {
	Boots []anchor `json:"boots"`
}

type anchor struct {
	Boot   string `json:"boot"`
	Offset int64  `json:"offset_ns"`
}

func loadAnchors(path string) (map[uint64]time.Duration, error) {
	anchors := map[uint64]time.Duration{}
	if path == "" {
		return anchors, nil
	}
	var f anchorFile
	text, err := durable.Read(path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return anchors, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return anchors, fmt.Errorf("reading the times of earlier boots: %w", err)
	}
	for _, a := range f.Boots {
		if boot, err := strconv.ParseUint(a.Boot, 16, 64); err == nil {
			anchors[boot] = time.Duration(a.Offset)
		}
	}
	return anchors, nil
}

// saveAnchors writes the anchors of the newest boots, of which newest is the
// last.
func saveAnchors(path string, anchors map[uint64]time.Duration, newest uint64) error {
	var boots []uint64
	for boot := range anchors {
		if boot != newest {
			boots = append(boots, boot)
		}
	}
	// A later boot has a later beginning.
	slices.SortFunc(boots, func(a, b uint64) int { return cmp.Compare(anchors[a], anchors[b]) })
	boots = append(boots[max(0, len(boots)+1-keptBoots):], newest)
	var f anchorFile
	for _, boot := range boots {
		f.Boots = append(f.Boots, anchor{strconv.FormatUint(boot, 16), int64(anchors[boot])})
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return durable.Write(path, append(text, '\n'))
}
