// Load asks one server the same thing over and over, each time a little different, and says how long it took.
//
// Every connection is one goroutine with one request in flight (a closed loop). A request is bytes made once, in which
// slots are overwritten before each send: forty '@' become a serial number that never repeats, sixty-four '#' the
// HMAC-SHA256 of the body. What stands before the body's first slot is hashed once, so that signing costs little here.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

type headers []string

func (h *headers) String() string { return strings.Join(*h, ", ") }

func (h *headers) Set(value string) error {
	*h = append(*h, value)
	return nil
}

type options struct {
	url, body, secret, token, ca, cert, key string
	connections                             int
	seconds                                 float64
	headers                                 headers
}

func main() {
	var given options
	flag.StringVar(&given.url, "url", "", "where to post")
	flag.StringVar(&given.body, "body", "", "file of the body, slots included")
	flag.StringVar(&given.secret, "secret", "", "file of the secret that signs; without it nothing is signed")
	flag.StringVar(&given.token, "token", "", "file of a bearer token")
	flag.StringVar(&given.ca, "ca", "", "file of the server's CA, for https")
	flag.StringVar(&given.cert, "cert", "", "file of a client certificate")
	flag.StringVar(&given.key, "key", "", "file of its key")
	flag.IntVar(&given.connections, "connections", 32, "connections, each with one request in flight")
	flag.Float64Var(&given.seconds, "seconds", 3, "how long")
	flag.Var(&given.headers, "header", "a header more, \"name: value\"; may be given again")
	flag.Parse()
	if err := run(given); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(given options) error {
	target, err := url.Parse(given.url)
	if err != nil || target.Host == "" {
		return fmt.Errorf("%q is no address to post to", given.url)
	}
	pattern, err := newPattern(given, target)
	if err != nil {
		return err
	}
	dial, err := dialer(given, target)
	if err != nil {
		return err
	}
	stamp := time.Now()
	deadline := stamp.Add(time.Duration(given.seconds * float64(time.Second)))
	tallies := make([]*tally, given.connections)
	var all sync.WaitGroup
	for number := range tallies {
		tallies[number] = newTally()
		all.Add(1)
		go func() {
			defer all.Done()
			client := client{dial: dial, request: pattern.request(stamp, number), tally: tallies[number]}
			client.until(deadline)
		}()
	}
	all.Wait()
	return json.NewEncoder(os.Stdout).Encode(summary(tallies, time.Since(stamp)))
}

func read(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	return bytes.TrimSpace(content), err
}

func dialer(given options, target *url.URL) (dial, error) {
	if target.Scheme != "https" {
		return plain(target.Host), nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	authorities, err := read(given.ca)
	if err != nil {
		return nil, err
	}
	if authorities != nil {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(authorities)
	}
	if given.cert != "" {
		pair, err := tls.LoadX509KeyPair(given.cert, given.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return secured(target.Host, config), nil
}
