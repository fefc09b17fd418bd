// SPDX-License-Identifier: Apache-2.0

package main

// HTTP/1.1 written by hand: the caller decides which bytes share a TLS record, and which records
// share a TCP segment. Answers are read in the order of the requests.

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const rawTimeout = 60 * time.Second

// segmentConn keeps writes back while it is held, so that several TLS records leave in one write.
type segmentConn struct {
	net.Conn
	held bool
	buf  []byte
}

func (c *segmentConn) Write(p []byte) (int, error) {
	if c.held {
		c.buf = append(c.buf, p...)
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *segmentConn) flush() error {
	c.held = false
	b := c.buf
	c.buf = nil
	// tls.CloseWrite leaves a deadline that has passed.
	if err := c.Conn.SetWriteDeadline(time.Now().Add(rawTimeout)); err != nil {
		return err
	}
	_, err := c.Conn.Write(b)
	return err
}

// rawConn is a TLS connection whose records are ours to cut.
type rawConn struct {
	rec  *Recorder
	host string
	addr string
	tls  *tls.Conn
	tcp  *segmentConn
	r    *bufio.Reader
}

func dialRaw(ctx context.Context, cl *Cluster, rec *Recorder, conf *tls.Config) (*rawConn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", cl.Addr)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(rawTimeout)); err != nil {
		c.Close()
		return nil, err
	}
	conf.DynamicRecordSizingDisabled = true // one Write up to 16 KiB is one record
	seg := &segmentConn{Conn: c}
	t := tls.Client(seg, conf)
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return &rawConn{rec: rec, host: cl.Addr, addr: c.LocalAddr().String(), tls: t, tcp: seg, r: bufio.NewReaderSize(t, 64<<10)}, nil
}

func dialH1(ctx context.Context, cl *Cluster, rec *Recorder, cert *tls.Certificate) (*rawConn, error) {
	return dialRaw(ctx, cl, rec, cl.tlsConfig(cert, "http/1.1"))
}

func (c *rawConn) close() { c.tls.Close() }

// write sends each piece in a TLS record (or more, beyond 16 KiB) and a TCP write of its own.
func (c *rawConn) write(pieces ...[]byte) error {
	for _, p := range pieces {
		if len(p) == 0 {
			continue
		}
		if _, err := c.tls.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// writeAndClose sends pieces and close_notify in one TCP write.
func (c *rawConn) writeAndClose(pieces ...[]byte) error {
	c.tcp.held = true
	if err := c.write(pieces...); err != nil {
		return err
	}
	if err := c.tls.CloseWrite(); err != nil {
		return err
	}
	return c.tcp.flush()
}

// h1Request is a request of which every byte can be chosen.
type h1Request struct {
	label     string
	line      string // request line without its end
	fields    []string
	end       string // of each line
	body      []byte // as sent: chunked coding included
	bodyBytes int    // of the body itself
	cred      *Cred
	want      []int
	truth     Truth
	noBytes   bool // what the server takes of the body is open
	noAudit   bool
	preAuth   bool // answered before credentials are looked at
}

// request makes an ordinary one, with marker, Host, User-Agent and credential.
func (c *rawConn) request(method, uri string, cred *Cred) *h1Request {
	n := c.rec.begin()
	if cred.Query != "" {
		uri = addQuery(uri, cred.Query)
	}
	if uri != "*" {
		uri = c.rec.mark(uri, n)
	}
	r := &h1Request{cred: cred, end: "\r\n", line: method + " " + uri + " HTTP/1.1"}
	r.truth = Truth{N: n, Client: "raw-h1", Protocol: "HTTP/1.1", Method: method, RequestURI: uri,
		UserAgent: "anontap-traffic/raw-h1", ClientAddr: c.addr, ImpersonateUser: cred.Impersonate}
	r.add("Host", c.host).add("User-Agent", r.truth.UserAgent).add("Accept", "application/json")
	for k, vs := range cred.Header {
		for _, v := range vs {
			r.add(k, v)
		}
	}
	return r
}

func (r *h1Request) add(name, value string) *h1Request {
	r.fields = append(r.fields, name+": "+value)
	return r
}

// drop removes a field by its name.
func (r *h1Request) drop(name string) *h1Request {
	var kept []string
	for _, f := range r.fields {
		if !strings.HasPrefix(f, name+":") {
			kept = append(kept, f)
		}
	}
	r.fields = kept
	return r
}

// send gives the request a body with its length.
func (r *h1Request) send(contentType string, body []byte) *h1Request {
	r.body, r.bodyBytes = body, len(body)
	return r.add("Content-Type", contentType).add("Content-Length", fmt.Sprint(len(body)))
}

func (r *h1Request) head() []byte {
	var sb strings.Builder
	sb.WriteString(r.line + r.end)
	for _, f := range r.fields {
		sb.WriteString(f + r.end)
	}
	sb.WriteString(r.end)
	return []byte(sb.String())
}

func (r *h1Request) bytes() []byte { return append(r.head(), r.body...) }

// answer reads the final answer of r and writes its truth.
func (c *rawConn) answer(r *h1Request) error {
	for {
		resp, err := http.ReadResponse(c.r, &http.Request{Method: r.truth.Method})
		if err != nil {
			return fmt.Errorf("answer to %s %s: %w", r.truth.Method, r.truth.RequestURI, err)
		}
		if resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		r.truth.Status = resp.StatusCode
		r.truth.AuditID = resp.Header.Get("Audit-Id")
		r.truth.Upgraded = resp.StatusCode == http.StatusSwitchingProtocols
		if !r.truth.Upgraded {
			n, err := io.Copy(io.Discard, resp.Body)
			if err != nil {
				return fmt.Errorf("body of the answer to %s %s: %w", r.truth.Method, r.truth.RequestURI, err)
			}
			r.truth.ResponseBytes = bytesOf(n)
			if !r.noBytes {
				r.truth.RequestBytes = bytesOf(int64(r.bodyBytes))
			}
		}
		c.tell(r)
		return nil
	}
}

// tell writes the truth of r, answered or not.
func (c *rawConn) tell(r *h1Request) {
	t := &r.truth
	t.Case = r.label
	// What has no Audit-Id was refused before the server's handlers, credentials unseen.
	t.Credential = r.cred.truth(t.Status, r.preAuth || (t.AuditID == "" && !t.Upgraded))
	if t.Status != 0 {
		t.HasAuditEvent = (t.AuditID != "" || t.Upgraded) && !r.noAudit
	}
	if r.want != nil {
		c.rec.expect(t, r.want...)
	}
	c.rec.end(t)
}

// exchange sends pieces and reads the answers of reqs, in order.
func (c *rawConn) exchange(pieces [][]byte, reqs ...*h1Request) error {
	if err := c.write(pieces...); err != nil {
		return err
	}
	for _, r := range reqs {
		if err := c.answer(r); err != nil {
			return err
		}
	}
	return nil
}
