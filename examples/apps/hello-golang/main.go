// SPDX-License-Identifier: Apache-2.0

// Command hello-golang greets whoever $TARGET names.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func hello(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "Hello %s!\n", cmp.Or(os.Getenv("TARGET"), "World"))
}

func main() {
	port := cmp.Or(os.Getenv("PORT"), "8080")
	server := http.Server{Addr: ":" + port, Handler: http.HandlerFunc(hello), ReadHeaderTimeout: 5 * time.Second}
	log.Printf("hello-golang: listening on port %s", port)
	log.Fatal(server.ListenAndServe())
}
