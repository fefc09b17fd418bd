// SPDX-License-Identifier: Apache-2.0

package main

// The odd and the malformed part of the HTTP/1.1 set. What net/http takes, however spelled, must be
// told exactly; what it refuses gets no Audit-Id and no audit event.

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// spelling varies how a head is written. Source: net/textproto.Reader, net/http.readRequest.
func (x *rawH1) spelling(ctx context.Context) error {
	bob := x.creds.get("token-bob")
	basic := x.creds.get("basic")
	bearer := "Bearer " + bob.Bearer
	cases := []struct {
		label string
		cred  *Cred
		edit  func(r *h1Request)
	}{
		{"line-feed-only", bob, func(r *h1Request) { r.end = "\n" }},
		{"upper-case-name", bob, func(r *h1Request) { r.drop("Authorization").add("AUTHORIZATION", bearer) }},
		{"lower-case-name", bob, func(r *h1Request) { r.drop("Authorization").add("authorization", bearer) }},
		{"no-space", bob, func(r *h1Request) {
			r.drop("Authorization")
			r.fields = append(r.fields, "Authorization:"+bearer)
		}},
		{"tab-and-space", bob, func(r *h1Request) {
			r.drop("Authorization")
			r.fields = append(r.fields, "Authorization:\t  "+bearer+" \t")
		}},
		{"folded", bob, func(r *h1Request) {
			r.drop("Authorization")
			r.fields = append(r.fields, "Authorization: Bearer", "   "+bob.Bearer)
		}},
		{"two-authorizations", basic, func(r *h1Request) { r.add("Authorization", bearer) }},
		{"two-bearers", bob, func(r *h1Request) { r.add("Authorization", "Bearer no-such-token") }},
		{"body-like-head", bob, func(r *h1Request) { r.add("X-Tap", "GET /evil HTTP/1.1") }},
		{"two-user-agents", bob, func(r *h1Request) { r.add("User-Agent", "second/1.0") }},
		{"no-user-agent", bob, func(r *h1Request) {
			r.drop("User-Agent")
			r.truth.UserAgent = ""
		}},
		{"forwarded", bob, func(r *h1Request) {
			r.add("X-Forwarded-For", "198.51.100.7, 203.0.113.9").add("X-Real-Ip", "192.0.2.77")
		}},
		{"zero-length-body", bob, func(r *h1Request) { r.add("Content-Length", "0") }},
		{"equal-lengths", bob, func(r *h1Request) { r.add("Content-Length", "0").add("Content-Length", "0") }},
	}
	c, err := x.dial(ctx, bob)
	if err != nil {
		return err
	}
	defer c.close()
	for _, k := range cases {
		r := x.get(c, "spelling-"+k.label, k.cred)
		k.edit(r)
		if err := c.exchange([][]byte{r.bytes()}, r); err != nil {
			return fmt.Errorf("%s: %w", k.label, err)
		}
	}
	last := x.get(c, "connection-close", bob).add("Connection", "close")
	return c.exchange([][]byte{last.bytes()}, last)
}

// afterPost sends line ends between requests, which net/http skips after a POST only.
func (x *rawH1) afterPost(ctx context.Context) error {
	sa := x.creds.get("sa")
	c, err := x.dial(ctx, sa)
	if err != nil {
		return err
	}
	defer c.close()
	for _, gap := range []string{"\r\n", "\n", "\r\n\r\n"} {
		p := x.post(c, "post-then-line-end", sa, 20)
		r := x.get(c, "get-after-line-end", sa)
		if err := c.exchange([][]byte{p.bytes(), []byte(gap), r.bytes()}, p, r); err != nil {
			return err
		}
	}
	return nil
}

// targets varies the request target. Where the server's URL library spells it otherwise, so does
// the audit event: requestURI there is URL.RequestURI(), not the bytes sent.
func (x *rawH1) targets(ctx context.Context) error {
	sa := x.creds.get("sa")
	c, err := x.dial(ctx, sa)
	if err != nil {
		return err
	}
	defer c.close()
	ask := func(label, method, uri string, audit func(sent string) string, want ...int) error {
		r := c.request(method, uri, sa)
		r.label, r.want = "target-"+label, want
		if audit != nil {
			r.truth.AuditURI = audit(r.truth.RequestURI)
		}
		return c.exchange([][]byte{r.bytes()}, r)
	}
	replace := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	for _, err := range []error{
		ask("escaped", "GET", demoConfigMaps+"/%70ublic", nil, 200),
		ask("escaped-slash", "GET", "/no/such%2Fpath/%25", nil, 403),
		ask("query-escapes", "GET", publicMap+"?a=%20%2F&b=+&c=%zz&d", nil, 200),
		ask("empty-query", "GET", publicMap+"?", nil, 200),
		ask("double-slash", "GET", "//version", nil, 200, 301, 403),
		ask("dots", "GET", "/api/../version/./", nil, 200, 301, 403),
		ask("absolute", "GET", "https://"+c.host+publicMap, replace("https://"+c.host, ""), 200),
		ask("quote", "GET", "/no/such/\"path\"", func(s string) string { return strings.ReplaceAll(s, `"`, "%22") }, 403),
		ask("utf8", "GET", "/no/such/é", replace("é", "%C3%A9"), 403),
		ask("own-method", "PROPFIND", publicMap, nil, 403, 405),
		ask("lower-method", "get", publicMap, nil, 403, 405),
		ask("head", "HEAD", publicMap, nil, 405),
		ask("options", "OPTIONS", publicMap, nil, 403, 405),
		ask("trace", "TRACE", publicMap, nil, 403, 405),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// noALPN speaks HTTP/1.1 without having agreed on anything.
func (x *rawH1) noALPN(ctx context.Context) error {
	bob := x.creds.get("token-bob")
	c, err := dialRaw(ctx, x.cl, x.rec, x.cl.tlsConfig(nil))
	if err != nil {
		return err
	}
	defer c.close()
	r := x.get(c, "no-alpn", bob)
	return c.exchange([][]byte{r.bytes()}, r)
}

// refusal is a request that net/http answers itself, on a connection of its own.
type refusal struct {
	label string
	want  int
	loose bool // no head that could be told
	make  func(c *rawConn, r *h1Request)
}

func (x *rawH1) badCases() []rawCase {
	// Bytes without any field carry no credential but the connection's certificate.
	raw := func(s string) func(*rawConn, *h1Request) {
		return func(_ *rawConn, r *h1Request) {
			r.line, r.fields, r.truth.UserAgent = s, nil, ""
			if r.cred.CertName == "" {
				r.cred = x.creds.get("none")
			}
		}
	}
	var cases []rawCase
	for _, k := range []refusal{
		{"missing-host", 400, false, func(_ *rawConn, r *h1Request) { r.drop("Host") }},
		{"two-hosts", 400, false, func(_ *rawConn, r *h1Request) { r.add("Host", "other") }},
		{"bad-host", 400, false, func(_ *rawConn, r *h1Request) { r.drop("Host").add("Host", "a b\"") }},
		{"bad-escape", 400, false, func(c *rawConn, r *h1Request) {
			r.truth.RequestURI = strings.Replace(r.truth.RequestURI, "/api/", "/%zz/", 1)
			r.line = "GET " + r.truth.RequestURI + " HTTP/1.1"
		}},
		{"options-star", 200, false, func(c *rawConn, r *h1Request) {
			r.truth.Method, r.truth.RequestURI = "OPTIONS", "*"
			r.line = "OPTIONS * HTTP/1.1"
		}},
		{"bad-expect", 417, false, func(_ *rawConn, r *h1Request) { r.add("Expect", "the-unexpected") }},
		{"bad-coding", 501, false, func(_ *rawConn, r *h1Request) { r.add("Transfer-Encoding", "gzip") }},
		{"space-before-colon", 400, true, func(_ *rawConn, r *h1Request) { r.fields = append(r.fields, "X-Tap : 1") }},
		{"bad-name", 400, true, func(_ *rawConn, r *h1Request) { r.fields = append(r.fields, "X(Tap): 1") }},
		{"no-colon", 400, true, func(_ *rawConn, r *h1Request) { r.fields = append(r.fields, "X-Tap") }},
		{"control-in-value", 400, true, func(_ *rawConn, r *h1Request) { r.fields = append(r.fields, "X-Tap: a\x00b") }},
		{"bad-length", 400, true, func(_ *rawConn, r *h1Request) { r.add("Content-Length", "-1") }},
		{"two-lengths", 400, true, func(_ *rawConn, r *h1Request) { r.add("Content-Length", "1").add("Content-Length", "2") }},
		{"version-3", 505, true, func(_ *rawConn, r *h1Request) { r.line = strings.Replace(r.line, "HTTP/1.1", "HTTP/3.0", 1) }},
		{"bad-version", 400, true, func(_ *rawConn, r *h1Request) { r.line = strings.Replace(r.line, "HTTP/1.1", "HTTP/one", 1) }},
		{"no-version", 400, true, func(_ *rawConn, r *h1Request) { r.line = strings.TrimSuffix(r.line, " HTTP/1.1") }},
		{"two-spaces", 400, true, func(_ *rawConn, r *h1Request) { r.line = strings.Replace(r.line, " ", "  ", 1) }},
		{"bad-method", 400, true, func(_ *rawConn, r *h1Request) { r.line = "G(T" + strings.TrimPrefix(r.line, "GET") }},
		{"leading-line-end", 400, true, func(_ *rawConn, r *h1Request) { r.line = "\r\n" + r.line }},
		{"garbage", 400, true, raw("GARBAGE")},
		{"binary", 400, true, raw("\x00\xff\x16\x03\x01 \x80\x81 nothing\x7f")},
		{"preface", 0, true, func(c *rawConn, r *h1Request) { // net/http hands it to its handler
			raw("PRI * HTTP/2.0\r\n\r\nSM")(c, r)
			r.truth.Method, r.truth.RequestURI = "PRI", "*" // spoken over HTTP/1.1, whatever the line says
		}},
	} {
		cases = append(cases, rawCase{k.label, func(ctx context.Context) error { return x.refused(ctx, k) }})
	}
	return append(cases,
		rawCase{"length-and-chunked", x.lengthAndChunked},
		rawCase{"megabyte-head", x.megabyteHead},
		rawCase{"cut-off", x.cutOff})
}

func (x *rawH1) refused(ctx context.Context, k refusal) error {
	for _, name := range []string{"token-bob", "none", "cert-alice"} {
		cred := x.creds.get(name)
		c, err := x.dial(ctx, cred)
		if err != nil {
			return err
		}
		r := x.get(c, k.label, cred)
		r.truth.Loose, r.noBytes, r.want = k.loose, true, nil
		k.make(c, r)
		if k.want != 0 {
			r.want = []int{k.want}
		}
		if err := c.write(r.bytes()); err != nil {
			return err
		}
		if err := c.answer(r); err != nil {
			if k.want != 0 {
				return err
			}
			c.tell(r) // no answer is an answer here
		}
		c.close()
	}
	return nil
}

// lengthAndChunked is the smuggler's request: net/http takes it, by its chunks, and closes.
func (x *rawH1) lengthAndChunked(ctx context.Context) error {
	c, err := x.dial(ctx, x.creds.get("none"))
	if err != nil {
		return err
	}
	defer c.close()
	r := x.postChunked(c, "length-and-chunked", 50, []int{9}, 0)
	r.add("Content-Length", "5")
	r.truth.Loose, r.want = true, []int{http.StatusCreated, http.StatusBadRequest}
	return c.exchange([][]byte{r.bytes()}, r)
}

// megabyteHead is refused once the server has read its fill; it may cut the connection before the
// client has read the answer.
func (x *rawH1) megabyteHead(ctx context.Context) error {
	for _, kib := range []int{1100, 3000} {
		sa := x.creds.get("sa")
		c, err := x.dial(ctx, sa)
		if err != nil {
			return err
		}
		r := x.get(c, fmt.Sprintf("megabyte-head-%dk", kib), sa)
		r.truth.Loose, r.noBytes, r.want = true, true, nil
		for i := 0; i < kib; i++ {
			r.add(fmt.Sprintf("X-Tap-%d", i), strings.Repeat("v", 1010))
		}
		go func() { _ = c.write(r.bytes()) }() // the server stops reading midway
		if err := c.answer(r); err != nil {
			c.tell(r)
		} else if r.truth.Status != http.StatusRequestHeaderFieldsTooLarge {
			x.rec.fail("%s: answer %d", r.label, r.truth.Status)
		}
		c.close()
	}
	return nil
}

// cutOff goes away inside a head, inside a body, and while the handler runs.
func (x *rawH1) cutOff(ctx context.Context) error {
	sa := x.creds.get("sa")
	for i := 0; i < 6; i++ {
		c, err := x.dial(ctx, sa)
		if err != nil {
			return err
		}
		var r *h1Request
		var b []byte
		switch i % 3 {
		case 0: // never a whole request: nothing that a sensor would have to tell
			r = x.get(c, "cut-off-head", sa)
			r.truth.Loose, r.want = true, nil
			b = r.head()[:40]
		case 1:
			r = x.post(c, "cut-off-body", sa, 2000)
			r.want, r.truth.AuditStatus = nil, -1
			b = r.bytes()[:len(r.head())+100]
		case 2:
			r = c.request("GET", demoConfigMaps+"?watch=1&timeoutSeconds=5", sa)
			r.label, r.truth.AuditStatus = "cut-off-watch", -1
			b = r.bytes()
		}
		r.truth.Aborted, r.truth.HasAuditEvent = true, i%3 != 0
		if err := c.write(b); err != nil {
			return err
		}
		if i%3 == 2 { // the answer's head must have been sent
			if _, err := io.ReadFull(c.r, make([]byte, 20)); err != nil {
				return err
			}
		}
		time.Sleep(50 * time.Millisecond) // let the handler begin
		if i >= 3 {
			c.tcp.Conn.Close() // without close_notify
		}
		c.close()
		c.tell(r)
	}
	return nil
}
