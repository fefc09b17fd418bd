// SPDX-License-Identifier: Apache-2.0

package main

// The recording RoundTripper sits directly above net/http's transport, below whatever adds
// credentials, so that what it writes down is what goes out. A request is finished when its body
// has been read to the end or was closed.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// note travels in a request's context and tells the recorder what it cannot see in the bytes.
type note struct {
	n           int64 // 0: taken by the recorder
	client      string
	label       string
	cred        *Cred
	connection  bool // say the local port in "connection"
	beforeAuthn bool
	noAudit     bool
	anyAudit    bool              // the audit event's code is not tied to the wire's
	cut         bool              // the client ends the request by closing: its answer's length is unknown
	want        []int             // nil: anything but 401, or 401 where the credential is wrong
	header      func(http.Header) // sees the answer's header
	sink        func(*Truth)
}

type noteKey struct{}

func withNote(ctx context.Context, n *note) context.Context {
	return context.WithValue(ctx, noteKey{}, n)
}

// recording is the RoundTripper; base says who is behind requests that carry no note of their own.
type recording struct {
	next http.RoundTripper
	rec  *Recorder
	base note
}

func (r *recording) RoundTrip(req *http.Request) (*http.Response, error) {
	nt := r.base
	if n, ok := req.Context().Value(noteKey{}).(*note); ok {
		nt = *n
		if nt.client == "" {
			nt.client = r.base.client
		}
		if nt.cred == nil {
			nt.cred = r.base.cred
		}
		if nt.label == "" {
			nt.label = r.base.label
		}
	}
	if nt.n == 0 {
		nt.n = r.rec.begin()
	}
	t := &Truth{
		N: nt.n, Client: nt.client, Case: nt.label, Method: req.Method, RequestURI: req.URL.RequestURI(),
		UserAgent: req.Header.Get("User-Agent"), ImpersonateUser: req.Header.Get("Impersonate-User"),
	}
	var attempts atomic.Int32
	var addr atomic.Value
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		attempts.Add(1)
		addr.Store(i.Conn.LocalAddr().String())
	}}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	var sent *countingReader
	if req.Body != nil && req.Body != http.NoBody {
		sent = &countingReader{ReadCloser: req.Body}
		req.Body = sent
		req.GetBody = nil
	}
	resp, err := r.next.RoundTrip(req)
	if attempts.Load() > 1 {
		r.rec.fail("%s %s went out %d times: the transport retried it", t.Method, t.RequestURI, attempts.Load())
	}
	if a, ok := addr.Load().(string); ok {
		t.ClientAddr = a
		if _, port, err := net.SplitHostPort(a); err == nil && nt.connection {
			t.Connection = port
		}
	}
	if err != nil {
		if !errors.Is(err, context.Canceled) || !nt.cut {
			r.rec.fail("%s %s (%s, %s, %s): %v", t.Method, t.RequestURI, nt.client, nt.label, nt.cred.Name, err)
		}
		return nil, err
	}
	t.Protocol = resp.Proto
	t.Status = resp.StatusCode
	t.AuditID = resp.Header.Get("Audit-Id")
	if t.UserAgent == "" {
		t.UserAgent = "Go-http-client/1.1"
		if resp.ProtoMajor == 2 {
			t.UserAgent = "Go-http-client/2.0"
		}
	}
	if nt.header != nil {
		nt.header(resp.Header)
	}
	t.Credential = nt.cred.truth(t.Status, nt.beforeAuthn)
	t.Upgraded = t.Status == http.StatusSwitchingProtocols
	t.HasAuditEvent = (t.AuditID != "" || t.Upgraded) && !nt.noAudit
	if nt.anyAudit {
		t.AuditStatus = -1
	}
	want := nt.want
	if want == nil {
		if (t.Status == http.StatusUnauthorized) != (nt.cred.Fate == fateRejected) {
			r.rec.fail("%s %s (%s, %s): answer %d", t.Method, t.RequestURI, nt.client, nt.cred.Name, t.Status)
		}
	} else {
		r.rec.expect(t, want...)
	}
	finish := func(n int64, whole bool) {
		if whole && !resp.Uncompressed {
			t.ResponseBytes = bytesOf(n)
		}
		// An early refusal may leave the body partly unsent; only then is its length in doubt.
		if sent == nil {
			t.RequestBytes = bytesOf(0)
		} else if sent.whole.Load() && (t.Status < 300 || t.Status == http.StatusConflict) {
			t.RequestBytes = bytesOf(sent.n.Load())
		}
		r.rec.end(t)
		if nt.sink != nil {
			nt.sink(t)
		}
	}
	resp.Body = &endReader{ReadCloser: resp.Body, end: finish}
	return resp, nil
}

type countingReader struct {
	io.ReadCloser
	n     atomic.Int64
	whole atomic.Bool
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	if err == io.EOF {
		c.whole.Store(true)
	}
	return n, err
}

// endReader calls end once: at EOF, or at Close before EOF (whole is false then).
type endReader struct {
	io.ReadCloser
	n    int64
	once sync.Once
	end  func(n int64, whole bool)
}

func (e *endReader) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	e.n += int64(n)
	if err == io.EOF {
		e.once.Do(func() { e.end(e.n, true) })
	}
	return n, err
}

func (e *endReader) Close() error {
	err := e.ReadCloser.Close()
	e.once.Do(func() { e.end(e.n, false) })
	return err
}

// httpClient is net/http over HTTP/1.1 or HTTP/2, recorded.
type httpClient struct {
	cl  *Cluster
	rec *Recorder

	mu    sync.Mutex
	pools map[string]*http.Transport
}

func newHTTPClient(cl *Cluster, rec *Recorder) *httpClient {
	return &httpClient{cl: cl, rec: rec, pools: map[string]*http.Transport{}}
}

func (h *httpClient) newTransport(cert *tls.Certificate, h2 bool) *http.Transport {
	tr := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, WriteBufferSize: 64 << 10}
	if h2 {
		tr.TLSClientConfig = h.cl.tlsConfig(cert)
		tr.ForceAttemptHTTP2 = true
	} else {
		tr.TLSClientConfig = h.cl.tlsConfig(cert, "http/1.1")
		tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return tr
}

// transport gives the shared transport of a credential, or one for a single request where the
// server is going to end the connection: over HTTP/2 it does so for everybody it does not know,
// and ignores what arrives in the meantime.
func (h *httpClient) transport(c *Cred, h2 bool) (tr *http.Transport, single bool) {
	if h2 && c.anonymous() {
		return h.newTransport(c.Cert, true), true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := fmt.Sprintf("%s %v", c.CertName, h2)
	tr = h.pools[key]
	if tr == nil {
		tr = h.newTransport(c.Cert, h2)
		h.pools[key] = tr
	}
	return tr, false
}

func (h *httpClient) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, tr := range h.pools {
		tr.CloseIdleConnections()
	}
}

// do sends one request and reads its answer to the end, or up to max bytes where max > 0.
func (h *httpClient) do(ctx context.Context, nt *note, h2 bool, method, uri string, header http.Header, body io.Reader) (int, error) {
	tr, single := h.transport(nt.cred, h2)
	if single {
		defer tr.CloseIdleConnections()
	}
	return h.doOn(ctx, tr, nt, method, uri, header, body)
}

func (h *httpClient) doOn(ctx context.Context, tr *http.Transport, nt *note, method, uri string, header http.Header, body io.Reader) (int, error) {
	if nt.client == "" {
		nt.client = "net/http"
	}
	nt.n = h.rec.begin()
	if nt.cred.Query != "" {
		uri = addQuery(uri, nt.cred.Query)
	}
	uri = h.rec.mark(uri, nt.n)
	req, err := http.NewRequestWithContext(withNote(ctx, nt), method, h.cl.Server+uri, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/json")
	for k, v := range header {
		req.Header[k] = v
	}
	nt.cred.apply(req.Header)
	rt := &recording{next: tr, rec: h.rec}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil && !nt.cut {
		h.rec.fail("%s %s: answer's body: %v", method, uri, err)
		return resp.StatusCode, err
	}
	return resp.StatusCode, nil
}

func addQuery(uri, q string) string {
	for i := 0; i < len(uri); i++ {
		if uri[i] == '?' {
			return uri + "&" + q
		}
	}
	return uri + "?" + q
}
