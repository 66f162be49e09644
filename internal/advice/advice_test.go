package advice

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestSplit(t *testing.T) {
	refused := To(fmt.Errorf("open /dev/x: %w", fs.ErrPermission), "join its group")
	for _, c := range []struct {
		err            error
		text, what, do string
	}{
		{refused, "open /dev/x: permission denied: join its group", "open /dev/x: permission denied", "join its group"},
		{fmt.Errorf("sensor air: %w", refused), "sensor air: open /dev/x: permission denied: join its group", "sensor air: open /dev/x: permission denied", "join its group"},
		{fmt.Errorf("chip not found (%w): check it", refused), "chip not found (open /dev/x: permission denied: join its group): check it", "chip not found (open /dev/x: permission denied): check it", "join its group"},
		{To(refused, "or give up"), "open /dev/x: permission denied: join its group: or give up", "open /dev/x: permission denied: join its group", "or give up"},
		{errors.New("a: b"), "a: b", "a: b", ""},
	} {
		what, do := Split(c.err)
		if c.err.Error() != c.text || what != c.what || do != c.do {
			t.Errorf("%q splits into %q and %q", c.err, what, do)
		}
	}
	if !errors.Is(refused, fs.ErrPermission) {
		t.Error("the cause is lost")
	}
}
