package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Change is what a watch is told.
type change struct {
	what   string // ADDED or DELETED
	object []byte
}

// Store keeps the newest objects of a kind by name.
type store struct {
	sync.Mutex
	keep     int
	objects  map[string][]byte
	order    []string // a ring of names, oldest at `next`
	next     int
	revision int
	watches  []chan change
}

func newStore(keep int) *store {
	return &store{keep: keep, objects: map[string][]byte{}, order: make([]string, keep), revision: 1000}
}

func reader(text []byte) io.Reader { return bytes.NewReader(text) }

// Put stores an object with what the server adds, at `at` of its text; false where there is one already.
func (s *store) put(name string, text []byte, at int, replace bool) ([]byte, bool) {
	s.Lock()
	defer s.Unlock()
	_, there := s.objects[name]
	if there && !replace {
		return nil, false
	}
	s.revision++
	object := make([]byte, 0, len(text)+192)
	object = append(object, text[:at]...)
	object = fmt.Appendf(object, `"uid":"00000000-0000-4000-8000-%012x","resourceVersion":"%d","generation":1,"creationTimestamp":%q,`,
		s.revision, s.revision, time.Now().UTC().Format(time.RFC3339))
	object = append(object, text[at:]...)
	if !there {
		s.forget(s.order[s.next])
		s.order[s.next] = name
		s.next = (s.next + 1) % s.keep
	}
	s.objects[name] = object
	s.publish("ADDED", object)
	return object, true
}

func (s *store) get(name string) []byte {
	s.Lock()
	defer s.Unlock()
	return s.objects[name]
}

func (s *store) remove(name string) bool {
	s.Lock()
	defer s.Unlock()
	return s.forget(name)
}

// Forget drops an object; the store is locked.
func (s *store) forget(name string) bool {
	object, there := s.objects[name]
	if there {
		delete(s.objects, name)
		s.publish("DELETED", object)
	}
	return there
}

func (s *store) version() int {
	s.Lock()
	defer s.Unlock()
	return s.revision
}

func (s *store) subscribe() chan change {
	s.Lock()
	defer s.Unlock()
	watch := make(chan change, 8192)
	s.watches = append(s.watches, watch)
	return watch
}

func (s *store) unsubscribe(watch chan change) {
	s.Lock()
	defer s.Unlock()
	s.watches = slices.DeleteFunc(s.watches, func(other chan change) bool { return other == watch })
}

// Publish tells every watch; one that is far behind is cut off. The store is locked.
func (s *store) publish(what string, object []byte) {
	s.watches = slices.DeleteFunc(s.watches, func(watch chan change) bool {
		select {
		case watch <- change{what, object}:
			return false
		default:
			close(watch)
			return true
		}
	})
}
