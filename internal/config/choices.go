package config

import "log/slog"

// A chooser is a string type with a closed list of values, the default first.
type chooser interface{ choices() []string }

// Format is how a stream's message is written.
type Format string

// The formats of a message.
const (
	FormatJSON  Format = "json"  // one JSON object
	FormatValue Format = "value" // one bare value
)

func (Format) choices() []string { return []string{string(FormatJSON), string(FormatValue)} }

// ClockTrust is whether the wall clock counts as set, since a Pi starts
// without one.
type ClockTrust string

// The ways to trust the clock.
const (
	ClockAuto   ClockTrust = "auto"   // ask the kernel
	ClockAlways ClockTrust = "always" // a clock the kernel does not know of keeps it: RTC, GPS, host of a container
	ClockNever  ClockTrust = "never"  // every message is marked unsynced
)

func (ClockTrust) choices() []string {
	return []string{string(ClockAuto), string(ClockAlways), string(ClockNever)}
}

// Sync is when the outbox forces what it holds onto the card.
type Sync string

// The ways to sync.
const (
	SyncLazy Sync = "lazy" // only while something has been unacknowledged for over a second
	SyncEach Sync = "each" // after each message: no loss at a power cut, more wear
)

func (Sync) choices() []string { return []string{string(SyncLazy), string(SyncEach)} }

// LogFormat is how a log line is written.
type LogFormat string

// The formats of a log line.
const (
	LogAuto LogFormat = "auto" // text, without the time under journald
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

func (LogFormat) choices() []string {
	return []string{string(LogAuto), string(LogText), string(LogJSON)}
}

// LogLevel is the least level that is logged: info, debug, warn or error. It
// is a [slog.Leveler].
type LogLevel string

func (LogLevel) choices() []string { return []string{"info", "debug", "warn", "error"} }

// Level implements [slog.Leveler].
func (l LogLevel) Level() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l)); err != nil {
		return slog.LevelInfo // only a LogLevel that was not parsed
	}
	return level
}
