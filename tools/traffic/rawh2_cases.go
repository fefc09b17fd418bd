// SPDX-License-Identifier: Apache-2.0

package main

// The well-formed part of the HTTP/2 set: every way of coding headers, framing them and cutting the
// frames, and streams that end otherwise than by an answer.

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

type rawH2 struct {
	cl    *Cluster
	rec   *Recorder
	creds *Creds
	o     *objects
	rng   *rand.Rand
}

func (x *rawH2) dial(ctx context.Context, cred *Cred, settings ...http2.Setting) (*h2Conn, error) {
	return dialH2(ctx, x.cl, x.rec, cred.Cert, true, settings...)
}

func (x *rawH2) get(c *h2Conn, label string, cred *Cred) *h2Request {
	r := c.request("GET", publicMap, cred)
	r.label, r.want = label, publicWant(cred)
	return r
}

func (x *rawH2) post(c *h2Conn, label string, size int) *h2Request {
	r := c.request("POST", demoConfigMaps, x.creds.get("sa"))
	r.label, r.want = label, []int{http.StatusCreated}
	return r.send(ctJSON, x.o.configMapJSON(x.o.fresh(), size))
}

func (x *rawH2) cases() []rawCase {
	return []rawCase{
		{"credentials", x.credentials},
		{"coding", x.coding},
		{"many-users", x.manyUsers},
		{"continuation", x.continuation},
		{"long-frame", x.longFrame},
		{"padding", x.padding},
		{"table-size", x.tableSize},
		{"settings-table-size", x.settingsTableSize},
		{"one-byte", x.oneByte},
		{"cut-frames", x.cutFrames},
		{"bodies", x.bodies},
		{"other-frames", x.otherFrames},
		{"interleaved", x.interleaved},
		{"reset", x.reset},
		{"client-goaway", x.clientGoAway},
		{"after-goaway", x.afterGoAway},
		{"odd-headers", x.oddHeaders},
		{"thousand-streams", x.thousandStreams},
	}
}

// credentials asks once with each, on a connection of its own.
func (x *rawH2) credentials(ctx context.Context) error {
	for _, cred := range x.creds.List {
		c, err := x.dial(ctx, cred)
		if err != nil {
			return err
		}
		if err := c.ask(x.get(c, "credential-"+cred.Name, cred)); err != nil {
			return err
		}
		c.close()
	}
	return nil
}

// coding uses each representation, with and without Huffman, three times over: by then what is
// indexed comes out of the table.
func (x *rawH2) coding(ctx context.Context) error {
	for _, huffman := range []bool{true, false} {
		for mode := hpackIndex; mode <= hpackNever; mode++ {
			for _, spell := range []bool{false, true} {
				sa := x.creds.get("sa")
				c, err := dialH2(ctx, x.cl, x.rec, nil, huffman)
				if err != nil {
					return err
				}
				for i := 0; i < 4; i++ {
					r := x.get(c, fmt.Sprintf("coding-%v-%d-%v-%d", huffman, mode, spell, i), sa).mode(mode)
					for j := range r.fields {
						r.fields[j].spellName = spell
					}
					if err := c.ask(r); err != nil {
						return err
					}
				}
				c.close()
			}
		}
	}
	return nil
}

// manyUsers lets known users take turns on one connection, so that the table holds several tokens.
func (x *rawH2) manyUsers(ctx context.Context) error {
	c, err := x.dial(ctx, x.creds.get("none"))
	if err != nil {
		return err
	}
	defer c.close()
	var users []*Cred
	for _, u := range x.creds.List {
		if u.CertName == "" && !u.anonymous() {
			users = append(users, u)
		}
	}
	for round := 0; round < 4; round++ {
		var reqs []*h2Request
		var all []byte
		for _, i := range x.rng.Perm(len(users)) {
			r := x.get(c, "many-users", users[i])
			reqs, all = append(reqs, r), append(all, c.simple(r)...)
		}
		if err := c.send(all); err != nil {
			return err
		}
		if err := c.wait(reqs...); err != nil {
			return err
		}
	}
	return nil
}

// headersIn gives r's header block as HEADERS and CONTINUATION frames of the given sizes, which go
// round; 0 makes an empty frame.
func (c *h2Conn) headersIn(r *h2Request, sizes ...int) []byte {
	id, block := c.open(r), c.enc.block(r.fields)
	return c.frames(func(f *http2.Framer) {
		for i := 0; ; i++ {
			n := min(sizes[i%len(sizes)], len(block))
			part, last := block[:n], n == len(block)
			block = block[n:]
			if i == 0 {
				_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: part, EndHeaders: last, EndStream: r.body == nil})
			} else {
				_ = f.WriteContinuation(id, last, part)
			}
			if last {
				return
			}
		}
	})
}

// long makes r's header block at least size bytes, with the credential first, in the middle or last.
func (r *h2Request) long(size, place int) {
	var auth []hpackField
	kept := r.fields[:0]
	for _, f := range r.fields {
		if f.name == "authorization" {
			auth = append(auth, f)
		} else {
			kept = append(kept, f)
		}
	}
	r.fields = kept
	var many []hpackField
	for n := 0; n < size; n += 200 {
		many = append(many, hpackField{name: fmt.Sprintf("x-tap-%d", len(many)), value: strings.Repeat("\\", 200), mode: hpackPlain})
	}
	at := place * len(many) / 2
	r.fields = append(r.fields, many[:at]...)
	r.fields = append(r.fields, auth...)
	r.fields = append(r.fields, many[at:]...)
}

func (x *rawH2) continuation(ctx context.Context) error {
	sa := x.creds.get("sa")
	for i, sizes := range [][]int{{1000}, {1}, {0, 500}, {1, 16000, 3}, {16384}, {100, 0, 0, 7000}, {16377}} {
		for _, size := range []int{0, 16 << 10, 40 << 10} {
			if size > 0 && sizes[0] == 1 && len(sizes) == 1 {
				continue // the server counts frames of one byte as an attack
			}
			c, err := dialH2(ctx, x.cl, x.rec, nil, false)
			if err != nil {
				return err
			}
			for place := 0; place < 3; place++ {
				r := x.get(c, fmt.Sprintf("continuation-%dk-%d-%d", size>>10, i, place), sa)
				r.long(size, place)
				next := x.get(c, "after-continuation", sa)
				if err := c.send(append(c.headersIn(r, sizes...), c.simple(next)...)); err != nil {
					return err
				}
				if err := c.wait(r, next); err != nil {
					return err
				}
			}
			c.close()
		}
	}
	return nil
}

// longFrame sends the header block in one frame, which may be far beyond 16 KiB on this server.
func (x *rawH2) longFrame(ctx context.Context) error {
	sa := x.creds.get("sa")
	c, err := dialH2(ctx, x.cl, x.rec, nil, false)
	if err != nil {
		return err
	}
	defer c.close()
	for _, kib := range []int{15, 17, 33, 60, 120, 240} {
		r := x.get(c, fmt.Sprintf("long-frame-%dk", kib), sa)
		r.truth.Loose = kib > 64
		r.long(kib<<10, 2)
		if err := c.ask(r); err != nil {
			return err
		}
		if err := c.ask(x.get(c, "after-long-frame", sa)); err != nil {
			return err
		}
	}
	return nil
}

// padding pads HEADERS and DATA by hand (the Framer cannot pad by 0), with priority.
func (x *rawH2) padding(ctx context.Context) error {
	sa := x.creds.get("sa")
	c, err := x.dial(ctx, sa)
	if err != nil {
		return err
	}
	defer c.close()
	for _, pad := range []int{0, 1, 7, 255} {
		for _, priority := range []bool{false, true} {
			r := x.post(c, fmt.Sprintf("padding-%d-%v", pad, priority), 300)
			id, block := c.open(r), c.enc.block(r.fields)
			flags := http2.FlagHeadersPadded | http2.FlagHeadersEndHeaders
			p := []byte{byte(pad)}
			if priority {
				flags |= http2.FlagHeadersPriority
				p = append(binary.BigEndian.AppendUint32(p, 0x80000000), 200)
			}
			p = append(append(p, block...), make([]byte, pad)...)
			data := append(append([]byte{byte(pad)}, r.body...), make([]byte, pad)...)
			if err := c.send(c.frames(func(f *http2.Framer) {
				_ = f.WriteRawFrame(http2.FrameHeaders, flags, id, p)
				_ = f.WriteRawFrame(http2.FrameData, http2.FlagDataPadded|http2.FlagDataEndStream, id, data)
			})); err != nil {
				return err
			}
			if err := c.wait(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// tableSize announces new sizes of our table in header blocks.
func (x *rawH2) tableSize(ctx context.Context) error {
	sa := x.creds.get("sa")
	c, err := x.dial(ctx, sa)
	if err != nil {
		return err
	}
	defer c.close()
	for i, sizes := range [][]int{{}, {0}, {}, {4096}, {}, {0, 4096}, {}, {100}, {2000}, {0, 1500}, {4096}, {}} {
		for _, n := range sizes {
			c.enc.resize(n)
		}
		for j := 0; j < 3; j++ {
			if err := c.ask(x.get(c, fmt.Sprintf("table-size-%d", i), sa)); err != nil {
				return err
			}
		}
	}
	return nil
}

// settingsTableSize changes what the server's encoder may use, at the start and midway.
func (x *rawH2) settingsTableSize(ctx context.Context) error {
	sa := x.creds.get("sa")
	for _, first := range []uint32{0, 1, 4096, 65536} {
		c, err := x.dial(ctx, sa, http2.Setting{ID: http2.SettingHeaderTableSize, Val: first})
		if err != nil {
			return err
		}
		for i, n := range []uint32{first, 0, 4096, 300, 0, 65536} {
			if i > 0 {
				if err := c.send(c.frames(func(f *http2.Framer) {
					_ = f.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: n})
				})); err != nil {
					return err
				}
			}
			for j := 0; j < 3; j++ {
				if err := c.ask(x.get(c, fmt.Sprintf("settings-table-size-%d-%d", first, n), sa)); err != nil {
					return err
				}
			}
		}
		c.close()
	}
	return nil
}

func (x *rawH2) oneByte(ctx context.Context) error {
	for _, name := range []string{"sa", "cert-alice", "none"} {
		cred := x.creds.get(name)
		c, err := x.dial(ctx, cred)
		if err != nil {
			return err
		}
		for i := 0; i < 3; i++ {
			if i > 0 && cred.anonymous() {
				break
			}
			r := x.get(c, "one-byte-records", cred)
			if err := c.send(cut(c.simple(r), 1)...); err != nil {
				return err
			}
			if err := c.wait(r); err != nil {
				return err
			}
		}
		c.close()
	}
	return nil
}

// cutFrames lets records end at every place of a frame header, and several frames share one.
func (x *rawH2) cutFrames(ctx context.Context) error {
	sa := x.creds.get("sa")
	c, err := x.dial(ctx, sa)
	if err != nil {
		return err
	}
	defer c.close()
	for i := 1; i < 30; i++ {
		r := x.get(c, fmt.Sprintf("cut-at-%d", i), sa)
		b := c.simple(r)
		at := min(i, len(b)-1)
		if err := c.send(b[:at], b[at:]); err != nil {
			return err
		}
		if err := c.wait(r); err != nil {
			return err
		}
	}
	for i := 0; i < 10; i++ {
		var all []byte
		var reqs []*h2Request
		for j := 0; j < 8; j++ {
			r := x.get(c, "cut-random", sa)
			if j%3 == 2 {
				r = x.post(c, "cut-random-post", 50+x.rng.Intn(3000))
			}
			reqs, all = append(reqs, r), append(all, c.simple(r)...)
		}
		var pieces [][]byte
		for len(all) > 0 {
			n := min(len(all), 1+x.rng.Intn(700))
			pieces, all = append(pieces, all[:n]), all[n:]
		}
		if err := c.send(pieces...); err != nil {
			return err
		}
		if err := c.wait(reqs...); err != nil {
			return err
		}
	}
	return nil
}

// bodies ends them by an empty DATA frame, or by trailers, with and without content-length.
func (x *rawH2) bodies(ctx context.Context) error {
	c, err := x.dial(ctx, x.creds.get("sa"))
	if err != nil {
		return err
	}
	defer c.close()
	for i := 0; i < 12; i++ {
		r := x.post(c, fmt.Sprintf("body-%d", i), 10+i*700)
		if i%2 == 1 {
			r.fields = r.fields[:len(r.fields)-1] // content-length
		}
		trailers := i%3 == 2
		if trailers {
			r.add("trailer", "x-tap")
		}
		id, block := c.open(r), c.enc.block(r.fields)
		var after []byte
		if trailers {
			after = c.enc.block([]hpackField{{name: "x-tap", value: "authorization: Bearer not-a-credential"}})
		}
		if err := c.send(c.frames(func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
			for _, p := range cut(r.body, 500) {
				_ = f.WriteData(id, false, nil)
				_ = f.WriteData(id, false, p)
			}
			if trailers {
				_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: after, EndHeaders: true, EndStream: true})
			} else {
				_ = f.WriteData(id, true, nil)
			}
		})); err != nil {
			return err
		}
		if err := c.wait(r); err != nil {
			return err
		}
		if err := c.ask(x.get(c, "after-body", x.creds.get("sa"))); err != nil {
			return err
		}
	}
	return nil
}

// otherFrames puts everything that is not a request between requests.
func (x *rawH2) otherFrames(ctx context.Context) error {
	sa := x.creds.get("sa")
	c, err := x.dial(ctx, sa)
	if err != nil {
		return err
	}
	defer c.close()
	for i := 0; i < 6; i++ {
		r, s := x.get(c, "other-frames", sa), x.post(c, "other-frames-post", 100)
		a, b := c.simple(r), c.simple(s)
		between := c.frames(func(f *http2.Framer) {
			_ = f.WritePriority(c.next+20, http2.PriorityParam{StreamDep: 0, Weight: 10})
			_ = f.WriteRawFrame(0xfe, 0xff, 0, []byte("PRI * HTTP/2.0"))
			_ = f.WriteRawFrame(0xb, 0, c.next+40, bytes.Repeat([]byte{0, 0, 9, 1, 5}, 100*i))
			_ = f.WritePing(false, [8]byte{0, 0, 9, 1, 5})
			_ = f.WriteWindowUpdate(0, 1)
			_ = f.WriteSettings(http2.Setting{ID: 0xabcd, Val: 77}, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 9})
			_ = f.WriteSettings()
			_ = f.WriteRawFrame(http2.FramePriority, 0, r.stream, []byte{0, 0, 0, 0, 1})
		})
		if err := c.send(append(append(append(between, a...), between...), b...)); err != nil {
			return err
		}
		if err := c.wait(r, s); err != nil {
			return err
		}
	}
	return nil
}

// interleaved mixes the frames of streams.
func (x *rawH2) interleaved(ctx context.Context) error {
	sa := x.creds.get("sa")
	c, err := x.dial(ctx, sa)
	if err != nil {
		return err
	}
	defer c.close()
	var reqs []*h2Request
	var all []byte
	rest := map[*h2Request][][]byte{}
	for i := 0; i < 10; i++ {
		r := x.post(c, "interleaved", 2000+i*100)
		id, block := c.open(r), c.enc.block(r.fields)
		all = append(all, c.frames(func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
		})...)
		reqs, rest[r] = append(reqs, r), cut(r.body, 300)
	}
	for open := len(reqs); open > 0; {
		r := reqs[x.rng.Intn(len(reqs))]
		parts := rest[r]
		if len(parts) == 0 {
			continue
		}
		rest[r] = parts[1:]
		if len(parts) == 1 {
			open--
		}
		all = append(all, c.frames(func(f *http2.Framer) { _ = f.WriteData(r.stream, len(parts) == 1, parts[0]) })...)
	}
	if err := c.send(all); err != nil {
		return err
	}
	return c.wait(reqs...)
}

// thousandStreams holds 100 watches open on each of ten connections at once, as somebody exempt
// from flow control, which would refuse some.
func (x *rawH2) thousandStreams(ctx context.Context) error {
	const conns, each = 10, 100
	admin := x.creds.get("token-admin")
	var wg sync.WaitGroup
	for i := 0; i < conns; i++ {
		c, err := x.dial(ctx, admin)
		if err != nil {
			return err
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer c.close()
			var reqs []*h2Request
			var all []byte
			for j := 0; j < each; j++ {
				r := c.request("GET", demoConfigMaps+"?watch=1&timeoutSeconds=4&fieldSelector=metadata.name%3Dpublic", admin)
				r.label, r.want = "thousand-streams", []int{http.StatusOK}
				reqs, all = append(reqs, r), append(all, c.simple(r)...)
			}
			if err := c.send(all); err != nil {
				x.rec.fail("thousand-streams: %v", err)
			}
			if err := c.wait(reqs...); err != nil {
				x.rec.fail("thousand-streams: %v", err)
			}
		}()
	}
	wg.Wait()
	return nil
}

func (x *rawH2) cleanup(ctx context.Context) error {
	admin := x.creds.get("cert-admin")
	c, err := x.dial(ctx, admin)
	if err != nil {
		return err
	}
	defer c.close()
	r := c.request("DELETE", demoConfigMaps+"?labelSelector="+strings.ReplaceAll(x.o.selector(), "=", "%3D"), admin)
	r.label, r.want = "cleanup", []int{http.StatusOK}
	return c.ask(r)
}

// settle gives the server time to act on what was sent before the next step is a different test.
func settle() { time.Sleep(30 * time.Millisecond) }
