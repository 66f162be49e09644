package publisher

import (
	"strconv"
	"strings"
	"time"
)

// Timestamp is how the time of sampling is written in a message: "rfc3339"
// (UTC, milliseconds; the default), "unix" (seconds with three decimals),
// "unix_ms" (whole milliseconds), or a strftime pattern in local time such as
// %Y-%m-%d-%H-%M.
type Timestamp string

// The named forms of a timestamp.
const (
	RFC3339 Timestamp = "rfc3339"
	Unix    Timestamp = "unix"
	UnixMs  Timestamp = "unix_ms"
)

// Directives are the letters that may follow % in a strftime pattern (C17
// 7.27.3.5; %f is Python's microseconds).
const Directives = "YmdHMSjyfzZsTFBbaAIp%"

func (f Timestamp) append(dst []byte, t time.Time) []byte {
	switch f {
	case RFC3339, "":
		dst = append(dst, '"')
		dst = t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
		return append(dst, '"')
	case UnixMs:
		return strconv.AppendInt(dst, t.UnixMilli(), 10)
	case Unix:
		return strconv.AppendFloat(dst, float64(t.UnixMilli())/1000, 'f', 3, 64)
	}
	dst = append(dst, '"')
	dst = appendEscaped(dst, strftime(string(f), t))
	return append(dst, '"')
}

// goLayouts are the directives that Go's layouts know.
var goLayouts = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'j': "002", 'y': "06",
	'z': "-0700", 'Z': "MST", 'T': "15:04:05", 'F': "2006-01-02", 'B': "January", 'b': "Jan",
	'a': "Mon", 'A': "Monday", 'I': "03", 'p': "PM",
}

// strftime formats t by a pattern whose directives are of [Directives].
func strftime(pattern string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' || i+1 == len(pattern) {
			b.WriteByte(pattern[i])
			continue
		}
		i++
		switch c := pattern[i]; c {
		case 'f':
			micro := strconv.Itoa(1_000_000 + t.Nanosecond()/1000)
			b.WriteString(micro[1:])
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case '%':
			b.WriteByte('%')
		default:
			b.WriteString(t.Format(goLayouts[c]))
		}
	}
	return b.String()
}

// appendEscaped writes s as the inside of a JSON string.
func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
