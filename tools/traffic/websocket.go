// SPDX-License-Identifier: Apache-2.0

package main

// Watches over websocket, as browsers make them: the bearer token travels in a subprotocol. After
// 101 the connection is no longer HTTP, and the answer bears no Audit-Id.

import (
	"context"
	"fmt"
	"math/rand"
	"net/http"
)

type webSocket struct {
	cl    *Cluster
	rec   *Recorder
	creds *Creds
}

const wsWatch = "/api/v1/namespaces/demo/configmaps?watch=1&timeoutSeconds=1"

// wsCase is one upgrade request.
type wsCase struct {
	label     string
	cred      *Cred
	protocols string
	status    int
}

func (x *webSocket) cases() []wsCase {
	const plain = "v1.watch.tap"
	token := func(name string) (*Cred, string) {
		b := x.creds.get(name)
		return &Cred{Name: "ws-" + name, Kind: "ws-bearer", Fate: b.Fate, TokenType: b.TokenType, Subject: b.Subject}, wsProtocol(b.Bearer)
	}
	var cases []wsCase
	for _, name := range []string{"token-admin", "sa", "sa-expired", "sa-forged", "garbage"} {
		c, p := token(name)
		status := http.StatusSwitchingProtocols
		if c.Fate == fateRejected {
			status = http.StatusUnauthorized
		}
		cases = append(cases, wsCase{"ws-" + name, c, p + ", " + plain, status}, wsCase{"ws-second-" + name, c, plain + "," + p, status})
	}
	// A token without another subprotocol is an error, not an absence.
	alone, p := token("sa")
	alone.Fate = fateRejected
	cases = append(cases, wsCase{"ws-token-alone", alone, p, http.StatusUnauthorized})
	// The Authorization header is tried before the subprotocol.
	both, p := token("sa")
	admin := x.creds.get("token-admin")
	mixed := *both
	mixed.Kind, mixed.Also, mixed.TokenType, mixed.Subject = "bearer", []string{"ws-bearer"}, "opaque", ""
	mixed.Header = admin.Header
	cases = append(cases, wsCase{"ws+bearer", &mixed, p, http.StatusSwitchingProtocols})
	for _, name := range []string{"none", "token-bob", "basic", "query-token", "cert-alice", "cert-admin", "cert-expired", "front-proxy-no-cert"} {
		c := x.creds.get(name)
		status := http.StatusForbidden
		switch {
		case c.Fate == fateRejected:
			status = http.StatusUnauthorized
		case name == "cert-admin" || name == "cert-alice":
			status = http.StatusSwitchingProtocols
		}
		cases = append(cases, wsCase{"ws-plain-" + name, c, plain, status})
	}
	return cases
}

func (x *webSocket) jobs() []job {
	var jobs []job
	for _, c := range x.cases() {
		jobs = append(jobs, func(ctx context.Context, _ *rand.Rand) { x.ask(ctx, c) })
	}
	return jobs
}

func (x *webSocket) random(ctx context.Context, rng *rand.Rand) {
	cases := x.cases()
	x.ask(ctx, cases[rng.Intn(len(cases))])
}

// ask upgrades, and where that succeeds reads frames until the server ends the watch.
func (x *webSocket) ask(ctx context.Context, c wsCase) {
	conn, err := dialH1(ctx, x.cl, x.rec, c.cred.Cert)
	if err != nil {
		x.rec.fail("%s: %v", c.label, err)
		return
	}
	defer conn.close()
	r := conn.request("GET", wsWatch, c.cred)
	r.label, r.want = c.label, []int{c.status}
	r.add("Connection", "Upgrade").add("Upgrade", "websocket").add("Sec-WebSocket-Version", "13").
		add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==").add("Sec-WebSocket-Protocol", c.protocols).
		add("Origin", x.cl.Server)
	if err := conn.write(r.bytes()); err != nil {
		x.rec.fail("%s: %v", c.label, err)
		return
	}
	if err := conn.answer(r); err != nil {
		x.rec.fail("%s: %v", c.label, err)
		return
	}
	if r.truth.Status != http.StatusSwitchingProtocols {
		return
	}
	buf := make([]byte, 4096)
	total := 0
	for {
		n, err := conn.r.Read(buf)
		total += n
		if err != nil {
			break
		}
	}
	if total == 0 {
		x.rec.fail("%s: upgraded, but no frame came: %s", c.label, fmt.Sprint(c.status))
	}
}
