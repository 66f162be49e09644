package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxPayload is the longest command accepted, in bytes. The longest sensible
// one is a tenth of it.
const MaxPayload = 1024

// A command is what a payload asks for.
type command struct {
	interval  time.Duration
	toDefault bool   // back to the configured interval
	stream    string // "" means every stream
	device    string // "" means every device that hears it
	lease     time.Duration
	id        string
}

// parse reads a command. What it can tell of a command that cannot be obeyed
// (its id, its device) it returns beside the error, so that the answer reaches
// the one who asked.
//
// The forms are 5, 0.5 (seconds), 500ms, "2m", default, and a JSON object with
// the keys interval, stream, device, for and id.
func parse(payload []byte) (command, error) {
	if len(payload) > MaxPayload {
		return command{}, fmt.Errorf("command of %d bytes is too long: at most %d", len(payload), MaxPayload)
	}
	text := strings.TrimSpace(string(payload))
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return command{}, errors.New("command is not text")
	}
	if strings.HasPrefix(text, "{") {
		return parseObject([]byte(text))
	}
	var c command
	err := c.setInterval(json.RawMessage(text))
	return c, err
}

func parseObject(text []byte) (command, error) {
	var object struct {
		Interval json.RawMessage `json:"interval"`
		Stream   string          `json:"stream"`
		Device   string          `json:"device"`
		For      json.RawMessage `json:"for"`
		ID       json.RawMessage `json:"id"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&object)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more follows after the object")
		}
	}
	c := command{stream: object.Stream, device: object.Device, id: unquote(object.ID)}
	if err != nil {
		return c, fmt.Errorf("not a command: %s: keys are interval, stream, device, for and id", plain(err))
	}
	if object.Interval == nil {
		return c, errors.New(`the key "interval" is missing`)
	}
	if err := c.setInterval(object.Interval); err != nil {
		return c, err
	}
	if object.For != nil {
		if c.lease, err = duration(object.For); err != nil {
			return c, fmt.Errorf(`the key "for": %w`, err)
		}
	}
	return c, nil
}

// plain says what is wrong with an object to a person who knows JSON, not Go.
func plain(err error) string {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case ok:
		return fmt.Sprintf("the key %q takes text in quotes", wrong.Field)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends before its last }"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func (c *command) setInterval(raw json.RawMessage) error {
	if s := unquote(raw); s == "default" {
		c.toDefault = true
		return nil
	}
	var err error
	c.interval, err = duration(raw)
	return err
}

// duration reads a number of seconds or a duration with its unit, with or
// without quotes. Only what JSON or Go's time.ParseDuration would read is
// taken, so that "five", "٥" or "NaN" is no number.
func duration(raw json.RawMessage) (time.Duration, error) {
	text := unquote(raw)
	var seconds float64
	if json.Unmarshal([]byte(text), &seconds) == nil {
		if ns := math.Round(seconds * float64(time.Second)); ns > 0 && ns < 1<<63 {
			return time.Duration(ns), nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, fmt.Errorf("%s is not a time above zero: write seconds (5, 0.5) or a duration (500ms, 2m)", excerpt(text))
}

// unquote returns the text of a JSON string, and anything else as it is.
func unquote(raw json.RawMessage) string {
	var s string
	if bytes.HasPrefix(raw, []byte{'"'}) && json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// excerpt quotes the beginning of what a stranger sent.
func excerpt(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) > most {
		return fmt.Sprintf("%q…", string([]rune(s)[:most]))
	}
	return fmt.Sprintf("%q", s)
}
