package main

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const jobs = "/apis/batch/v1/namespaces/default/jobs"

// The metadata that counts is the object's own, wherever it stands.
func TestMetadata(t *testing.T) {
	for text, wanted := range map[string]string{
		`{"metadata":{"name":"a"}}`: "a",
		`{"spec": {"template": {"metadata": {"name": "pod"}}}, "metadata": {"labels": {}, "name": "b"}}`: "b",
		`{"x":"\"metadata\":{","metadata":{"name":"c"}}`:                                                 "c",
		`{"spec":{}}`: "", `{"metadata":{}}`: "", `{"`: "",
	} {
		at, name, err := metadata([]byte(text))
		if name != wanted || (err == nil) != (wanted != "") || (err == nil && text[at-1] != '{') {
			t.Errorf("%s: %d %q %v", text, at, name, err)
		}
	}
}

// A Job is created once, read, and gone when newer ones have come; the watch hears of both.
func TestLifeOfAJob(t *testing.T) {
	server := httptest.NewServer(routes(newStore(1), newStore(1), true, time.Hour))
	defer server.Close()
	watch, err := http.Get(server.URL + jobs + "?watch=1")
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Body.Close()
	post := func(name string) int {
		answer, err := http.Post(server.URL+jobs, "application/json", strings.NewReader(`{"metadata":{"name":"`+name+`"}}`))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		return answer.StatusCode
	}
	if got := []int{post("a"), post("a"), post("b")}; got[0] != 201 || got[1] != 409 || got[2] != 201 {
		t.Fatal(got)
	}
	gone, err := http.Get(server.URL + jobs + "/a")
	if err != nil || gone.StatusCode != 404 {
		t.Fatal(gone, err)
	}
	lines := bufio.NewScanner(watch.Body)
	for _, wanted := range []string{`{"type":"ADDED","object":{"metadata":{"uid"`, `{"type":"DELETED"`, `{"type":"ADDED"`} {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), wanted) {
			t.Fatal(lines.Text())
		}
	}
}
