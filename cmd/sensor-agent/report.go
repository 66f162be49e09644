package main

import (
	"fmt"
	"io"
	"strings"

	"sensor-agent/internal/doctor"
)

// A report collects findings and prints them as they come.
type report struct {
	out   io.Writer
	lines bool // print them
	found []doctor.Finding
}

func (r *report) add(found ...doctor.Finding) {
	r.found = append(r.found, found...)
	if !r.lines {
		return
	}
	const indent = "\n                     " // to where what was found begins
	for _, f := range found {
		mark := string(f.Status)
		if f.Status == doctor.Failed {
			mark = "FAIL" // to be found at a glance
		}
		fmt.Fprintf(r.out, "%-4s  %-13s  %s\n", mark, f.Check, strings.ReplaceAll(f.What, "\n", indent))
		if f.Do != "" {
			fmt.Fprintf(r.out, "%21sdo: %s\n", "", strings.ReplaceAll(f.Do, "\n", indent+"    "))
		}
	}
}

// end says in one line how it went and returns the exit code.
func (r *report) end() error {
	count := map[doctor.Status]int{}
	code := 0
	for _, f := range r.found {
		count[f.Status]++
		switch {
		case f.Status != doctor.Failed:
		case f.Check == doctor.Configuration:
			code = exitConfig
		case code == 0:
			code = exitFailure
		}
	}
	if r.lines {
		fmt.Fprintf(r.out, "\nok %d, failed %d, warnings %d, skipped %d\n",
			count[doctor.OK], count[doctor.Failed], count[doctor.Warning], count[doctor.Skipped])
	}
	if code == 0 {
		return nil
	}
	return &exitError{code: code}
}
