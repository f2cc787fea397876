// SPDX-License-Identifier: Apache-2.0

// Command web is what the lab's tests run in a pod. It answers over HTTP,
// fetches /get?url=U from where it runs, and remembers what is posted to /hook.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
	"time"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "get" {
		if err := get(os.Stdout, os.Args[2]); err != nil {
			log.Fatal(err)
		}
		return
	}
	host, _ := os.Hostname()
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "hello from %s\n", host) })
	http.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		if err := get(w, r.URL.Query().Get("url")); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	http.HandleFunc("/hook", hook())
	fmt.Println("listening on :8080")
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// hook keeps what is posted and shows it to whoever asks.
func hook() http.HandlerFunc {
	var mu sync.Mutex
	var seen []byte
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPost {
			raw, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
			seen = append(seen, raw...)
			return
		}
		_, _ = w.Write(seen)
	}
}

func get(w io.Writer, url string) error {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return err
}
