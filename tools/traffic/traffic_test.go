// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"testing"

	"golang.org/x/net/http2/hpack"
	"k8s.io/client-go/transport"
	"k8s.io/klog/v2"
)

// What the hand-made encoder says must be what a decoder understands, whatever it was told to do.
func TestHPACKIsUnderstood(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for _, huffman := range []bool{true, false} {
		e := newHPACK(huffman)
		d := hpack.NewDecoder(hpackDefaultSize, nil)
		for round := 0; round < 500; round++ {
			if rng.Intn(10) == 0 {
				e.resize(rng.Intn(hpackDefaultSize + 1))
			}
			var sent []hpackField
			for i := 0; i < 1+rng.Intn(10); i++ {
				f := hpackStatic[rng.Intn(len(hpackStatic))]
				sent = append(sent,
					hpackField{f[0], f[1], hpackMode(rng.Intn(3)), rng.Intn(4) == 0},
					hpackField{f[0], filler(rng.Intn(300)), hpackMode(rng.Intn(3)), false},
					hpackField{fmt.Sprintf("x-%d", rng.Intn(20)), fmt.Sprint(rng.Intn(20)), hpackMode(rng.Intn(3)), false})
			}
			got, err := d.DecodeFull(e.block(sent))
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			if len(got) != len(sent) {
				t.Fatalf("round %d: %d fields, sent %d", round, len(got), len(sent))
			}
			for i, f := range got {
				if f.Name != sent[i].name || f.Value != sent[i].value {
					t.Fatalf("round %d: field %d is %v, sent %v", round, i, f, sent[i])
				}
			}
		}
	}
}

// The log of a kubectl of this client-go's age is made by client-go itself.
func TestKubectlLogIsUnderstood(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Audit-Id", "id-"+r.URL.Query().Get("n"))
		w.WriteHeader(404)
	}))
	defer srv.Close()
	var log bytes.Buffer
	klog.LogToStderr(false)
	klog.SetOutput(&log)
	defer klog.LogToStderr(true)
	rt := transport.NewDebuggingRoundTripper(http.DefaultTransport,
		transport.DebugJustURL, transport.DebugRequestHeaders, transport.DebugResponseStatus, transport.DebugResponseHeaders)
	for i := 1; i <= 3; i++ {
		req, err := http.NewRequest("PATCH", fmt.Sprintf("%s/a%%2Fb?n=%d", srv.URL, i), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", "kubectl/v9 (x)")
		req.Header.Set("Impersonate-User", "eve")
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	klog.Flush()
	checkKubectl(t, log.String(), 3)
}

// What kubectl before 1.33 logs, from a real one.
func TestOldKubectlLogIsUnderstood(t *testing.T) {
	const log = `I1122 05:15:56.623034   15362 loader.go:402] Config loaded from file:  /x/bob.kubeconfig
I1122 05:15:56.623219   15362 discovery_client.go:253] "Request Body" body=""
I1122 05:15:56.623275   15362 round_trippers.go:470] PATCH https://127.0.0.1:28175/a%2Fb?n=1
I1122 05:15:56.623277   15362 round_trippers.go:476] Request Headers:
I1122 05:15:56.623285   15362 round_trippers.go:480]     User-Agent: kubectl/v9 (x)
I1122 05:15:56.623286   15362 round_trippers.go:480]     Impersonate-User: eve
I1122 05:15:56.623287   15362 round_trippers.go:480]     Authorization: Bearer <masked>
I1122 05:15:56.624189   15362 round_trippers.go:581] Response Status: 404 Not Found in 0 milliseconds
I1122 05:15:56.624200   15362 round_trippers.go:584] Response Headers:
I1122 05:15:56.624215   15362 round_trippers.go:587]     Audit-Id: id-1
`
	checkKubectl(t, log, 1)
}

func checkKubectl(t *testing.T, log string, n int) {
	t.Helper()
	got, err := parseKubectl(log)
	if err != nil || len(got) != n {
		t.Fatalf("%d requests, %v, in:\n%s", len(got), err, log)
	}
	for i, r := range got {
		if r.Method != "PATCH" || r.RequestURI != fmt.Sprintf("/a%%2Fb?n=%d", i+1) || r.Status != 404 ||
			r.AuditID != fmt.Sprintf("id-%d", i+1) || r.UserAgent != "kubectl/v9 (x)" || r.ImpersonateUser != "eve" {
			t.Errorf("request %d is %+v, in:\n%s", i, r, log)
		}
	}
}
