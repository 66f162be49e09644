package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An agent without a durable outbox loses what it held when it is killed, and
// the ledger says so: the run that finds nothing lost could have found it.
func TestLossIsFound(t *testing.T) {
	t.Parallel()
	l := newLedger()
	broker := startSink(t, l.note)
	broker.down()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := startAgent(t, l, "tcp://"+broker.addr, filepath.Join(file, "outbox"), shortly)
	waitFor(t, "some readings are held", func() bool { return l.missing() > 20 })
	a.signal(syscall.SIGKILL)
	if err := broker.up(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the next agent is heard", func() bool { return l.heard(a.begun()) })
	a.end(syscall.SIGTERM)
	a.wait(t)
	sum, problems := l.close()
	if sum.Lost < 20 || !strings.Contains(strings.Join(problems, "\n"), fmt.Sprint("lost ", sum.Lost)) {
		t.Errorf("%+v, %q", sum, problems)
	}
}

// arrival is a message on the fast topic, by the first connection.
func arrival(l *ledger, epoch, seq int, marks string) {
	l.arrived(1, fastTopic, fmt.Appendf(nil, `{"value":%d,"epoch":%d,"seq":%d%s}`, seq, epoch, seq, marks))
}

func start(l *ledger, epoch, prev, last int, clean bool) {
	l.told(fmt.Appendf(nil, `{"type":"start","epoch":%d,"prev_epoch":%d,"prev_last":%d,"clean":%t}`, epoch, prev, last, clean))
}

// Each way in which an agent or a broker can fail is seen, and what has to be
// allowed is not.
func TestLedger(t *testing.T) {
	const replay = `,"replay":true`
	for _, tt := range []struct {
		name string
		do   func(l *ledger)
		want string // the problem; "" for none
	}{
		{"all arrives", func(l *ledger) { arrival(l, 1, 2, ""); arrival(l, 1, 3, "") }, ""},
		{"a broker drops one", func(l *ledger) { arrival(l, 1, 3, "") }, "lost 1"},
		{"a broker swaps two", func(l *ledger) { arrival(l, 1, 3, ""); arrival(l, 1, 2, "") }, "1/2 came after 1/3"},
		{"one again on the same connection", func(l *ledger) { arrival(l, 1, 2, ""); arrival(l, 1, 2, ""); arrival(l, 1, 3, "") }, "1/2 came after 1/2"},
		{"lanes cross, and meet", func(l *ledger) {
			arrival(l, 1, 3, "")
			arrival(l, 1, 1, replay)
			arrival(l, 1, 2, replay)
			arrival(l, 1, 3, replay)
		}, ""},
		{"the backlog swaps two", func(l *ledger) { arrival(l, 1, 3, replay); arrival(l, 1, 2, replay) }, "1/2 came after 1/3"},
		{"marks come and go", func(l *ledger) {
			arrival(l, 1, 2, "")
			arrival(l, 1, 3, "")
			arrival(l, 1, 1, `,"clock":"unsynced"`+replay)
		}, ""},
		{"again, and it is another", func(l *ledger) {
			arrival(l, 1, 2, "")
			arrival(l, 1, 3, "")
			l.arrived(2, fastTopic, []byte(`{"value":7,"epoch":1,"seq":2}`))
		}, "1/2 came as"},
		{"again, on another topic", func(l *ledger) {
			arrival(l, 1, 2, "")
			arrival(l, 1, 3, "")
			l.arrived(2, slowTopic, []byte(`{"value":2,"epoch":1,"seq":2}`))
		}, "1/2 came as"},
		{"one that was taken as the agent died", func(l *ledger) { arrival(l, 1, 2, ""); arrival(l, 1, 3, ""); arrival(l, 1, 4, "") }, ""},
		{"invented", func(l *ledger) { arrival(l, 1, 2, ""); arrival(l, 1, 3, ""); arrival(l, 1, 5, "") }, "1 came that had not been taken"},
		{"no reading", func(l *ledger) {
			arrival(l, 1, 2, "")
			arrival(l, 1, 3, "")
			l.arrived(1, fastTopic, []byte(`{"seq":1`))
		}, "no reading"},
		{"taken twice", func(l *ledger) { arrival(l, 1, 2, ""); arrival(l, 1, 3, ""); l.held(number{1, 3}) }, "1/3 was taken after 3"},
		{"given up", func(l *ledger) {
			arrival(l, 1, 2, "")
			arrival(l, 1, 3, "")
			l.told([]byte(`{"type":"gap","epoch":1,"from":1,"to":1,"count":1}`))
		}, "given up"},
		{"another epoch", func(l *ledger) { arrival(l, 1, 2, ""); arrival(l, 1, 3, ""); start(l, 2, 1, 3, false) }, ""},
		{"an epoch that died before it spoke", func(l *ledger) { arrival(l, 1, 2, ""); arrival(l, 1, 3, ""); start(l, 3, 2, 0, false) }, ""},
		{"the same, after one that ended cleanly", func(l *ledger) {
			arrival(l, 1, 2, "")
			arrival(l, 1, 3, "")
			l.ended(1, true)
			start(l, 3, 1, 3, false)
		}, ""},
		{"an epoch closed too early", func(l *ledger) { arrival(l, 1, 2, ""); arrival(l, 1, 3, ""); start(l, 2, 1, 2, false) }, "epoch 1 ended with 3"},
		{"an epoch told to be clean", func(l *ledger) { arrival(l, 1, 2, ""); arrival(l, 1, 3, ""); start(l, 2, 1, 3, true) }, "epoch 1 ended with 3"},
		{"an epoch told not to be clean", func(l *ledger) {
			arrival(l, 1, 2, "")
			arrival(l, 1, 3, "")
			l.ended(1, true)
			start(l, 2, 1, 3, false)
		}, "epoch 1 ended with 3"},
		{"an epoch that leaves one out", func(l *ledger) {
			arrival(l, 1, 2, "")
			arrival(l, 1, 3, "")
			start(l, 2, 1, 3, false)
			start(l, 3, 1, 3, false)
		}, "epoch 3 comes behind 2"},
		{"no beginning", func(l *ledger) { arrival(l, 1, 2, ""); arrival(l, 1, 3, ""); arrival(l, 2, 1, "") }, "has no beginning"},
		{"two beginnings", func(l *ledger) { arrival(l, 1, 2, ""); arrival(l, 1, 3, ""); start(l, 1, 0, 1, false) }, "and again with"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLedger()
			start(l, 1, 0, 0, false)
			for seq := uint64(1); seq <= 3; seq++ {
				l.held(number{1, seq})
			}
			arrival(l, 1, 1, "")
			tt.do(l)
			_, problems := l.close()
			if got := strings.Join(problems, "\n"); (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAccount(t *testing.T) {
	l := newLedger()
	for seq := uint64(1); seq <= 5; seq++ {
		l.held(number{1, seq})
	}
	for _, seq := range []int{1, 3, 2, 7} {
		arrival(l, 1, seq, "")
	}
	l.arrived(2, fastTopic, []byte(`{"value":0,"epoch":1,"seq":3,"replay":true}`))
	sum, _ := l.close()
	sum.Silence = 0
	want := account{Held: 5, Arrived: 4, Duplicates: 1, Replayed: 1, Reordered: 1, Changed: 1, Unknown: 1, Lost: 2}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Error(diff)
	}
}
