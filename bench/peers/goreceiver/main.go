// Goreceiver goes the same way as jobhook does in as few lines of Go as it takes: what a compiled receiver costs.
//
// Read the body, verify GitHub's signature, decode the JSON, look at the branch, render a Job, POST it, answer 202.
// It has none of the rest: no deadline, no retry, no ledger, no completion, one definition that is written in here.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"text/template"
	"time"
)

//go:embed job.tmpl
var source string

const largest = 2 << 20 // bytes of a body

type receiver struct {
	secret []byte
	jobs   string // the collection's address
	client *http.Client
	job    *template.Template
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address")
	server := flag.String("server", "", "the API server's address")
	secret := flag.String("secret", "", "file of the secret")
	flag.Parse()
	key, err := os.ReadFile(*secret)
	if err != nil {
		fmt.Fprintln(os.Stderr, "goreceiver:", err)
		os.Exit(1)
	}
	text := func(value any) (string, error) {
		shown, err := json.Marshal(value)
		return string(shown), err
	}
	made := &receiver{
		secret: bytes.TrimSpace(key),
		jobs:   *server + "/apis/batch/v1/namespaces/default/jobs?fieldManager=goreceiver&fieldValidation=Strict",
		client: &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 100}},
		job:    template.Must(template.New("job").Funcs(template.FuncMap{"json": text}).Parse(source)),
	}
	http.HandleFunc("POST /hooks/github", made.hook)
	http.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	log.Fatal(http.ListenAndServe(*listen, nil))
}

func (r *receiver) hook(answer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(answer, request.Body, largest))
	if err != nil {
		http.Error(answer, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	if !r.signed(body, request.Header.Get("X-Hub-Signature-256")) {
		http.Error(answer, "not signed", http.StatusUnauthorized)
		return
	}
	var push map[string]any
	if json.Unmarshal(body, &push) != nil {
		http.Error(answer, "no JSON", http.StatusBadRequest)
		return
	}
	answer.Header().Set("Content-Type", "application/json")
	if push["ref"] != "refs/heads/main" {
		answer.WriteHeader(http.StatusAccepted)
		io.WriteString(answer, `{"jobs":[]}`)
		return
	}
	name, status := r.launch(push, body, request.Header.Get("X-GitHub-Delivery"))
	answer.WriteHeader(status)
	fmt.Fprintf(answer, `{"jobs":[{"name":%q,"definition":"push","created":%t}]}`, name, status == http.StatusAccepted)
}

func (r *receiver) signed(body []byte, given string) bool {
	mac := hmac.New(sha256.New, r.secret)
	mac.Write(body)
	claimed, err := hex.DecodeString(strings.TrimPrefix(given, "sha256="))
	return err == nil && hmac.Equal(mac.Sum(nil), claimed)
}

func (r *receiver) launch(push map[string]any, body []byte, id string) (string, int) {
	digest := sha256.Sum256(body)
	repository, _ := push["repository"].(map[string]any)
	pusher, _ := push["pusher"].(map[string]any)
	key, _ := json.Marshal([]string{"push", "github", fmt.Sprint(repository["html_url"]), hex.EncodeToString(digest[:])})
	sum := sha256.Sum256(key)
	cause, _ := json.Marshal(map[string]any{"id": id, "source": repository["html_url"], "type": "com.github.push"})
	name := "push-" + hex.EncodeToString(sum[:10])
	var manifest bytes.Buffer
	if r.job.Execute(&manifest, map[string]any{
		"name": name, "key": hex.EncodeToString(sum[:]), "received": time.Now().UTC().Format(time.RFC3339Nano),
		"cause": string(cause), "repository": repository["full_name"], "commit": push["after"], "pusher": pusher["name"],
	}) != nil {
		return name, http.StatusUnprocessableEntity
	}
	posted, err := r.client.Post(r.jobs, "application/json", &manifest)
	if err != nil {
		return name, http.StatusServiceUnavailable
	}
	defer posted.Body.Close()
	var job struct{ Metadata struct{ Name, UID string } }
	if posted.StatusCode != http.StatusCreated || json.NewDecoder(posted.Body).Decode(&job) != nil {
		return name, http.StatusServiceUnavailable
	}
	return job.Metadata.Name, http.StatusAccepted
}
