// SPDX-License-Identifier: Apache-2.0

package main

// The real curl: one process, several URLs, one connection. What curl says of each transfer (-w)
// becomes its truth line.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
)

type curl struct {
	cl       *Cluster
	rec      *Recorder
	creds    *Creds
	targets  []*target
	large    []*target
	throttle *throttle
	exe      string
	agent    string
	tmp      string
	runs     atomic.Int64
}

func newCurl(ctx context.Context, cl *Cluster, rec *Recorder, creds *Creds, o *objects, th *throttle, tmp string) (*curl, error) {
	exe, err := exec.LookPath("curl")
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, exe, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("curl --version: %w", err)
	}
	words := strings.Fields(string(out))
	if len(words) < 2 {
		return nil, fmt.Errorf("curl --version said %q", out)
	}
	return &curl{cl: cl, rec: rec, creds: creds, targets: targets(o), large: oversized(o), throttle: th,
		exe: exe, agent: "curl/" + words[1], tmp: tmp}, nil
}

// transfer is one URL of a curl process.
type transfer struct {
	cred  *Cred
	t     *target
	label string
	extra []string // further curl options
	stdin bool     // the body goes in as -T - : chunked over HTTP/1.1
	truth *Truth
}

// curlSaid is what -w prints. The status is text because curl prints "000" where there is none.
type curlSaid struct {
	N       int64  `json:"n"`
	Status  string `json:"status"`
	Version string `json:"version"`
	Addr    string `json:"addr"`
	Down    int64  `json:"down"`
	AuditID string `json:"audit"`
}

const curlWrite = `{"n":%d,"status":"%%{http_code}","version":"%%{http_version}","addr":"%%{local_ip}:%%{local_port}",` +
	`"down":%%{size_download},"audit":"%%header{audit-id}"}\n`

// prepare makes the options of one transfer; its body goes to a file in dir, or to stdin.
func (x *curl) prepare(tr *transfer, protocol, dir string, stdin *bytes.Buffer) ([]string, error) {
	t := tr.t
	n := x.rec.begin()
	uri := t.path
	if tr.cred.Query != "" {
		uri = addQuery(uri, tr.cred.Query)
	}
	uri = x.rec.mark(uri, n)
	tr.truth = &Truth{N: n, Client: "curl", Case: tr.label, Method: t.method, RequestURI: uri, UserAgent: x.agent,
		ImpersonateUser: tr.cred.Impersonate}
	if tr.label == "" {
		tr.truth.Case = t.name
	}
	args := []string{"-sS", "-g", protocol, "--cacert", x.cl.CAFile, "-o", "/dev/null", "-w", fmt.Sprintf(curlWrite, n)}
	if tr.cred.CertName != "" {
		args = append(args, "--cert", x.cl.certFile(tr.cred.CertName), "--key", x.cl.keyFile(tr.cred.CertName))
	}
	body, header := t.payload()
	if header.Get("Accept") == "" {
		header.Set("Accept", "application/json")
	}
	for _, h := range []http.Header{header, tr.cred.Header} {
		for k, vs := range h {
			for _, v := range vs {
				args = append(args, "-H", k+": "+v)
			}
		}
	}
	args = append(args, tr.extra...)
	switch {
	case t.method == "HEAD":
		args = append(args, "-I")
	case tr.stdin:
		stdin.Write(body)
		args = append(args, "-X", t.method, "-T", "-")
	case body != nil:
		file := filepath.Join(dir, strconv.FormatInt(n, 10))
		if err := os.WriteFile(file, body, 0o600); err != nil {
			return nil, err
		}
		args = append(args, "-X", t.method, "--data-binary", "@"+file)
	default:
		args = append(args, "-X", t.method)
	}
	// Of a refused request curl may have sent only a part, or nothing when it waited to be asked on.
	if len(body) < 1<<10 && !tr.stdin && !strings.HasPrefix(tr.label, "expect-") {
		tr.truth.RequestBytes = bytesOf(int64(len(body)))
	}
	return append(args, x.cl.Server+uri), nil
}

// run starts one process for all transfers; parallel lets curl have several under way.
func (x *curl) run(ctx context.Context, protocol string, parallel bool, transfers ...*transfer) {
	dir := filepath.Join(x.tmp, fmt.Sprintf("curl-%d", x.runs.Add(1)))
	if err := os.Mkdir(dir, 0o700); err != nil {
		x.rec.fail("%v", err)
		return
	}
	defer os.RemoveAll(dir)
	var args []string
	if parallel {
		args = append(args, "--parallel")
	}
	var stdin, stdout, stderr bytes.Buffer
	pending := map[int64]*transfer{}
	throttled := false
	for i, tr := range transfers {
		throttled = throttled || tr.t.throttled
		if i > 0 {
			args = append(args, "--next")
		}
		a, err := x.prepare(tr, protocol, dir, &stdin)
		if err != nil {
			x.rec.fail("%v", err)
			return
		}
		args = append(args, a...)
		pending[tr.truth.N] = tr
	}
	if throttled {
		defer x.throttle.hold()()
	}
	cmd := exec.CommandContext(ctx, x.exe, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &stdin, &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		x.rec.fail("curl %s, %d URLs (the first is %s as %s): %v: %s", protocol, len(transfers), transfers[0].truth.Case,
			transfers[0].cred.Name, err, strings.TrimSpace(stderr.String()))
	}
	for _, line := range strings.Split(strings.TrimSpace(stdout.String()), "\n") {
		var said curlSaid
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			x.rec.fail("curl printed %q: %v", line, err)
			continue
		}
		tr := pending[said.N]
		if tr == nil {
			x.rec.fail("curl told request %d twice, or one that was not made", said.N)
			continue
		}
		delete(pending, said.N)
		x.tell(tr, &said)
	}
	for n := range pending {
		x.rec.fail("curl said nothing of request %d", n)
	}
}

// tell completes the truth of a transfer with what curl said.
func (x *curl) tell(tr *transfer, said *curlSaid) {
	t := tr.truth
	t.Status, _ = strconv.Atoi(said.Status) // "000" is 0: no answer
	t.Protocol = map[string]string{"1": "HTTP/1.0", "1.0": "HTTP/1.0", "1.1": "HTTP/1.1", "2": "HTTP/2.0"}[said.Version]
	t.ClientAddr, t.AuditID = said.Addr, said.AuditID
	t.Credential = tr.cred.truth(t.Status, tr.t.beforeAuthn)
	t.HasAuditEvent = t.AuditID != "" && !tr.t.noAudit
	t.ResponseBytes = bytesOf(said.Down)
	x.rec.expect(t, tr.t.want(tr.cred)...)
	x.rec.end(t)
}

func (x *curl) target(name string) *target {
	for _, t := range append(x.targets, x.large...) {
		if t.name == name {
			return t
		}
	}
	panic("no target " + name)
}

// jobs cover curl's own ways of sending, once each.
func (x *curl) jobs() []job {
	sa, admin := x.creds.get("sa"), x.creds.get("cert-admin")
	one := func(protocol string, tr *transfer) job {
		return func(ctx context.Context, _ *rand.Rand) {
			fresh := *tr
			x.run(ctx, protocol, false, &fresh)
		}
	}
	var jobs []job
	for _, protocol := range []string{"--http1.1", "--http2", "--http1.0"} {
		for _, name := range []string{"create-20k", "create-500k", "create-2.9M", "create-3.1M", "conflict"} {
			tr := &transfer{cred: sa, t: x.target(name)}
			if protocol == "--http1.0" {
				tr.extra = []string{"--no-alpn"} // the server would not agree to "http/1.0"
			}
			if protocol != "--http1.1" && name == "create-3.1M" {
				continue // refused before it is whole: curl fails to send, or doubts the answer
			}
			jobs = append(jobs, one(protocol, tr))
		}
		if protocol == "--http1.0" {
			continue // no chunked coding there, so no body of unknown length
		}
		jobs = append(jobs,
			one(protocol, &transfer{cred: sa, t: x.target("create-20k"), stdin: true, label: "upload-stdin"}),
			one(protocol, &transfer{cred: admin, t: x.target("create-500k"), stdin: true, label: "upload-stdin-500k"}),
			one(protocol, &transfer{cred: sa, t: x.target("create"), extra: []string{"-H", "Expect: 100-continue"}, label: "expect"}),
			one("--http1.1", &transfer{cred: x.creds.get("token-bob"), t: x.target("create"), extra: []string{"-H", "Expect: 100-continue"}, label: "expect-forbidden"}),
			one("--http1.1", &transfer{cred: x.creds.get("garbage"), t: x.target("create"), extra: []string{"-H", "Expect: 100-continue"}, label: "expect-rejected"}),
			one(protocol, &transfer{cred: sa, t: x.target("list-secrets"), extra: []string{"--compressed"}, label: "compressed"}),
			one(protocol, &transfer{cred: admin, t: x.target("big-list")}),
			one(protocol, &transfer{cred: x.creds.get("basic"), t: x.target("version"), extra: []string{"--path-as-is"}, label: "path-as-is"}))
	}
	// Every credential, in a process of its own over HTTP/2 and in one process over HTTP/1.1.
	for _, c := range x.creds.List {
		jobs = append(jobs, one("--http2", &transfer{cred: c, t: x.target("get")}))
	}
	jobs = append(jobs, func(ctx context.Context, _ *rand.Rand) {
		var all []*transfer
		for _, c := range x.creds.List {
			all = append(all, &transfer{cred: c, t: x.target("list")})
		}
		x.run(ctx, "--http1.1", false, all...)
	})
	return jobs
}

// random is one process with some URLs. Over HTTP/2 several URLs are only asked as somebody the
// server knows: for others it ends the connection while curl may already use it again.
func (x *curl) random(ctx context.Context, rng *rand.Rand) {
	protocol, n := "--http1.1", 4+rng.Intn(12)
	who := x.creds.List[rng.Intn(len(x.creds.List))]
	if rng.Intn(2) == 0 {
		protocol = "--http2"
		if who.anonymous() {
			n = 1
		}
	}
	var trs []*transfer
	for i := 0; i < n; i++ {
		t := x.targets[rng.Intn(len(x.targets))]
		// The reset after a refusal with the body unread makes curl over HTTP/2 doubt the answer.
		refused := t.body != nil && protocol == "--http2" && !who.Masters && who.Name != "sa"
		if t.long || t.heavy || refused {
			t = x.target("get")
		}
		c := who
		if protocol == "--http1.1" && i%4 == 3 && who.CertName == "" {
			if other := x.creds.List[rng.Intn(len(x.creds.List))]; other.CertName == "" {
				c = other // another user on the same connection
			}
		}
		trs = append(trs, &transfer{cred: c, t: t})
	}
	x.run(ctx, protocol, rng.Intn(4) == 0, trs...)
}
