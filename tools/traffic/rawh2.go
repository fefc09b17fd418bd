// SPDX-License-Identifier: Apache-2.0

package main

// HTTP/2 written frame by frame. A goroutine reads all that comes and settles the streams; the
// writer decides how frames fall into TLS records. A send is never cut by an acknowledgement.

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

type h2Conn struct {
	raw *rawConn
	rec *Recorder
	enc *hpackEncoder

	wmu  sync.Mutex // held for a whole send
	buf  bytes.Buffer
	fr   *http2.Framer // writes into buf
	next uint32

	mu      sync.Mutex
	streams map[uint32]*h2Request
	goAway  bool
	lastID  uint32
	readErr error
	changed *sync.Cond
	ready   chan struct{} // closed by the server's first SETTINGS
}

// h2Request is a request whose frames can be chosen.
type h2Request struct {
	label   string
	fields  []hpackField
	body    []byte
	cred    *Cred
	want    []int
	truth   Truth
	stream  uint32
	done    bool
	noAudit bool
	ended   bool // the answer came to its end
	sawHead bool
	down    int64
}

// dialH2 opens a connection; settings go out with the preface.
func dialH2(ctx context.Context, cl *Cluster, rec *Recorder, cert *tls.Certificate, huffman bool, settings ...http2.Setting) (*h2Conn, error) {
	raw, err := dialRaw(ctx, cl, rec, cl.tlsConfig(cert, "h2"))
	if err != nil {
		return nil, err
	}
	c := &h2Conn{raw: raw, rec: rec, enc: newHPACK(huffman), next: 1, streams: map[uint32]*h2Request{}, ready: make(chan struct{})}
	c.changed = sync.NewCond(&c.mu)
	c.fr = http2.NewFramer(&c.buf, nil)
	c.fr.AllowIllegalWrites = true
	preface := append([]byte(http2.ClientPreface), c.frames(func(f *http2.Framer) {
		_ = f.WriteSettings(append(settings, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})...)
		_ = f.WriteWindowUpdate(0, 1<<30)
	})...)
	if err := c.send(preface); err != nil {
		raw.close()
		return nil, err
	}
	go c.read()
	select {
	case <-c.ready:
		return c, nil
	case <-time.After(rawTimeout):
		raw.close()
		return nil, fmt.Errorf("no SETTINGS from the server")
	}
}

func (c *h2Conn) close() { c.raw.close() }

// frames gives the bytes of what write makes; errors cannot occur, the sink is memory.
func (c *h2Conn) frames(write func(f *http2.Framer)) []byte {
	c.buf.Reset()
	write(c.fr)
	return bytes.Clone(c.buf.Bytes())
}

// send writes pieces, each as a TLS record.
func (c *h2Conn) send(pieces ...[]byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	return c.raw.write(pieces...)
}

// reply writes what the reader owes the server, without disturbing c.buf.
func (c *h2Conn) reply(write func(f *http2.Framer)) {
	var b bytes.Buffer
	write(http2.NewFramer(&b, nil))
	_ = c.send(b.Bytes()) // a broken connection shows in the reader
}

func (c *h2Conn) read() {
	fr := http2.NewFramer(nil, c.raw.r)
	fr.ReadMetaHeaders = hpack.NewDecoder(hpackDefaultSize, nil)
	fr.ReadMetaHeaders.SetAllowedMaxDynamicTableSize(1 << 16)
	fr.SetMaxReadFrameSize(1<<24 - 1)
	first := true
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			c.mu.Lock()
			c.readErr = err
			c.changed.Broadcast()
			c.mu.Unlock()
			if first {
				close(c.ready)
			}
			return
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				c.reply(func(w *http2.Framer) { _ = w.WriteSettingsAck() })
				if first {
					first = false
					close(c.ready)
				}
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				c.reply(func(w *http2.Framer) { _ = w.WritePing(true, f.Data) })
			}
		case *http2.GoAwayFrame:
			c.mu.Lock()
			c.goAway, c.lastID = true, f.LastStreamID
			c.changed.Broadcast()
			c.mu.Unlock()
		case *http2.MetaHeadersFrame:
			c.onStream(f.StreamID, func(r *h2Request) {
				if code, err := strconv.Atoi(f.PseudoValue("status")); err == nil && code >= 200 {
					r.sawHead, r.truth.Status = true, code
				}
				for _, h := range f.RegularFields() {
					if h.Name == "audit-id" && r.truth.AuditID == "" {
						r.truth.AuditID = h.Value
					}
				}
				r.ended = f.StreamEnded()
				r.done = r.ended
			})
		case *http2.DataFrame:
			c.onStream(f.StreamID, func(r *h2Request) {
				r.down += int64(len(f.Data()))
				r.ended = f.StreamEnded()
				r.done = r.ended
			})
		case *http2.RSTStreamFrame:
			c.onStream(f.StreamID, func(r *h2Request) { r.done = true })
		}
	}
}

func (c *h2Conn) onStream(id uint32, do func(r *h2Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.streams[id]; r != nil {
		do(r)
		c.changed.Broadcast()
	}
}

// request makes an ordinary one, with marker, pseudo fields, User-Agent and credential.
func (c *h2Conn) request(method, uri string, cred *Cred) *h2Request {
	n := c.rec.begin()
	if cred.Query != "" {
		uri = addQuery(uri, cred.Query)
	}
	if uri != "*" {
		uri = c.rec.mark(uri, n)
	}
	r := &h2Request{cred: cred}
	r.truth = Truth{N: n, Client: "raw-h2", Protocol: "HTTP/2.0", Method: method, RequestURI: uri,
		UserAgent: "anontap-traffic/raw-h2", ClientAddr: c.raw.addr, ImpersonateUser: cred.Impersonate}
	r.add(":method", method).add(":scheme", "https").add(":path", uri).add(":authority", c.raw.host)
	r.add("user-agent", r.truth.UserAgent).add("accept", "application/json")
	for k, vs := range cred.Header {
		for _, v := range vs {
			r.add(lowerASCII(k), v)
		}
	}
	return r
}

func (r *h2Request) add(name, value string) *h2Request {
	r.fields = append(r.fields, hpackField{name: name, value: value})
	return r
}

// mode sets how all fields are coded.
func (r *h2Request) mode(m hpackMode) *h2Request {
	for i := range r.fields {
		r.fields[i].mode = m
	}
	return r
}

func (r *h2Request) send(contentType string, body []byte) *h2Request {
	r.body = body
	return r.add("content-type", contentType).add("content-length", strconv.Itoa(len(body)))
}

// open gives r its stream; from then on its answer is awaited. Call in the order of sending.
func (c *h2Conn) open(r *h2Request) uint32 {
	r.stream = c.next
	c.next += 2
	c.mu.Lock()
	c.streams[r.stream] = r
	c.mu.Unlock()
	return r.stream
}

// simple gives the frames of r: HEADERS, and DATA of at most 16 KiB.
func (c *h2Conn) simple(r *h2Request) []byte {
	id, block := c.open(r), c.enc.block(r.fields)
	return c.frames(func(f *http2.Framer) {
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: r.body == nil})
		if r.body == nil {
			return
		}
		parts := cut(r.body, 16<<10)
		for i, p := range parts {
			_ = f.WriteData(id, i == len(parts)-1, p)
		}
	})
}

// wait ends when reqs are settled, and writes their truths.
func (c *h2Conn) wait(reqs ...*h2Request) error {
	var failed error
	for _, r := range reqs {
		c.mu.Lock()
		for !r.done && c.readErr == nil && !(c.goAway && r.stream > c.lastID) {
			c.changed.Wait()
		}
		answered, err := r.sawHead, c.readErr
		c.mu.Unlock()
		if !answered && failed == nil {
			failed = fmt.Errorf("%s: no answer (%v)", r.label, err)
		}
		c.tell(r)
	}
	return failed
}

// tell writes the truth of r as it stands.
func (c *h2Conn) tell(r *h2Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &r.truth
	t.Case = r.label
	t.Credential = r.cred.truth(t.Status, t.AuditID == "" || r.noAudit)
	if t.Status != 0 {
		t.HasAuditEvent = t.AuditID != "" && !r.noAudit
	}
	if r.ended {
		t.ResponseBytes = bytesOf(r.down)
		if t.Status < 300 || len(r.body) == 0 {
			t.RequestBytes = bytesOf(int64(len(r.body)))
		}
	}
	if r.want != nil {
		c.rec.expect(t, r.want...)
	}
	c.rec.end(t)
	delete(c.streams, r.stream)
}

// ask sends r in one write and waits for its answer.
func (c *h2Conn) ask(r *h2Request) error {
	if err := c.send(c.simple(r)); err != nil {
		return err
	}
	return c.wait(r)
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, x := range b {
		if 'A' <= x && x <= 'Z' {
			b[i] = x + 'a' - 'A'
		}
	}
	return string(b)
}
