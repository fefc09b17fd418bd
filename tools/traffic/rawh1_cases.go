// SPDX-License-Identifier: Apache-2.0

package main

// The well-formed part of the HTTP/1.1 set: requests that a server understands, cut and joined in
// every way that TCP, TLS and HTTP allow.

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"net/http"
	"strings"
	"time"
)

type rawH1 struct {
	cl    *Cluster
	rec   *Recorder
	creds *Creds
	o     *objects
	rng   *rand.Rand
}

const (
	demoConfigMaps = "/api/v1/namespaces/demo/configmaps"
	publicMap      = demoConfigMaps + "/public"
)

// rawCase is one test on connections of its own.
type rawCase struct {
	name string
	run  func(ctx context.Context) error
}

func cmdH1(ctx context.Context, args []string) error {
	var o options
	cl, err := o.parse("h1", args, nil)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, o.timeout)
	defer stop()
	creds, err := loadCreds(cl)
	if err != nil {
		return err
	}
	rec, err := newRecorder("h1", &o)
	if err != nil {
		return err
	}
	x := &rawH1{cl: cl, rec: rec, creds: creds, o: &objects{seed: o.seed}, rng: rand.New(rand.NewSource(o.seed))}
	go rec.progress(ctx, 0)
	for _, c := range append(x.cases(), x.badCases()...) {
		if ctx.Err() != nil {
			break
		}
		if err := c.run(ctx); err != nil {
			rec.fail("%s: %v", c.name, err)
		}
	}
	if err := x.cleanup(ctx); err != nil {
		rec.fail("cleanup: %v", err)
	}
	if err := ctx.Err(); err != nil {
		rec.fail("stopped: %v", err)
	}
	return rec.close()
}

func (x *rawH1) cases() []rawCase {
	return []rawCase{
		{"split-two", x.splitTwo},
		{"split-bytes", x.splitBytes},
		{"split-body", x.splitBody},
		{"pipeline", x.pipeline},
		{"pipeline-cut", x.pipelineCut},
		{"one-record", x.oneRecord},
		{"chunked", x.chunked},
		{"chunked-cut", x.chunkedCut},
		{"expect", x.expect},
		{"http10", x.http10},
		{"background-read", x.backgroundRead},
		{"close-notify", x.closeNotify},
		{"long-head", x.longHead},
		{"spelling", x.spelling},
		{"after-post", x.afterPost},
		{"targets", x.targets},
		{"no-alpn", x.noALPN},
	}
}

func (x *rawH1) dial(ctx context.Context, cred *Cred) (*rawConn, error) {
	return dialH1(ctx, x.cl, x.rec, cred.Cert)
}

// get is an ordinary request; post makes a ConfigMap.
func (x *rawH1) get(c *rawConn, label string, cred *Cred) *h1Request {
	r := c.request("GET", publicMap, cred)
	r.label, r.want = label, publicWant(cred)
	return r
}

func (x *rawH1) post(c *rawConn, label string, cred *Cred, size int) *h1Request {
	r := c.request("POST", demoConfigMaps, cred)
	r.label, r.want = label, []int{http.StatusCreated}
	return r.send(ctJSON, x.o.configMapJSON(x.o.fresh(), size))
}

func (x *rawH1) cleanup(ctx context.Context) error {
	admin := x.creds.get("cert-admin")
	c, err := x.dial(ctx, admin)
	if err != nil {
		return err
	}
	defer c.close()
	r := c.request("DELETE", demoConfigMaps+"?labelSelector="+strings.ReplaceAll(x.o.selector(), "=", "%3D"), admin)
	r.label, r.want = "cleanup", []int{http.StatusOK}
	return c.exchange([][]byte{r.bytes()}, r)
}

// splitTwo cuts a head at every byte into two records, on connections used over and over.
func (x *rawH1) splitTwo(ctx context.Context) error {
	for _, name := range []string{"token-bob", "cert-alice"} {
		cred := x.creds.get(name)
		c, err := x.dial(ctx, cred)
		if err != nil {
			return err
		}
		n := len(x.get(c, "", cred).bytes())
		for i := 1; i < n+4; i++ {
			r := x.get(c, fmt.Sprintf("split-two-%d", i), cred)
			b := r.bytes()
			if i >= len(b) {
				break
			}
			if err := c.exchange([][]byte{b[:i], b[i:]}, r); err != nil {
				return err
			}
		}
		c.close()
	}
	return nil
}

// cut splits b into pieces of n bytes.
func cut(b []byte, n int) [][]byte {
	var out [][]byte
	for len(b) > n {
		out = append(out, b[:n])
		b = b[n:]
	}
	return append(out, b)
}

func (x *rawH1) splitBytes(ctx context.Context) error {
	for _, n := range []int{1, 2, 3, 7} {
		for _, name := range []string{"sa", "none", "front-proxy"} {
			cred := x.creds.get(name)
			c, err := x.dial(ctx, cred)
			if err != nil {
				return err
			}
			for i := 0; i < 3; i++ {
				r := x.get(c, fmt.Sprintf("split-every-%d", n), cred)
				if err := c.exchange(cut(r.bytes(), n), r); err != nil {
					return err
				}
			}
			c.close()
		}
	}
	return nil
}

// splitBody cuts around the end of the head, where a body begins.
func (x *rawH1) splitBody(ctx context.Context) error {
	cred := x.creds.get("sa")
	c, err := x.dial(ctx, cred)
	if err != nil {
		return err
	}
	defer c.close()
	for off := -6; off <= 6; off++ {
		r := x.post(c, fmt.Sprintf("split-body%+d", off), cred, 50)
		at, b := len(r.head())+off, r.bytes()
		if err := c.exchange([][]byte{b[:at], b[at:]}, r); err != nil {
			return err
		}
		r = x.post(c, fmt.Sprintf("split-body-thrice%+d", off), cred, 50)
		at, b = len(r.head())+off, r.bytes()
		if err := c.exchange([][]byte{b[:at], b[at : at+1], b[at+1:]}, r); err != nil {
			return err
		}
	}
	return nil
}

// batch is n requests of several users, methods and answers.
func (x *rawH1) batch(c *rawConn, label string, n int) ([]byte, []*h1Request) {
	names := []string{"token-bob", "none", "sa", "basic", "garbage", "token-admin", "query-token", "sa-expired", "impersonate-alice"}
	var all []byte
	var reqs []*h1Request
	for i := 0; i < n; i++ {
		cred := x.creds.get(names[(i+n)%len(names)])
		var r *h1Request
		switch i % 6 {
		case 1:
			r = c.request("HEAD", publicMap, cred)
		case 2:
			sa := x.creds.get("sa")
			r = x.post(c, label, sa, 10+100*i)
		case 3:
			r = c.request("GET", "/no/such/path", cred)
		case 4:
			r = c.request("DELETE", demoConfigMaps+"/no-such-object", cred)
		default:
			r = c.request("GET", publicMap, cred)
		}
		r.label = fmt.Sprintf("%s-%d/%d", label, i, n)
		reqs = append(reqs, r)
		all = append(all, r.bytes()...)
	}
	return all, reqs
}

func (x *rawH1) pipeline(ctx context.Context) error {
	for n := 2; n <= 10; n++ {
		c, err := x.dial(ctx, x.creds.get("none"))
		if err != nil {
			return err
		}
		for round := 0; round < 2; round++ {
			all, reqs := x.batch(c, "pipeline", n)
			if err := c.exchange([][]byte{all}, reqs...); err != nil {
				return err
			}
		}
		c.close()
	}
	return nil
}

// pipelineCut sends the same in records that end anywhere.
func (x *rawH1) pipelineCut(ctx context.Context) error {
	for _, size := range []int{1, 13, 100, 1000, 4095, 4096, 4097} {
		c, err := x.dial(ctx, x.creds.get("none"))
		if err != nil {
			return err
		}
		all, reqs := x.batch(c, fmt.Sprintf("pipeline-cut-%d", size), 10)
		if err := c.exchange(cut(all, size), reqs...); err != nil {
			return err
		}
		c.close()
	}
	for i := 0; i < 10; i++ {
		c, err := x.dial(ctx, x.creds.get("none"))
		if err != nil {
			return err
		}
		all, reqs := x.batch(c, "pipeline-cut-random", 8)
		var pieces [][]byte
		for len(all) > 0 {
			n := min(len(all), 1+x.rng.Intn(300))
			pieces, all = append(pieces, all[:n]), all[n:]
		}
		if err := c.exchange(pieces, reqs...); err != nil {
			return err
		}
		c.close()
	}
	return nil
}

func (x *rawH1) oneRecord(ctx context.Context) error {
	cred := x.creds.get("sa")
	c, err := x.dial(ctx, cred)
	if err != nil {
		return err
	}
	defer c.close()
	for _, size := range []int{0, 1, 1000, 15000, 16384, 40000, 300000} {
		r := x.post(c, fmt.Sprintf("one-write-%d", size), cred, size)
		if err := c.exchange([][]byte{r.bytes()}, r); err != nil {
			return err
		}
	}
	// A body on a GET is read and thrown away; the next request begins right after it.
	g := x.get(c, "get-with-body", cred).send(ctJSON, []byte("GET /evil HTTP/1.1\r\nHost: x\r\n\r\n"))
	h := x.get(c, "after-get-with-body", cred)
	if err := c.exchange([][]byte{append(g.bytes(), h.bytes()...)}, g, h); err != nil {
		return err
	}
	// So is the body of a refused request.
	bad := x.creds.get("garbage")
	p := x.post(c, "refused-with-body", bad, 5000)
	p.want = []int{401}
	h = x.get(c, "after-refused-with-body", cred)
	return c.exchange([][]byte{append(p.bytes(), h.bytes()...)}, p, h)
}

// chunkedBody codes b in chunks whose sizes go round; style varies what the syntax leaves open.
func chunkedBody(b []byte, sizes []int, style int, trailers ...string) []byte {
	var out bytes.Buffer
	for i := 0; len(b) > 0; i++ {
		n := min(len(b), sizes[i%len(sizes)])
		switch style {
		case 1:
			fmt.Fprintf(&out, "%X;name=value;q=\"a b\"\r\n", n)
		case 2:
			fmt.Fprintf(&out, "%06x\r\n", n)
		default:
			fmt.Fprintf(&out, "%x\r\n", n)
		}
		out.Write(b[:n])
		out.WriteString("\r\n")
		b = b[n:]
	}
	out.WriteString("0\r\n")
	for _, t := range trailers {
		out.WriteString(t + "\r\n")
	}
	out.WriteString("\r\n")
	return out.Bytes()
}

func (x *rawH1) postChunked(c *rawConn, label string, size int, sizes []int, style int, trailers ...string) *h1Request {
	r := c.request("POST", demoConfigMaps, x.creds.get("sa"))
	r.label, r.want = label, []int{http.StatusCreated}
	body := x.o.configMapJSON(x.o.fresh(), size)
	r.bodyBytes = len(body)
	r.body = chunkedBody(body, sizes, style, trailers...)
	r.add("Content-Type", ctJSON).add("Transfer-Encoding", "chunked")
	if len(trailers) > 0 {
		r.add("Trailer", "X-Tap, X-Sum")
	}
	return r
}

func (x *rawH1) chunked(ctx context.Context) error {
	c, err := x.dial(ctx, x.creds.get("none"))
	if err != nil {
		return err
	}
	defer c.close()
	trailers := []string{"X-Tap: 1", "X-Sum: Authorization: Bearer not-a-credential"}
	for style := 0; style < 3; style++ {
		for i, sizes := range [][]int{{1}, {1, 2, 3, 5, 8}, {1000}, {16, 1, 17}, {100000}} {
			r := x.postChunked(c, fmt.Sprintf("chunked-%d-%d", style, i), 400, sizes, style)
			if err := c.exchange([][]byte{r.bytes()}, r); err != nil {
				return err
			}
			r = x.postChunked(c, fmt.Sprintf("chunked-trailers-%d-%d", style, i), 400, sizes, style, trailers...)
			next := x.get(c, "after-trailers", x.creds.get("token-bob"))
			if err := c.exchange([][]byte{append(r.bytes(), next.bytes()...)}, r, next); err != nil {
				return err
			}
		}
	}
	r := x.postChunked(c, "chunked-200k", 200<<10, []int{4096, 1, 16384, 33}, 0)
	return c.exchange([][]byte{r.bytes()}, r)
}

// chunkedCut lets records end inside sizes, line ends and trailers.
func (x *rawH1) chunkedCut(ctx context.Context) error {
	c, err := x.dial(ctx, x.creds.get("none"))
	if err != nil {
		return err
	}
	defer c.close()
	for _, size := range []int{1, 2, 3, 5, 11} {
		r := x.postChunked(c, fmt.Sprintf("chunked-cut-%d", size), 60, []int{7, 1, 20}, 1, "X-Tap: 1")
		next := x.get(c, "after-chunked-cut", x.creds.get("none"))
		if err := c.exchange(append(cut(r.bytes(), size), next.bytes()), r, next); err != nil {
			return err
		}
	}
	return nil
}

// expect waits for 100 Continue, or does not, or never gets it.
func (x *rawH1) expect(ctx context.Context) error {
	sa := x.creds.get("sa")
	c, err := x.dial(ctx, sa)
	if err != nil {
		return err
	}
	defer c.close()
	for i := 0; i < 3; i++ {
		r := x.post(c, "expect-wait", sa, 500).add("Expect", "100-continue")
		if err := c.write(r.head()); err != nil {
			return err
		}
		if line, err := c.r.Peek(12); err != nil || string(line) != "HTTP/1.1 100" {
			return fmt.Errorf("expected 100 Continue, got %q, %v", line, err)
		}
		if err := c.exchange([][]byte{r.body}, r); err != nil {
			return err
		}
		r = x.post(c, "expect-at-once", sa, 500).add("Expect", "100-continue")
		if err := c.exchange([][]byte{r.bytes()}, r); err != nil {
			return err
		}
	}
	// Refused with the body unsent: the server closes the connection.
	for _, name := range []string{"garbage", "none", "token-bob"} {
		cred := x.creds.get(name)
		c, err := x.dial(ctx, cred)
		if err != nil {
			return err
		}
		r := x.post(c, "expect-refused", cred, 500).add("Expect", "100-continue")
		r.want, r.noBytes = []int{401, 403}, true
		if err := c.exchange([][]byte{r.head()}, r); err != nil {
			return err
		}
		c.close()
	}
	return nil
}

func (x *rawH1) http10(ctx context.Context) error {
	for _, name := range []string{"none", "token-bob", "cert-alice"} {
		cred := x.creds.get(name)
		for _, host := range []bool{true, false} {
			c, err := x.dial(ctx, cred)
			if err != nil {
				return err
			}
			r := x.get(c, "http10", cred)
			r.line = strings.Replace(r.line, "HTTP/1.1", "HTTP/1.0", 1)
			r.truth.Protocol = "HTTP/1.0"
			if !host {
				r.drop("Host")
			}
			if err := c.exchange([][]byte{r.bytes()}, r); err != nil {
				return err
			}
			c.close()
		}
	}
	cred := x.creds.get("token-bob")
	c, err := x.dial(ctx, cred)
	if err != nil {
		return err
	}
	defer c.close()
	for i := 0; i < 3; i++ {
		r := x.get(c, "http10-keep-alive", cred).add("Connection", "keep-alive")
		r.line = strings.Replace(r.line, "HTTP/1.1", "HTTP/1.0", 1)
		r.truth.Protocol = "HTTP/1.0"
		if err := c.exchange([][]byte{r.bytes()}, r); err != nil {
			return err
		}
	}
	return nil
}

// backgroundRead sends the next request while the handler of a watch runs: the server reads its
// first byte alone, into a buffer of one byte.
func (x *rawH1) backgroundRead(ctx context.Context) error {
	sa := x.creds.get("sa")
	for i := 0; i < 4; i++ {
		c, err := x.dial(ctx, sa)
		if err != nil {
			return err
		}
		w := c.request("GET", demoConfigMaps+"?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dpublic", sa)
		w.label, w.want = "background-watch", []int{200}
		r := x.get(c, fmt.Sprintf("background-read-%d", i), x.creds.get("token-admin"))
		s := x.get(c, fmt.Sprintf("background-read-next-%d", i), x.creds.get("none"))
		b := append(r.bytes(), s.bytes()...)
		if err := c.write(w.bytes()); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond) // the handler must be running when the next bytes arrive
		pieces := [][]byte{b}
		switch i {
		case 1:
			pieces = [][]byte{b[:1], b[1:]}
		case 2:
			pieces = [][]byte{b[:2], b[2:]}
		case 3:
			pieces = cut(b, 1)
		}
		if err := c.exchange(pieces, w, r, s); err != nil {
			return err
		}
		c.close()
	}
	return nil
}

// closeNotify ends the connection in the segment that carries the request. The server may notice
// while the handler runs, so the answer is open, and the audit event's code with it.
func (x *rawH1) closeNotify(ctx context.Context) error {
	for i := 0; i < 24; i++ {
		cred := x.creds.get([]string{"token-bob", "none", "cert-alice", "sa", "garbage", "basic"}[i%6])
		c, err := x.dial(ctx, cred)
		if err != nil {
			return err
		}
		var reqs []*h1Request
		var pieces [][]byte
		for j := 0; j <= i/12; j++ {
			r := c.request("GET", "/version", cred)
			r.label = "close-notify"
			r.truth.AuditStatus = -1
			reqs, pieces = append(reqs, r), append(pieces, r.bytes())
		}
		if i%2 == 1 {
			pieces = cut(bytes.Join(pieces, nil), 40)
		}
		if err := c.writeAndClose(pieces...); err != nil {
			return err
		}
		for _, r := range reqs {
			if err := c.answer(r); err != nil {
				// Not answered: whether the handler ran is not known here.
				r.truth.Aborted, r.truth.Loose = true, true
				c.tell(r)
			}
		}
		c.close()
	}
	return nil
}

// longHead sends heads of many fields, the credential first, in the middle, or last.
func (x *rawH1) longHead(ctx context.Context) error {
	sa := x.creds.get("sa")
	for _, kib := range []int{4, 16, 40, 63, 200, 900} {
		c, err := x.dial(ctx, sa)
		if err != nil {
			return err
		}
		for place := 0; place < 3; place++ {
			r := x.get(c, fmt.Sprintf("long-head-%dk-%d", kib, place), sa)
			r.truth.Loose = kib > 64
			r.drop("Authorization")
			var many []string
			for size := 0; size < kib<<10; size += 256 {
				many = append(many, fmt.Sprintf("X-Tap-%06d: %s", len(many), strings.Repeat("v", 238)))
			}
			at := place * len(many) / 2
			r.fields = append(r.fields, many[:at]...)
			r.add("Authorization", "Bearer "+sa.Bearer)
			r.fields = append(r.fields, many[at:]...)
			if err := c.exchange([][]byte{r.bytes()}, r); err != nil {
				return err
			}
		}
		r := x.get(c, "after-long-head", x.creds.get("none"))
		if err := c.exchange([][]byte{r.bytes()}, r); err != nil {
			return err
		}
		c.close()
	}
	return nil
}
