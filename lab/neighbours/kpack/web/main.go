// SPDX-License-Identifier: Apache-2.0

// Command web serves the files of a folder: what the lab's buildpack puts into
// images.
package main

import (
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: web FOLDER")
	}
	server := http.Server{Addr: ":8080", Handler: http.FileServer(http.Dir(os.Args[1])), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
