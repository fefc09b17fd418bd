// SPDX-License-Identifier: Apache-2.0

// server serves HTTPS on loopback with net/http, both HTTP/1.1 and its own HTTP/2, and is its own
// client: for each line it reads on stdin, "1 METHOD PATH BYTES" or "2 METHOD PATH BYTES", it makes one
// request of that HTTP version whose body repeats the canary, and prints status and length of what
// came back. POST answers the body it was sent.
package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"
)

const canary = "body-canary-0123456789abcdef."

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func client(isHTTP2 bool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: isHTTP2,
	}}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
		}),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate()}},
	}
	go func() { log.Fatal(server.ServeTLS(listener, "", "")) }()

	clients := map[int]*http.Client{1: client(false), 2: client(true)}
	input := bufio.NewScanner(os.Stdin)
	fmt.Println("serving")
	for input.Scan() {
		var version, size int
		var method, path string
		if _, err := fmt.Sscan(input.Text(), &version, &method, &path, &size); err != nil {
			log.Fatal(err)
		}
		body := bytes.Repeat([]byte(canary), size/len(canary)+1)[:size]
		request, err := http.NewRequest(method, "https://"+listener.Addr().String()+path, bytes.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer head-canary")
		response, err := clients[version].Do(request)
		if err != nil {
			log.Fatal(err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(response.Proto, response.StatusCode, n)
	}
}
