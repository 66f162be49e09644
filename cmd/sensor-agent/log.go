package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"

	"sensor-agent/internal/config"
)

// newLog makes the log a configuration asks for.
func newLog(w io.Writer, c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	switch {
	case c.Format == config.LogJSON:
		return slog.New(slog.NewJSONHandler(w, o))
	case c.Format == config.LogAuto && os.Getenv("JOURNAL_STREAM") != "":
		return slog.New(newJournal(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// journal writes for systemd's journal, which stamps each line itself and
// reads its priority from a prefix (sd-daemon(3)). It has a handler for each
// priority, most urgent first.
type journal [4]slog.Handler

func newJournal(w io.Writer, o *slog.HandlerOptions) journal {
	plain := *o
	plain.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}
	var j journal
	for i, prefix := range []string{"<3>", "<4>", "<6>", "<7>"} {
		j[i] = slog.NewTextHandler(prefixed{w, prefix}, &plain)
	}
	return j
}

func (j journal) of(l slog.Level) slog.Handler {
	switch {
	case l >= slog.LevelError:
		return j[0]
	case l >= slog.LevelWarn:
		return j[1]
	case l >= slog.LevelInfo:
		return j[2]
	}
	return j[3]
}

func (j journal) Enabled(ctx context.Context, l slog.Level) bool { return j[0].Enabled(ctx, l) }

func (j journal) Handle(ctx context.Context, r slog.Record) error {
	return j.of(r.Level).Handle(ctx, r)
}

func (j journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i := range j {
		j[i] = j[i].WithAttrs(attrs)
	}
	return j
}

func (j journal) WithGroup(name string) slog.Handler {
	for i := range j {
		j[i] = j[i].WithGroup(name)
	}
	return j
}

// prefixed puts a prefix before each write, which a handler makes once a line.
type prefixed struct {
	w      io.Writer
	prefix string
}

func (p prefixed) Write(line []byte) (int, error) {
	_, err := p.w.Write(append([]byte(p.prefix), line...))
	return len(line), err
}

// once passes each text on one time: what a driver says of its chip each time
// it opens it, which can be often.
type once struct {
	slog.Handler
	said *sync.Map // texts
}

func (o once) Handle(ctx context.Context, r slog.Record) error {
	if _, again := o.said.LoadOrStore(r.Message, true); again {
		return nil
	}
	return o.Handler.Handle(ctx, r)
}
