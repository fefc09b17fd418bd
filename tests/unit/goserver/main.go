// SPDX-License-Identifier: Apache-2.0

// goserver is a TLS server with nothing in it but what anontap looks for. Tests read the program; none
// runs it.
package main

import (
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Proto))
	})
	if err := http.ListenAndServeTLS(os.Args[1], os.Args[2], os.Args[3], nil); err != nil {
		os.Exit(1)
	}
}
