package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const patience = 30 * time.Second // for one answer

type dial func() (net.Conn, error)

func plain(address string) dial {
	return func() (net.Conn, error) { return net.DialTimeout("tcp", address, patience) }
}

func secured(address string, config *tls.Config) dial {
	return func() (net.Conn, error) {
		return tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, config)
	}
}

// Client is one connection, made again where the server ended it.
type client struct {
	dial    dial
	request *request
	tally   *tally
	conn    net.Conn
	answers *bufio.Reader
	spare   []byte
}

func (c *client) until(deadline time.Time) {
	for began := time.Now(); began.Before(deadline); began = time.Now() {
		status, body, err := c.ask()
		if err != nil {
			c.tally.failed(err)
			c.close()
			time.Sleep(10 * time.Millisecond) // a server that is gone must not be hammered
			continue
		}
		c.tally.answered(status, body, time.Since(began))
	}
	c.close()
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// Ask sends one request; the answer's body is good until the next.
func (c *client) ask() (int, []byte, error) {
	if c.conn == nil {
		conn, err := c.dial()
		if err != nil {
			return 0, nil, err
		}
		c.conn, c.answers = conn, bufio.NewReaderSize(conn, 32<<10)
	}
	c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := c.conn.Write(c.request.next()); err != nil {
		return 0, nil, err
	}
	status, length, last, err := c.head()
	if err != nil {
		return 0, nil, err
	}
	body, err := c.body(length)
	if err == nil && last {
		c.close()
	}
	return status, body, err
}

const chunked = -1

// Head reads a status line and the headers that matter; length may be `chunked`.
func (c *client) head() (status, length int, last bool, err error) {
	line, err := c.answers.ReadSlice('\n')
	if err != nil {
		return 0, 0, false, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, 0, false, fmt.Errorf("no answer of HTTP/1: %.40q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, false, err
	}
	last = line[7] == '0'
	for {
		line, err = c.answers.ReadSlice('\n')
		if err != nil {
			return 0, 0, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return status, length, last, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, 0, false, err
			}
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			length = chunked
		case bytes.EqualFold(name, []byte("connection")) && bytes.EqualFold(value, []byte("close")):
			last = true
		}
	}
}

func (c *client) body(length int) ([]byte, error) {
	c.spare = c.spare[:0]
	if length != chunked {
		err := c.take(length)
		return c.spare, err
	}
	for {
		line, err := c.answers.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		size, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 31)
		if err != nil {
			return nil, err
		}
		if err := c.take(int(size)); err != nil {
			return nil, err
		}
		if end, err := c.answers.ReadSlice('\n'); err != nil {
			return nil, err
		} else if len(bytes.TrimSpace(end)) != 0 {
			return nil, errors.New("a chunk that is longer than it says")
		}
		if size == 0 {
			return c.spare, nil
		}
	}
}

// Take appends so many bytes to the spare room.
func (c *client) take(count int) error {
	from := len(c.spare)
	for cap(c.spare) < from+count {
		c.spare = append(c.spare[:cap(c.spare)], 0)
	}
	c.spare = c.spare[:from+count]
	_, err := io.ReadFull(c.answers, c.spare[from:])
	return err
}
