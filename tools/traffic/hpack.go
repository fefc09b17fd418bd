// SPDX-License-Identifier: Apache-2.0

package main

// An HPACK encoder in which the caller chooses, field by field, what RFC 7541 leaves to the encoder:
// indexed or not or never, Huffman or plain, and when the table changes its size.

import (
	"golang.org/x/net/http2/hpack"
)

type hpackMode int

const (
	hpackIndex hpackMode = iota
	hpackPlain           // literal without indexing
	hpackNever           // literal never indexed
)

type hpackField struct {
	name, value string
	mode        hpackMode
	spellName   bool // the name as a literal even where the tables have it
}

// hpackStatic is the table of RFC 7541, appendix A.
var hpackStatic = [...][2]string{
	{":authority", ""}, {":method", "GET"}, {":method", "POST"}, {":path", "/"}, {":path", "/index.html"}, {":scheme", "http"},
	{":scheme", "https"}, {":status", "200"}, {":status", "204"}, {":status", "206"}, {":status", "304"}, {":status", "400"},
	{":status", "404"}, {":status", "500"}, {"accept-charset", ""}, {"accept-encoding", "gzip, deflate"}, {"accept-language", ""},
	{"accept-ranges", ""}, {"accept", ""}, {"access-control-allow-origin", ""}, {"age", ""}, {"allow", ""}, {"authorization", ""},
	{"cache-control", ""}, {"content-disposition", ""}, {"content-encoding", ""}, {"content-language", ""}, {"content-length", ""},
	{"content-location", ""}, {"content-range", ""}, {"content-type", ""}, {"cookie", ""}, {"date", ""}, {"etag", ""}, {"expect", ""},
	{"expires", ""}, {"from", ""}, {"host", ""}, {"if-match", ""}, {"if-modified-since", ""}, {"if-none-match", ""}, {"if-range", ""},
	{"if-unmodified-since", ""}, {"last-modified", ""}, {"link", ""}, {"location", ""}, {"max-forwards", ""}, {"proxy-authenticate", ""},
	{"proxy-authorization", ""}, {"range", ""}, {"referer", ""}, {"refresh", ""}, {"retry-after", ""}, {"server", ""}, {"set-cookie", ""},
	{"strict-transport-security", ""}, {"transfer-encoding", ""}, {"user-agent", ""}, {"vary", ""}, {"via", ""}, {"www-authenticate", ""},
}

const hpackDefaultSize = 4096

type hpackEncoder struct {
	huffman bool
	max     int
	size    int
	dyn     [][2]string // the newest first
	updates []int       // table sizes to announce at the start of the next block
}

func newHPACK(huffman bool) *hpackEncoder {
	return &hpackEncoder{huffman: huffman, max: hpackDefaultSize}
}

// resize announces a new table size in the next block; several in a row are all announced.
func (e *hpackEncoder) resize(n int) { e.updates = append(e.updates, n) }

func (e *hpackEncoder) evict() {
	for e.size > e.max {
		last := e.dyn[len(e.dyn)-1]
		e.size -= len(last[0]) + len(last[1]) + 32
		e.dyn = e.dyn[:len(e.dyn)-1]
	}
}

func (e *hpackEncoder) insert(name, value string) {
	e.dyn = append([][2]string{{name, value}}, e.dyn...)
	e.size += len(name) + len(value) + 32
	e.evict()
}

// find gives the index of the field, and that of its name; 0 is none.
func (e *hpackEncoder) find(name, value string) (whole, nameOnly int) {
	at := func(i int, f [2]string) {
		if f[0] != name {
			return
		}
		if nameOnly == 0 {
			nameOnly = i
		}
		if f[1] == value && whole == 0 {
			whole = i
		}
	}
	for i, f := range hpackStatic {
		at(i+1, f)
	}
	for i, f := range e.dyn {
		at(len(hpackStatic)+1+i, f)
	}
	return whole, nameOnly
}

func hpackInt(dst []byte, first byte, bits uint, n int) []byte {
	limit := 1<<bits - 1
	if n < limit {
		return append(dst, first|byte(n))
	}
	dst = append(dst, first|byte(limit))
	for n -= limit; n >= 128; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}

func (e *hpackEncoder) str(dst []byte, s string) []byte {
	if e.huffman {
		dst = hpackInt(dst, 0x80, 7, int(hpack.HuffmanEncodeLength(s)))
		return hpack.AppendHuffmanString(dst, s)
	}
	return append(hpackInt(dst, 0, 7, len(s)), s...)
}

// block encodes fields as one header block.
func (e *hpackEncoder) block(fields []hpackField) []byte {
	var dst []byte
	for _, n := range e.updates {
		dst = hpackInt(dst, 0x20, 5, n)
		e.max = n
		e.evict()
	}
	e.updates = nil
	for _, f := range fields {
		whole, name := e.find(f.name, f.value)
		if f.spellName {
			name = 0
		}
		switch {
		case f.mode == hpackIndex && whole != 0 && !f.spellName:
			dst = hpackInt(dst, 0x80, 7, whole)
			continue
		case f.mode == hpackIndex:
			dst = hpackInt(dst, 0x40, 6, name)
		case f.mode == hpackPlain:
			dst = hpackInt(dst, 0x00, 4, name)
		default:
			dst = hpackInt(dst, 0x10, 4, name)
		}
		if name == 0 {
			dst = e.str(dst, f.name)
		}
		dst = e.str(dst, f.value)
		if f.mode == hpackIndex {
			e.insert(f.name, f.value)
		}
	}
	return dst
}
