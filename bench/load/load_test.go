package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func made(t *testing.T, body string, headers ...string) *pattern {
	t.Helper()
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	given := options{body: write("body", body), secret: write("secret", "It's a Secret to Everybody"), headers: headers}
	target, _ := url.Parse("http://127.0.0.1:1/hooks/github")
	pattern, err := newPattern(given, target)
	if err != nil {
		t.Fatal(err)
	}
	return pattern
}

// Every request is signed over its own whole body, and none is like another.
func TestSignature(t *testing.T) {
	body := `{"ref":"refs/heads/main","after":"` + string(serialSlot) + `"}`
	pattern := made(t, body, "X-Hub-Signature-256: sha256="+string(signatureSlot), "X-Id: "+string(serialSlot))
	seen := map[string]bool{}
	for connection := range 2 {
		request := pattern.request(time.Unix(1, 0), connection)
		for range 3 {
			sent := request.next()
			head, content, _ := bytes.Cut(sent, []byte("\r\n\r\n"))
			mac := hmac.New(sha256.New, []byte("It's a Secret to Everybody"))
			mac.Write(content)
			if !bytes.Contains(head, []byte("sha256="+hex.EncodeToString(mac.Sum(nil)))) {
				t.Fatalf("signed wrongly: %s", sent)
			}
			if bytes.Contains(sent, []byte("@@")) || bytes.Contains(sent, []byte("##")) {
				t.Fatalf("a slot is left: %s", sent)
			}
			seen[string(content)] = true
		}
	}
	if len(seen) != 6 {
		t.Fatalf("%d bodies of 6 are different", len(seen))
	}
}

// Answers of known length, in chunks, and the last of a connection are all read to their end.
func TestAnswers(t *testing.T) {
	answers := []string{
		"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nfirst",
		"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n",
		"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 5\r\n\r\nthird",
	}
	ours, theirs := net.Pipe()
	go func() {
		room := make([]byte, 4096)
		for _, answer := range answers {
			theirs.Read(room)
			theirs.Write([]byte(answer))
		}
	}()
	client := client{
		dial:    func() (net.Conn, error) { return ours, nil },
		request: made(t, "{}", "X: "+string(signatureSlot)).request(time.Now(), 0),
		tally:   newTally(),
	}
	for _, wanted := range []struct {
		status int
		body   string
	}{{202, "first"}, {201, "second"}, {503, "third"}} {
		status, body, err := client.ask()
		if err != nil || status != wanted.status || string(body) != wanted.body {
			t.Fatalf("%d %q %v, not %v", status, body, err, wanted)
		}
	}
	if client.conn != nil {
		t.Fatal("a connection that the server ends is kept")
	}
}

// The median of a hundred is the fifty-first, the longest the last.
func TestPercentiles(t *testing.T) {
	var sorted []float64
	for value := range 100 {
		sorted = append(sorted, float64(value)/1000)
	}
	if at(sorted, 0.5) != 50 || at(sorted, 0.99) != 99 || at(sorted, 1) != 99 || at(nil, 0.5) != 0 {
		t.Fatal(at(sorted, 0.5), at(sorted, 0.99), at(sorted, 1))
	}
}
