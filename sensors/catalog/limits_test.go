package catalog

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sensor-agent/sensors"
)

// Every limit of every driver is in the table of docs/quality.md, and no other.
func TestLimitsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/quality.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{} // cells by driver and key
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 8 {
			continue
		}
		for driver := range strings.SplitSeq(cells[1], ",") {
			rows[strings.Trim(driver, " `")+" "+strings.Trim(cells[2], " `")] = cells[3:6]
		}
	}
	seen := map[string]bool{"driver key": true, "--- ---": true} // the head of the table
	for _, d := range Drivers() {
		plan, err := d.Configure(func(any) error { return nil })
		if err != nil {
			continue // has to be told its channels, which have no limits
		}
		for _, o := range plan.Outputs {
			key := o.Key
			if d.Name == "simulated" {
				key = "all of shape `weather"
			}
			want := []string{"-", "-", "-"}
			l := o.Limits
			if l.Min != 0 || l.Max != 0 {
				want[0] = fmt.Sprintf("%v to %v", l.Min, l.Max)
			}
			if l.Step != 0 {
				want[1] = fmt.Sprint(l.Step)
			}
			if l.Flat != 0 {
				want[2] = fmt.Sprint(l.Flat)
			}
			row, found := rows[d.Name+" "+key]
			seen[d.Name+" "+key] = true
			if found == (l == sensors.Limits{}) || found && slices.ContainsFunc([]int{0, 1, 2}, func(i int) bool {
				cell, _, _ := strings.Cut(strings.TrimSpace(row[i]), ",")
				return cell != want[i]
			}) {
				t.Errorf("docs/quality.md: %s %s is %q, want %q", d.Name, o.Key, row, want)
			}
		}
	}
	for row := range rows {
		if !seen[row] {
			t.Errorf("docs/quality.md: the row of %s is of nothing", row)
		}
	}
}
