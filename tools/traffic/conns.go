// SPDX-License-Identifier: Apache-2.0

package main

// Many connections: short ones, which make the server reuse the memory of those before, and idle
// ones, which make a sensor hold state.

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

func cmdShort(ctx context.Context, args []string) error {
	var o options
	var connections, clients int
	cl, err := o.parse("short", args, func(fs *flag.FlagSet) {
		fs.IntVar(&connections, "connections", 5000, "connections to make, one request each")
		fs.IntVar(&clients, "clients", 8, "connections at a time")
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, o.timeout)
	defer stop()
	creds, err := loadCreds(cl)
	if err != nil {
		return err
	}
	rec, err := newRecorder("short", &o)
	if err != nil {
		return err
	}
	go rec.progress(ctx, connections)
	x := &short{h: newHTTPClient(cl, rec), creds: creds, sessions: map[string]tls.ClientSessionCache{}}
	for _, c := range creds.List {
		x.sessions[c.CertName] = tls.NewLRUClientSessionCache(8)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := 0; i < clients; i++ {
		rng := rand.New(rand.NewSource(o.seed + int64(i)))
		wg.Add(1)
		go func() {
			defer wg.Done()
			for ctx.Err() == nil && !rec.hopeless() && next.Add(1) <= int64(connections) {
				x.one(ctx, rng)
			}
		}()
	}
	wg.Wait()
	fmt.Fprintf(os.Stderr, "%d of the TLS sessions were resumed\n", x.resumed.Load())
	if err := ctx.Err(); err != nil {
		rec.fail("stopped: %v", err)
	}
	return rec.close()
}

type short struct {
	h        *httpClient
	creds    *Creds
	sessions map[string]tls.ClientSessionCache
	resumed  atomic.Int64
}

// one makes a connection for one request: either protocol, either TLS version, sometimes resuming a
// session, where the server knows the client certificate though none is sent.
func (x *short) one(ctx context.Context, rng *rand.Rand) {
	cred := x.creds.List[rng.Intn(len(x.creds.List))]
	h2 := rng.Intn(2) == 0
	tr := x.h.newTransport(cred.Cert, h2)
	defer tr.CloseIdleConnections()
	if rng.Intn(4) == 0 {
		tr.TLSClientConfig.MaxVersion = tls.VersionTLS12
	}
	if rng.Intn(2) == 0 {
		tr.TLSClientConfig.ClientSessionCache = x.sessions[cred.CertName]
	}
	tr.TLSClientConfig.VerifyConnection = func(s tls.ConnectionState) error {
		if s.DidResume {
			x.resumed.Add(1)
		}
		return nil
	}
	tr.DisableKeepAlives = !h2 && rng.Intn(2) == 0
	uri := []string{"/version", publicMap, "/no/such/path", demoConfigMaps + "?limit=2"}[rng.Intn(4)]
	header := http.Header{"User-Agent": {"anontap-traffic/short"}}
	_, _ = x.h.doOn(ctx, tr, &note{label: "short", cred: cred}, "GET", uri, header, nil) // the recorder counts failures
}

// idleRefresh keeps connections from the server's own idle timeout of 90 s.
const idleRefresh = 45 * time.Second

func cmdIdle(ctx context.Context, args []string) error {
	var o options
	var connections int
	cl, err := o.parse("idle", args, func(fs *flag.FlagSet) {
		fs.IntVar(&connections, "connections", 2000, "connections to open and keep")
	})
	if err != nil {
		return err
	}
	creds, err := loadCreds(cl)
	if err != nil {
		return err
	}
	rec, err := newRecorder("idle", &o)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // the end of stdin, however it comes, is the sign
		stop()
	}()
	h := newHTTPClient(cl, rec)
	users := creds.pick(func(c *Cred) bool { return !c.anonymous() })
	type held struct {
		tr   *http.Transport
		cred *Cred
	}
	all := make([]held, connections)
	for i := range all {
		c := users[i%len(users)]
		all[i] = held{h.newTransport(c.Cert, i%4 != 3), c}
		all[i].tr.MaxConnsPerHost = 1
	}
	header := http.Header{"User-Agent": {"anontap-traffic/idle"}}
	ask := func() {
		var next atomic.Int64
		var wg sync.WaitGroup
		for w := 0; w < 8; w++ {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := next.Add(1) - 1; i < int64(connections) && ctx.Err() == nil; i = next.Add(1) - 1 {
					_, _ = h.doOn(ctx, all[i].tr, &note{label: "idle", cred: all[i].cred, cut: true}, "GET", "/version", header, nil)
				}
			}()
		}
		wg.Wait()
	}
	ask()
	rec.flush()
	fmt.Println("ready")
	tick := time.NewTicker(idleRefresh)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			ask()
			rec.flush()
		}
	}
	for i := range all {
		all[i].tr.CloseIdleConnections()
	}
	return rec.close()
}
