package main

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// Kind is a kind of object and the routes to it.
type kind struct {
	path, version, name string
	store               *store
	tell                bool
	bookmarks           time.Duration
}

func (k kind) mount(mux *http.ServeMux) {
	mux.HandleFunc("POST "+k.path, k.create)
	mux.HandleFunc("GET "+k.path, k.list)
	mux.HandleFunc("GET "+k.path+"/{name}", k.read)
	mux.HandleFunc("PATCH "+k.path+"/{name}", k.read) // answered as if it had changed
	mux.HandleFunc("PUT "+k.path+"/{name}", k.create)
	mux.HandleFunc("DELETE "+k.path+"/{name}", k.remove)
}

func (k kind) create(answer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	at, name, err := metadata(body)
	if err != nil {
		k.refuse(answer, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	object, ok := k.store.put(name, body, at, request.Method == http.MethodPut)
	if !ok {
		k.refuse(answer, http.StatusConflict, "AlreadyExists", name+" already exists")
		return
	}
	write(answer, http.StatusCreated, object)
}

func (k kind) read(answer http.ResponseWriter, request *http.Request) {
	if object := k.store.get(request.PathValue("name")); object != nil {
		write(answer, http.StatusOK, object)
		return
	}
	k.refuse(answer, http.StatusNotFound, "NotFound", request.PathValue("name")+" not found")
}

func (k kind) remove(answer http.ResponseWriter, request *http.Request) {
	if k.store.remove(request.PathValue("name")) {
		write(answer, http.StatusOK, []byte(`{"kind":"Status","apiVersion":"v1","status":"Success"}`))
		return
	}
	k.refuse(answer, http.StatusNotFound, "NotFound", request.PathValue("name")+" not found")
}

func (k kind) list(answer http.ResponseWriter, request *http.Request) {
	if request.URL.Query().Get("watch") != "" {
		k.watch(answer, request)
		return
	}
	write(answer, http.StatusOK, fmt.Appendf(nil, `{"apiVersion":%q,"kind":"%sList","metadata":{"resourceVersion":"%d"},"items":[]}`,
		k.version, k.name, k.store.version()))
}

// Watch holds the request open until the client goes.
func (k kind) watch(answer http.ResponseWriter, request *http.Request) {
	answer.Header().Set("Content-Type", "application/json")
	answer.WriteHeader(http.StatusOK)
	flusher := answer.(http.Flusher)
	flusher.Flush()
	var changes chan change
	if k.tell {
		changes = k.store.subscribe()
		defer k.store.unsubscribe(changes)
	}
	beat := time.NewTicker(k.bookmarks)
	defer beat.Stop()
	for {
		select {
		case <-request.Context().Done():
			return
		case <-beat.C:
			fmt.Fprintf(answer, `{"type":"BOOKMARK","object":{"apiVersion":%q,"kind":%q,"metadata":{"resourceVersion":"%d"}}}`+"\n",
				k.version, k.name, k.store.version())
		case one, open := <-changes:
			if !open {
				return // it was too slow: a real one is cut off, too
			}
			fmt.Fprintf(answer, `{"type":%q,"object":%s}`+"\n", one.what, one.object)
		}
		if len(changes) == 0 {
			flusher.Flush()
		}
	}
}

func (k kind) refuse(answer http.ResponseWriter, status int, reason, message string) {
	write(answer, status, fmt.Appendf(nil,
		`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":%q,"code":%d}`, reason, message, status))
}

func write(answer http.ResponseWriter, status int, body []byte) {
	answer.Header().Set("Content-Type", "application/json")
	answer.Header().Set("Content-Length", fmt.Sprint(len(body)))
	answer.WriteHeader(status)
	answer.Write(body)
}
