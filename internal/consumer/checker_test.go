package consumer

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func reading(epoch, seq int, replay bool) string {
	m := fmt.Sprintf(`{"timestamp":"x","device":"pi","light":1,"epoch":%d,"seq":%d`, epoch, seq)
	if replay {
		m += `,"replay":true`
	}
	return m + "}"
}

func TestRule(t *testing.T) {
	const start4 = `{"type":"start","device":"pi","epoch":4,"prev_epoch":3,"prev_last":12,"clean":false}`
	for _, tt := range []struct {
		name     string
		payloads []string
		says     []string
		counts   Counts
	}{
		{
			"in order, from the middle of an epoch",
			[]string{reading(3, 7, false), reading(3, 8, false), reading(3, 9, false)},
			nil,
			Counts{Readings: 3},
		},
		{
			"duplicate",
			[]string{reading(3, 7, false), reading(3, 8, false), reading(3, 8, true)},
			[]string{"pi epoch 3: 8 came again"},
			Counts{Readings: 2, Duplicates: 1},
		},
		{
			"a hole that fills",
			[]string{reading(3, 7, false), reading(3, 10, false), reading(3, 8, true), reading(3, 11, false), reading(3, 9, true)},
			[]string{"pi epoch 3: missing 8..9", "pi epoch 3: complete again up to 11"},
			Counts{Readings: 5},
		},
		{
			"a hole that stays",
			[]string{reading(3, 7, false), reading(3, 10, false)},
			[]string{"pi epoch 3: missing 8..9"},
			Counts{Readings: 2, Missing: 2},
		},
		{
			"reordered in its lane",
			[]string{reading(3, 7, false), reading(3, 9, false), reading(3, 8, false)},
			[]string{"pi epoch 3: missing 8", "pi epoch 3: 8 came after 9", "pi epoch 3: complete again up to 9"},
			Counts{Readings: 3, Reordered: 1},
		},
		{
			"a new epoch begins at 1; the end of the old one is missing",
			[]string{reading(3, 10, false), start4, reading(4, 2, false)},
			[]string{"pi epoch 4: begins; epoch 3 was cut off at 12", "pi epoch 4: missing 1"},
			Counts{Readings: 2, Missing: 3},
		},
		{
			"an old epoch follows the new one",
			[]string{reading(3, 10, false), start4, reading(4, 1, false), reading(3, 11, true), reading(3, 12, true)},
			[]string{"pi epoch 4: begins; epoch 3 was cut off at 12"},
			Counts{Readings: 4},
		},
		{
			"a newer epoch joined in the middle, while the old one drains",
			[]string{reading(3, 50, true), reading(4, 200, false), reading(3, 51, true), reading(4, 201, false)},
			nil,
			Counts{Readings: 4},
		},
		{
			"given up",
			[]string{reading(3, 5, false), reading(3, 10, false), `{"type":"gap","device":"pi","epoch":3,"from":6,"to":8,"count":3,"reason":"outbox full"}`},
			[]string{"pi epoch 3: missing 6..9", "pi epoch 3: given up 3 of 6..8: outbox full"},
			Counts{Readings: 2, Missing: 4, GivenUp: 3},
		},
		{
			"neither message nor event",
			[]string{"414", "", `{"device":"pi"}`, `[]`, `{"type":"clock","device":"pi","epoch":3}`, `{"device":"pi","epoch":-1,"seq":1}`},
			nil,
			Counts{},
		},
	} {
		var c Checker
		var says []string
		for _, p := range tt.payloads {
			says = append(says, c.Receive([]byte(p))...)
		}
		if diff := cmp.Diff(tt.says, says); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.counts, c.Counts()); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestSpansAgainstASet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var s spans
		set := map[uint64]bool{}
		for range 30 {
			from := 1 + r.Uint64N(60)
			to := from + r.Uint64N(5)
			s.add(from, to)
			for n := from; n <= to; n++ {
				set[n] = true
			}
		}
		holes := s.holes(1, 70)
		for n := uint64(1); n <= 70; n++ {
			if s.has(n) != set[n] || holes.has(n) == set[n] {
				t.Fatalf("%d: has %v, hole %v, want %v", n, s.has(n), holes.has(n), set[n])
			}
		}
		for i := 1; i < len(s); i++ {
			if s[i].from <= s[i-1].to+1 {
				t.Fatalf("not apart: %v", s)
			}
		}
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte(reading(3, 7, true)))
	f.Add([]byte(`{"type":"gap","device":"pi","epoch":3,"from":1,"to":18446744073709551615}`))
	f.Add([]byte(`{"type":"start","device":"pi","epoch":18446744073709551615,"prev_epoch":1,"prev_last":18446744073709551615}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		var c Checker
		c.Receive([]byte(reading(1, 1, false)))
		c.Receive(p)
		c.Receive(p)
		c.Summary()
	})
}
