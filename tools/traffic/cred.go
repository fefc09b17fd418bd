// SPDX-License-Identifier: Apache-2.0

package main

// Every kind of credential, and what kube-apiserver makes of it. The server tries front-proxy
// headers, then the client certificate, then the bearer token, then the websocket subprotocol; the
// first that succeeds wins, and a request is refused only when none succeeds and one was wrong.
// Source: k8s.io/apiserver/pkg/authentication/request, order in kubernetes pkg/kubeapiserver/authenticator.

import (
	"crypto/tls"
	"encoding/base64"
	"net/http"
)

// fate is the server's judgement of a credential.
type fate string

const (
	fateNone     fate = "none"
	fateIgnored  fate = "ignored"
	fateRejected fate = "rejected"
	fateAccepted fate = "accepted"
)

// Cred is one way of saying who asks.
type Cred struct {
	Name        string
	Kind        string
	Fate        fate
	Also        []string
	TokenType   string
	Subject     string
	CertName    string
	Cert        *tls.Certificate
	Bearer      string      // as client-go and kubeconfig files carry it
	Header      http.Header // everything it adds to a request
	Query       string
	Impersonate string
	ImpGroups   []string
	Denied      bool // the impersonation is refused
	Split       bool // a bad certificate beside a good token
	Masters     bool // system:masters: every right, and exempt from flow control
}

// anonymous says that the server sees nobody: over HTTP/2 it then ends the connection (GOAWAY).
func (c *Cred) anonymous() bool { return c.Fate != fateAccepted }

// truth is the credential part of a truth line for an answer; beforeAuthn means that the server
// answered without having looked at credentials. An empty outcome is not compared.
func (c *Cred) truth(status int, beforeAuthn bool) CredTruth {
	t := CredTruth{Kind: c.Kind, Also: c.Also, TokenType: c.TokenType, Subject: c.Subject}
	switch {
	case c.Fate == fateNone:
		t.Outcome = "none"
	case beforeAuthn || status == 0:
		t.Outcome = "unknown"
	case status == http.StatusGatewayTimeout:
		t.Outcome = "" // of a timeout, the wire does not show how far the request came
	case status == http.StatusUnauthorized:
		t.Outcome = "rejected"
	default:
		t.Outcome = string(c.Fate)
	}
	if c.Split && t.Outcome == "accepted" { // an outcome belongs to the credential that it speaks of
		t.Kind, t.Also, t.TokenType, t.Subject = "bearer", []string{"client-cert"}, "opaque", ""
	}
	return t
}

func (c *Cred) apply(h http.Header) {
	for k, v := range c.Header {
		h[k] = append(h[k], v...)
	}
}

// publicWant lists the answers to a GET of publicMap. Anybody unknown may read it, but bob may not:
// so the answer itself tells whether the server knew him.
func publicWant(c *Cred) []int {
	switch {
	case c.Fate == fateRejected:
		return []int{http.StatusUnauthorized}
	case c.Denied || c.Name == "token-bob":
		return []int{http.StatusForbidden}
	case c.Fate != fateAccepted || c.Masters || c.Name == "sa":
		return []int{http.StatusOK}
	}
	return []int{http.StatusOK, http.StatusForbidden}
}

// Creds are the credentials of a cluster, by name and in a fixed order.
type Creds struct {
	List   []*Cred
	byName map[string]*Cred
}

func (cs *Creds) get(name string) *Cred {
	c := cs.byName[name]
	if c == nil {
		panic("no credential " + name)
	}
	return c
}

// pick returns those that a test accepts.
func (cs *Creds) pick(ok func(*Cred) bool) []*Cred {
	var out []*Cred
	for _, c := range cs.List {
		if ok(c) {
			out = append(out, c)
		}
	}
	return out
}

func bearerHeader(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}}
}

func bearerCred(name, token, tokenType string, f fate) *Cred {
	return &Cred{Name: name, Kind: "bearer", Fate: f, TokenType: tokenType, Subject: jwtSubject(token),
		Bearer: token, Header: bearerHeader(token)}
}

// wsProtocol is the websocket subprotocol that carries a bearer token.
func wsProtocol(token string) string {
	return "base64url.bearer.authorization.k8s.io." + base64.RawURLEncoding.EncodeToString([]byte(token))
}

func loadCreds(c *Cluster) (*Creds, error) {
	tok := map[string]string{}
	for _, n := range []string{"admin", "bob", "carol", "sa", "sa-expired", "sa-forged", "bootstrap"} {
		t, err := c.token(n)
		if err != nil {
			return nil, err
		}
		tok[n] = t
	}
	crt := map[string]*tls.Certificate{}
	for _, n := range []string{"admin", "alice", "expired", "forged", "front-proxy", "node1"} {
		p, err := c.cert(n)
		if err != nil {
			return nil, err
		}
		crt[n] = p
	}
	withCert := func(name, cert string, f fate) *Cred {
		return &Cred{Name: name, Kind: "client-cert", Fate: f, Subject: crt[cert].Leaf.Subject.CommonName,
			CertName: cert, Cert: crt[cert], Header: http.Header{}}
	}
	certBearer := func(name, cert, token string, f fate) *Cred {
		d := withCert(name, cert, f)
		d.Also, d.Bearer, d.Header = []string{"bearer"}, token, bearerHeader(token)
		return d
	}
	as := func(d *Cred, name, user string, denied bool, groups ...string) *Cred {
		n := *d
		n.Name, n.Impersonate, n.ImpGroups, n.Denied, n.Masters = name, user, groups, denied, false
		n.Header = d.Header.Clone()
		n.Header.Set("Impersonate-User", user)
		for _, g := range groups {
			n.Header.Add("Impersonate-Group", g)
		}
		return &n
	}
	auth := func(name, kind string, f fate, value string) *Cred {
		return &Cred{Name: name, Kind: kind, Fate: f, Header: http.Header{"Authorization": {value}}}
	}
	query := func(d *Cred, token string) *Cred {
		d.Query = "access_token=" + token
		return d
	}
	none := &Cred{Name: "none", Kind: "none", Fate: fateNone, Header: http.Header{}}
	remote := http.Header{"X-Remote-User": {"proxied"}, "X-Remote-Group": {"dev", "qa"}, "X-Remote-Extra-Scopes": {"tap"}}

	cs := &Creds{byName: map[string]*Cred{}}
	add := func(d *Cred) *Cred {
		cs.List = append(cs.List, d)
		cs.byName[d.Name] = d
		return d
	}
	add(none)
	add(bearerCred("token-admin", tok["admin"], "opaque", fateAccepted)).Masters = true
	bob := add(bearerCred("token-bob", tok["bob"], "opaque", fateAccepted))
	carol := add(bearerCred("token-carol", tok["carol"], "opaque", fateAccepted))
	add(bearerCred("sa", tok["sa"], "service-account", fateAccepted))
	add(bearerCred("bootstrap", tok["bootstrap"], "bootstrap", fateAccepted))
	add(bearerCred("sa-expired", tok["sa-expired"], "service-account", fateRejected))
	add(bearerCred("sa-forged", tok["sa-forged"], "service-account", fateRejected))
	add(bearerCred("garbage", "no-such-token-0123456789", "opaque", fateRejected))

	add(auth("bearer-empty", "bearer", fateIgnored, "Bearer "))
	add(auth("bearer-two-spaces", "bearer", fateIgnored, "Bearer  "+tok["bob"]))
	add(auth("bearer-lower-case", "bearer", fateAccepted, "bearer "+tok["bob"])).TokenType = "opaque"
	add(auth("bearer-more-words", "bearer", fateAccepted, "Bearer "+tok["bob"]+" and more")).TokenType = "opaque"
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("token-admin:"+tok["admin"]))
	add(auth("basic", "basic", fateIgnored, basic))
	add(query(&Cred{Name: "query-token", Kind: "query-token", Fate: fateIgnored, Header: http.Header{}}, tok["admin"]))
	add(query(&Cred{Name: "query-token-sa", Kind: "query-token", Fate: fateIgnored, Header: http.Header{}}, tok["sa"]))
	both := query(auth("basic+query-token", "basic", fateIgnored, basic), tok["admin"])
	both.Also = []string{"query-token"}
	add(both)
	bq := query(bearerCred("bearer+query-token", tok["bob"], "opaque", fateAccepted), tok["admin"])
	bq.Also = []string{"query-token"}
	add(bq)

	add(withCert("cert-admin", "admin", fateAccepted)).Masters = true
	alice := add(withCert("cert-alice", "alice", fateAccepted))
	add(withCert("cert-node1", "node1", fateAccepted))
	add(withCert("cert-expired", "expired", fateRejected))
	add(withCert("cert-forged", "forged", fateRejected))
	add(withCert("cert-front-proxy-alone", "front-proxy", fateRejected))
	add(certBearer("cert+bearer", "alice", tok["bob"], fateAccepted))
	add(certBearer("cert+bad-bearer", "alice", "no-such-token-9876543210", fateAccepted))
	// The server takes the second.
	add(certBearer("bad-cert+bearer", "expired", tok["bob"], fateAccepted)).Split = true

	add(&Cred{Name: "front-proxy", Kind: "front-proxy", Fate: fateAccepted, CertName: "front-proxy",
		Cert: crt["front-proxy"], Header: remote.Clone()})
	add(&Cred{Name: "front-proxy-no-cert", Kind: "front-proxy", Fate: fateIgnored, Header: remote.Clone()})

	add(as(carol, "impersonate-alice", "alice", false))
	add(as(carol, "impersonate-group", "tap-somebody", false, "dev", "qa"))
	add(as(bob, "impersonate-denied", "admin", true))
	add(as(alice, "impersonate-denied-cert", "admin", true))
	add(as(none, "impersonate-anonymous", "alice", true))
	return cs, nil
}
