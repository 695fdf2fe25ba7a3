package main

import (
	"slices"
	"strconv"
	"time"
)

// Tally is what one connection saw.
type tally struct {
	seconds  []float64
	statuses map[int]int
	errors   map[string]int
	refusal  string // the first answer that was no 2xx
}

func newTally() *tally {
	return &tally{seconds: make([]float64, 0, 1<<14), statuses: map[int]int{}, errors: map[string]int{}}
}

func (t *tally) answered(status int, body []byte, took time.Duration) {
	t.statuses[status]++
	t.seconds = append(t.seconds, took.Seconds())
	if (status < 200 || status > 299) && t.refusal == "" {
		t.refusal = string(body[:min(len(body), 300)])
	}
}

func (t *tally) failed(err error) { t.errors[err.Error()]++ }

// Result is what the program prints.
type result struct {
	Requests int            `json:"requests"`
	Good     int            `json:"good"`
	Seconds  float64        `json:"seconds"`
	Rate     float64        `json:"rate"` // of good answers, per second
	P50      float64        `json:"p50_ms"`
	P90      float64        `json:"p90_ms"`
	P99      float64        `json:"p99_ms"`
	Longest  float64        `json:"max_ms"`
	Statuses map[string]int `json:"statuses"`
	Errors   map[string]int `json:"errors"`
	Refusal  string         `json:"refusal,omitempty"`
}

func summary(tallies []*tally, took time.Duration) result {
	made := result{Seconds: took.Seconds(), Statuses: map[string]int{}, Errors: map[string]int{}}
	var seconds []float64
	for _, tally := range tallies {
		seconds = append(seconds, tally.seconds...)
		for status, count := range tally.statuses {
			made.Statuses[strconv.Itoa(status)] += count
			if status >= 200 && status <= 299 {
				made.Good += count
			}
		}
		for text, count := range tally.errors {
			made.Errors[text] += count
		}
		if made.Refusal == "" {
			made.Refusal = tally.refusal
		}
	}
	made.Requests = len(seconds)
	made.Rate = float64(made.Good) / made.Seconds
	slices.Sort(seconds)
	made.P50, made.P90, made.P99 = at(seconds, 0.50), at(seconds, 0.90), at(seconds, 0.99)
	made.Longest = at(seconds, 1)
	return made
}

// At is a percentile in milliseconds, by nearest rank.
func at(sorted []float64, part float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return 1000 * sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}
