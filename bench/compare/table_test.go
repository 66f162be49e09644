package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	rows := []row{
		{what: "CPU", agent: 60, script: 100, pub: none, goal: atMostScript(0.6)},
		{what: "CPU", agent: 61, script: 100, pub: none, goal: atMostScript(0.6)},
		{what: "memory", digits: 1, agent: 8.2, script: 20, pub: none, goal: atMostScript(0.5).and(atMost(8, "MB"))},
		{what: "delivered", agent: 999, script: 900, pub: none, goal: atLeast(999)},
		{what: "messages", agent: 80, script: 40, pub: 100, goal: atLeastPub(0.9)},
		{what: "messages", agent: none, script: 40, pub: 100, goal: atLeastPub(0.9)},
		{what: "first", agent: 4, script: 40, pub: 2},
	}
	var b strings.Builder
	if err := printTable(&b, rows); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"agent script mosquitto_pub ÷ script ÷ pub goal",
		"CPU 60 100 – 0.60 – ≤ 0.60 script ok",
		"CPU 61 100 – 0.61 – ≤ 0.60 script MISS",
		"memory 8.2 20.0 – 0.41 – ≤ 0.50 script, ≤ 8 MB MISS",
		"delivered 999 900 – 1.11 – ≥ 999 ok",
		"messages 80 40 100 2.00 0.80 ≥ 0.90 mosquitto_pub MISS",
		"messages – 40 100 – – ≥ 0.90 mosquitto_pub not measured",
		"first 4 40 2 0.10 2.00",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}
