package control

import "time"

// The results an [Ack] can have.
const (
	Applied  = "applied"
	Rejected = "rejected"
)

// Ack answers a command, as JSON on the ack topic. Intervals are seconds.
type Ack struct {
	ID       string  `json:"id,omitempty"` // as the command gave it
	Result   string  `json:"result"`
	Stream   string  `json:"stream,omitempty"`   // when the command was for one stream
	Interval float64 `json:"interval,omitempty"` // now in force, in every stream the command was for
	// Intervals has what is in force per stream, when the command was for
	// several.
	Intervals map[string]float64 `json:"intervals,omitempty"`
	Until     string             `json:"until,omitempty"` // end of the lease, RFC 3339
	Reason    string             `json:"reason,omitempty"`
}

// StreamState is a stream's part of the retained state. Intervals are seconds.
type StreamState struct {
	Interval float64 `json:"interval"`        // in force
	Default  float64 `json:"default"`         // as configured
	Until    string  `json:"until,omitempty"` // end of the lease that is running, RFC 3339
}

func seconds(d time.Duration) float64 { return d.Seconds() }

// stamp writes a time by the wall clock as it is now: it may have been set
// since t was computed.
func stamp(t, now time.Time) string { return now.Add(t.Sub(now)).UTC().Format(time.RFC3339) }
