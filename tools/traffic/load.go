// SPDX-License-Identifier: Apache-2.0

package main

// Steady load for benches: the generator does as little as it can per request, and keeps no truth
// of the small GETs, so that what is measured is the server.

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sort"
	"sync"
	"time"
)

type loadResult struct {
	Requests      int     `json:"requests"`
	Failed        int     `json:"failed"`
	Seconds       float64 `json:"seconds"`
	PerSecond     float64 `json:"requestsPerSecond"`
	P50Seconds    float64 `json:"p50Seconds"`
	P99Seconds    float64 `json:"p99Seconds"`
	ResponseBytes int64   `json:"responseBytes"`
}

func cmdLoad(ctx context.Context, args []string) error {
	var o options
	var duration time.Duration
	var clients, listMB int
	var asJSON, http1 bool
	cl, err := o.parse("load", args, func(fs *flag.FlagSet) {
		fs.DurationVar(&duration, "duration", 10*time.Second, "how long to load")
		fs.IntVar(&clients, "clients", 8, "connections, each with one request at a time")
		fs.IntVar(&listMB, "list-mb", 0, "instead: make objects of this many MB, and list them once")
		fs.BoolVar(&asJSON, "json", false, "print one JSON object")
		fs.BoolVar(&http1, "http1", false, "HTTP/1.1 instead of HTTP/2")
	})
	if err != nil {
		return err
	}
	creds, err := loadCreds(cl)
	if err != nil {
		return err
	}
	rec, err := newRecorder("load", &o)
	if err != nil {
		return err
	}
	h := newHTTPClient(cl, rec)
	var res *loadResult
	if listMB > 0 {
		ctx, stop := context.WithTimeout(ctx, o.timeout)
		defer stop()
		res = bigList(ctx, h, creds, &objects{seed: o.seed}, listMB, !http1)
		if err := rec.close(); err != nil {
			return err
		}
	} else {
		res = steady(ctx, h, creds.get("sa"), duration, clients, !http1)
	}
	if asJSON {
		b, err := json.Marshal(res)
		if err != nil {
			return err
		}
		fmt.Println(string(b))
	} else {
		fmt.Printf("%d requests in %.2f s: %.0f/s, p50 %.2f ms, p99 %.2f ms, %d bytes of answers, %d failed\n", res.Requests,
			res.Seconds, res.PerSecond, res.P50Seconds*1000, res.P99Seconds*1000, res.ResponseBytes, res.Failed)
	}
	if res.Failed > 0 || res.Requests == 0 {
		return fmt.Errorf("%d of %d requests failed", res.Failed, res.Requests)
	}
	return nil
}

// steady keeps clients connections busy with GETs of one small object.
func steady(ctx context.Context, h *httpClient, cred *Cred, duration time.Duration, clients int, h2 bool) *loadResult {
	ctx, stop := context.WithTimeout(ctx, duration)
	defer stop()
	type tally struct {
		took   []time.Duration
		bytes  int64
		failed int
	}
	tallies := make([]tally, clients)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range tallies {
		wg.Add(1)
		go func() {
			defer wg.Done()
			t := &tallies[i]
			tr := h.newTransport(cred.Cert, h2)
			defer tr.CloseIdleConnections()
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, "GET", h.cl.Server+publicMap, nil)
				if err != nil {
					t.failed++
					return
				}
				req.Header.Set("User-Agent", "anontap-traffic/load")
				cred.apply(req.Header)
				began := time.Now()
				resp, err := tr.RoundTrip(req)
				var n int64
				if err == nil {
					n, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				if ctx.Err() != nil {
					return // cut off by the end, neither done nor failed
				}
				if err != nil || resp.StatusCode != http.StatusOK {
					t.failed++
					continue
				}
				t.bytes += n
				t.took = append(t.took, time.Since(began))
			}
		}()
	}
	wg.Wait()
	res := &loadResult{Seconds: time.Since(start).Seconds()}
	var all []time.Duration
	for _, t := range tallies {
		all = append(all, t.took...)
		res.Failed += t.failed
		res.ResponseBytes += t.bytes
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	res.Requests = len(all)
	res.PerSecond = float64(len(all)) / res.Seconds
	if len(all) > 0 {
		res.P50Seconds, res.P99Seconds = all[len(all)/2].Seconds(), all[len(all)*99/100].Seconds()
	}
	return res
}

// bigObject is near what an object may hold.
const bigObject = 900 << 10

// bigList makes objects, lists them once, uncompressed, and removes them. Only the LIST is timed.
func bigList(ctx context.Context, h *httpClient, creds *Creds, o *objects, mb int, h2 bool) *loadResult {
	sa, admin := creds.get("sa"), creds.get("cert-admin")
	res := &loadResult{}
	for made := 0; made < mb<<20; made += bigObject {
		t := &target{name: "big-object", method: "POST", path: demoConfigMaps, contentType: ctJSON, admin: []int{201},
			body: func() []byte { return o.configMapJSON(o.fresh(), bigObject) }}
		if status, err := ask(ctx, h, sa, t, true); err != nil || status != http.StatusCreated {
			res.Failed++
		}
	}
	selector := "?labelSelector=" + url.QueryEscape(o.selector())
	nt := &note{label: "biglist", cred: sa, want: []int{200}, sink: func(t *Truth) {
		if t.ResponseBytes != nil {
			res.ResponseBytes = *t.ResponseBytes
		}
	}}
	start := time.Now()
	if _, err := h.do(ctx, nt, h2, "GET", demoConfigMaps+selector, nil, nil); err != nil {
		res.Failed++
	} else {
		res.Requests = 1
	}
	res.Seconds = time.Since(start).Seconds()
	res.PerSecond, res.P50Seconds, res.P99Seconds = 1/res.Seconds, res.Seconds, res.Seconds
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer stop()
	if _, err := ask(ctx, h, admin, &target{name: "cleanup", method: "DELETE", path: demoConfigMaps + selector, admin: []int{200}}, true); err != nil {
		fmt.Fprintln(os.Stderr, "cleanup:", err)
	}
	if res.ResponseBytes < int64(mb)<<20 {
		res.Failed++
		fmt.Fprintf(os.Stderr, "the LIST brought %d bytes, wanted at least %d MiB\n", res.ResponseBytes, mb)
	}
	return res
}
