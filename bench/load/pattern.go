package main

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"fmt"
	"hash"
	"net/url"
	"strings"
	"time"
)

const (
	serialDigits    = 40 // of a git commit, in hex
	signatureDigits = 64 // of an HMAC-SHA256, in hex
)

var (
	serialSlot    = bytes.Repeat([]byte("@"), serialDigits)
	signatureSlot = bytes.Repeat([]byte("#"), signatureDigits)
)

// Pattern is a request with slots, shared by all connections.
type pattern struct {
	text      []byte
	body      int // where it begins
	serials   []int
	signature int // where it goes; -1: nowhere
	signer    *signer
}

func newPattern(given options, target *url.URL) (*pattern, error) {
	body, err := read(given.body)
	if err != nil {
		return nil, err
	}
	token, err := read(given.token)
	if err != nil {
		return nil, err
	}
	secret, err := read(given.secret)
	if err != nil {
		return nil, err
	}
	var head strings.Builder
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n", target.RequestURI(), target.Host)
	fmt.Fprintf(&head, "Content-Length: %d\r\n", len(body))
	if token != nil {
		fmt.Fprintf(&head, "Authorization: Bearer %s\r\n", token)
	}
	for _, header := range given.headers {
		fmt.Fprintf(&head, "%s\r\n", header)
	}
	head.WriteString("\r\n")
	made := &pattern{text: append([]byte(head.String()), body...), body: head.Len(), signature: -1}
	made.serials = places(made.text, serialSlot)
	if secret != nil {
		if found := places(made.text[:made.body], signatureSlot); len(found) == 1 {
			made.signature = found[0]
		} else {
			return nil, fmt.Errorf("a secret wants one header with %d '#'", signatureDigits)
		}
		made.signer = newSigner(secret, made.text[made.body:])
	}
	return made, nil
}

func places(text, slot []byte) []int {
	var found []int
	for from := 0; ; {
		at := bytes.Index(text[from:], slot)
		if at < 0 {
			return found
		}
		found = append(found, from+at)
		from += at + len(slot)
	}
}

// Request is one connection's own copy of the pattern.
type request struct {
	*pattern
	bytes  []byte
	prefix string // of every serial: the run and the connection
	count  int
	inner  hash.Hash
	outer  hash.Hash
}

func (p *pattern) request(stamp time.Time, connection int) *request {
	prefix := fmt.Sprintf("%016x%08x", stamp.UnixNano(), connection)
	return &request{
		pattern: p, bytes: bytes.Clone(p.text), prefix: prefix, inner: sha256.New(), outer: sha256.New(),
	}
}

// Next overwrites the slots and returns the bytes to send, good until the next call.
func (r *request) next() []byte {
	r.count++
	serial := fmt.Appendf(make([]byte, 0, serialDigits), "%s%016x", r.prefix, r.count)
	for _, at := range r.serials {
		copy(r.bytes[at:], serial)
	}
	if r.signature >= 0 {
		sum := r.signer.sign(r.bytes[r.body:], r.inner, r.outer)
		hex.Encode(r.bytes[r.signature:r.signature+signatureDigits], sum)
	}
	return r.bytes
}

// Signer is HMAC-SHA256 (RFC 2104) with the part of the body that never changes hashed beforehand.
type signer struct {
	inner, outer []byte // states of SHA-256
	fixed        int    // bytes of the body that the inner state covers
}

func newSigner(secret, body []byte) *signer {
	if len(secret) > sha256.BlockSize {
		sum := sha256.Sum256(secret)
		secret = sum[:]
	}
	key := make([]byte, sha256.BlockSize)
	copy(key, secret)
	inside, outside := make([]byte, len(key)), make([]byte, len(key))
	for at, value := range key {
		inside[at], outside[at] = value^0x36, value^0x5c
	}
	fixed := len(body)
	if found := places(body, serialSlot); len(found) > 0 {
		fixed = found[0]
	}
	inner, outer := sha256.New(), sha256.New()
	inner.Write(inside)
	inner.Write(body[:fixed])
	outer.Write(outside)
	return &signer{inner: state(inner), outer: state(outer), fixed: fixed}
}

func (s *signer) sign(body []byte, inner, outer hash.Hash) []byte {
	restore(inner, s.inner)
	inner.Write(body[s.fixed:])
	var room [sha256.Size]byte
	restore(outer, s.outer)
	outer.Write(inner.Sum(room[:0]))
	return outer.Sum(room[:0])
}

func state(of hash.Hash) []byte {
	saved, err := of.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err)
	}
	return saved
}

func restore(to hash.Hash, saved []byte) {
	if err := to.(encoding.BinaryUnmarshaler).UnmarshalBinary(saved); err != nil {
		panic(err)
	}
}
