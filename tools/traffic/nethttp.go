// SPDX-License-Identifier: Apache-2.0

package main

// net/http over both protocols carries every credential to every target: the full matrix once, in
// an order in which any prefix covers as many credentials and targets as it can, then at random.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"strings"
)

// job is a bounded piece of work that makes at least one request.
type job func(ctx context.Context, rng *rand.Rand)

type netHTTP struct {
	h        *httpClient
	creds    *Creds
	targets  []*target
	large    []*target
	throttle *throttle
	// creators are those with every right that large bodies need.
	creators []*Cred
}

func newNetHTTP(h *httpClient, creds *Creds, o *objects, th *throttle) *netHTTP {
	return &netHTTP{h: h, creds: creds, targets: targets(o), large: oversized(o), throttle: th,
		creators: []*Cred{creds.get("token-admin"), creds.get("sa"), creds.get("cert-admin")}}
}

func (x *netHTTP) ask(ctx context.Context, c *Cred, t *target, h2 bool) {
	if t.throttled {
		defer x.throttle.hold()()
	}
	_, _ = ask(ctx, x.h, c, t, h2) // the recorder counts failures
}

// ask asks for a target as c.
func ask(ctx context.Context, h *httpClient, c *Cred, t *target, h2 bool) (int, error) {
	var body io.Reader
	b, header := t.payload()
	if b != nil {
		body = bytes.NewReader(b)
	}
	return h.do(ctx, t.note(c), h2, t.method, t.path, header, body)
}

// matrix lists every credential with every target over both protocols, the diagonals first.
func (x *netHTTP) matrix() []job {
	var jobs []job
	for s := range x.targets {
		for i, c := range x.creds.List {
			t, h2 := x.targets[(i+s)%len(x.targets)], (i+s)%2 == 0
			if t.heavy && s%4 != 0 {
				continue
			}
			jobs = append(jobs,
				func(ctx context.Context, _ *rand.Rand) { x.ask(ctx, c, t, h2) },
				func(ctx context.Context, _ *rand.Rand) { x.ask(ctx, c, t, !h2) })
		}
	}
	return jobs
}

// special are the few that fit no target.
func (x *netHTTP) special() []job {
	var jobs []job
	for _, h2 := range []bool{true, false} {
		for i, t := range x.large {
			c := x.creators[i%len(x.creators)]
			jobs = append(jobs, func(ctx context.Context, _ *rand.Rand) { x.ask(ctx, c, t, h2) })
		}
		jobs = append(jobs,
			func(ctx context.Context, _ *rand.Rand) { x.timedOut(ctx, h2) },
			func(ctx context.Context, rng *rand.Rand) { x.ownAuditID(ctx, rng, h2) },
			func(ctx context.Context, rng *rand.Rand) { x.longHeaders(ctx, rng, h2) },
			func(ctx context.Context, _ *rand.Rand) { x.notModified(ctx, h2) },
			func(ctx context.Context, _ *rand.Rand) { x.streamed(ctx, h2) })
	}
	return jobs
}

func (x *netHTTP) random(ctx context.Context, rng *rand.Rand) {
	c := x.creds.List[rng.Intn(len(x.creds.List))]
	if rng.Intn(3) == 0 {
		c = x.creators[rng.Intn(len(x.creators))] // else most answers would be refusals
	}
	t := x.targets[rng.Intn(len(x.targets))]
	if (t.long || t.heavy) && rng.Intn(10) > 0 {
		t = x.targets[0]
	}
	// Throwaway connections cost the server a handshake each: fewer of them.
	h2 := rng.Intn(2) == 0
	if c.anonymous() && rng.Intn(3) > 0 {
		h2 = false
	}
	x.ask(ctx, c, t, h2)
}

// timedOut gets a 504: the deadline is over before the handler starts. The handler still runs, so
// what the audit log says of the code is its own affair.
func (x *netHTTP) timedOut(ctx context.Context, h2 bool) {
	nt := &note{label: "deadline", cred: x.creds.get("none"), anyAudit: true, want: []int{http.StatusGatewayTimeout}}
	_, _ = x.h.do(ctx, nt, h2, "GET", "/api/v1/namespaces/demo/configmaps/public?timeout=1ns", nil, nil)
}

// ownAuditID sends ids of the client's choice: one of its own, and one that several requests share.
func (x *netHTTP) ownAuditID(ctx context.Context, rng *rand.Rand, h2 bool) {
	own := x.h.rec.prefix + "-own"
	for i := 0; i < 3; i++ {
		c := x.creds.get([]string{"token-bob", "cert-alice", "sa"}[i])
		nt := &note{label: "own-audit-id", cred: c, want: []int{200, 403}}
		_, _ = x.h.do(ctx, nt, h2, "GET", "/api/v1/namespaces/demo/configmaps?limit=1", http.Header{"Audit-Id": {own}}, nil)
	}
	for i := 0; i < 3; i++ {
		nt := &note{label: "own-audit-id-long", cred: x.creds.get("token-bob"), want: []int{200}}
		id := strings.ReplaceAll(fmt.Sprintf("%s-%d-%s", x.h.rec.prefix, rng.Int63(), filler(200)), " ", "-")
		_, _ = x.h.do(ctx, nt, h2, "GET", "/version", http.Header{"Audit-Id": {id}}, nil)
	}
}

// longHeaders sends a User-Agent beyond what the audit log keeps, and a URI of some KiB.
func (x *netHTTP) longHeaders(ctx context.Context, rng *rand.Rand, h2 bool) {
	// A blank at the end is none of the value: where HTTP/1 is spoken it is not sent.
	long := strings.TrimSpace("anontap-traffic/net-http " + filler(1200+rng.Intn(2000)))
	nt := &note{label: "long-user-agent", cred: x.creds.get("token-bob"), want: []int{200}}
	_, _ = x.h.do(ctx, nt, h2, "GET", "/version", http.Header{"User-Agent": {long}}, nil)
	nt = &note{label: "long-uri", cred: x.creds.get("cert-alice"), want: []int{200, 403}}
	uri := "/api/v1/namespaces/demo/configmaps?labelSelector=a+notin+%28"
	for i := 0; i < 200; i++ {
		uri += "value-" + string(rune('a'+i%26)) + "%2C"
	}
	_, _ = x.h.do(ctx, nt, h2, "GET", uri+"z%29", nil, nil)
}

// notModified asks again for what it has: 304.
func (x *netHTTP) notModified(ctx context.Context, h2 bool) {
	var tag string
	accept := []string{"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
	nt := &note{label: "etag", cred: x.creds.get("token-bob"), want: []int{200}, header: func(h http.Header) { tag = h.Get("Etag") }}
	_, _ = x.h.do(ctx, nt, h2, "GET", "/apis", http.Header{"Accept": accept}, nil)
	nt = &note{label: "not-modified", cred: x.creds.get("cert-alice"), want: []int{http.StatusNotModified}}
	_, _ = x.h.do(ctx, nt, h2, "GET", "/apis", http.Header{"Accept": accept, "If-None-Match": {tag}}, nil)
}

// streamed sends a body of unknown length: chunked, or DATA frames without content-length.
func (x *netHTTP) streamed(ctx context.Context, h2 bool) {
	t := x.targets[0]
	for _, n := range x.targets {
		if n.name == "create-20k" {
			t = n
		}
	}
	body, header := t.payload()
	nt := t.note(x.creds.get("sa"))
	nt.label = "streamed-body"
	_, _ = x.h.do(ctx, nt, h2, t.method, t.path, header, io.MultiReader(bytes.NewReader(body)))
}
