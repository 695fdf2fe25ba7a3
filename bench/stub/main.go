// Stub is an API server that answers at once: enough of Kubernetes for a receiver to be measured by itself.
//
// It takes Jobs and ConfigMaps (create, get, patch, replace, delete), answers every list as empty, and holds watches
// open with a bookmark now and then. With -tell, a watch of Jobs also hears of every Job that is created, and of its end
// once `-keep` newer ones have come, as it would from a real one. It checks nothing and keeps the newest only.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	port := flag.Int("port", 0, "of 127.0.0.1; 0: any free one")
	keep := flag.Int("keep", 1000, "objects of a kind that are kept")
	tell := flag.Bool("tell", false, "tell watches of every Job")
	bookmarks := flag.Duration("bookmarks", 5*time.Second, "between a watch's bookmarks")
	flag.Parse()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, "stub:", err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, routes(newStore(*keep), newStore(*keep), *tell, *bookmarks)))
}

func routes(jobs, maps *store, tell bool, bookmarks time.Duration) http.Handler {
	mux := http.NewServeMux()
	kinds := []kind{
		{path: "/apis/batch/v1/namespaces/{namespace}/jobs", version: "batch/v1", name: "Job", store: jobs, tell: tell},
		{path: "/api/v1/namespaces/{namespace}/configmaps", version: "v1", name: "ConfigMap", store: maps},
	}
	for _, kind := range kinds {
		kind.bookmarks = bookmarks
		kind.mount(mux)
	}
	mux.HandleFunc("GET /version", func(answer http.ResponseWriter, _ *http.Request) {
		write(answer, http.StatusOK, []byte(`{"major":"1","minor":"36","gitVersion":"v1.36.0"}`))
	})
	return mux
}
