// SPDX-License-Identifier: Apache-2.0

package main

// The real kubectl. Its requests, their User-Agent and the answers' status and Audit-Id are read
// from what -v=8 logs; the client address it does not tell.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

type kubectl struct {
	cl    *Cluster
	rec   *Recorder
	creds *Creds
	o     *objects
	exe   string
	tmp   string
	runs  atomic.Int64
}

func newKubectl(cl *Cluster, rec *Recorder, creds *Creds, o *objects, tmp string) (*kubectl, error) {
	x := &kubectl{cl: cl, rec: rec, creds: creds, o: o, exe: cl.Kubectl, tmp: tmp}
	for _, c := range creds.List {
		if err := x.writeConfig(c); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (x *kubectl) config(c *Cred) string { return filepath.Join(x.tmp, c.Name+".kubeconfig") }

// writeConfig makes a kubeconfig file of a credential; JSON is YAML.
func (x *kubectl) writeConfig(c *Cred) error {
	user := map[string]any{}
	if c.Bearer != "" {
		user["token"] = c.Bearer
	}
	if c.Kind == "basic" {
		user["username"], user["password"] = "token-admin", "tap"
	}
	if c.CertName != "" {
		user["client-certificate"], user["client-key"] = x.cl.certFile(c.CertName), x.cl.keyFile(c.CertName)
	}
	if c.Impersonate != "" {
		user["as"] = c.Impersonate
	}
	if len(c.ImpGroups) > 0 {
		user["as-groups"] = c.ImpGroups
	}
	b, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "tap",
		"clusters": []any{map[string]any{"name": "tap", "cluster": map[string]any{
			"server": x.cl.Server, "certificate-authority": x.cl.CAFile}}},
		"users":    []any{map[string]any{"name": "tap", "user": user}},
		"contexts": []any{map[string]any{"name": "tap", "context": map[string]any{"cluster": "tap", "user": "tap", "namespace": "demo"}}},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(x.config(c), b, 0o600)
}

// The log of client-go before 1.33, and since. Headers follow one a line.
var (
	klogHead    = regexp.MustCompile(`^[IWEF]\d{4} [0-9:.]+ +\d+ [^ ]+\] `)
	klogRequest = regexp.MustCompile(`^(?:([A-Z]+) (https://\S+)|"Request" verb="([A-Z]+)" url="([^"]+)".*)$`)
	klogStatus  = regexp.MustCompile(`^(?:Response Status: |"Response" status=")(\d+)`)
	klogHeader  = regexp.MustCompile(`^\s+(User-Agent|Audit-Id|Impersonate-User): (.*)$`)
)

// parseKubectl reads the requests out of a log. Requests that overlap cannot be told apart there.
func parseKubectl(log string) ([]*Truth, error) {
	var all []*Truth
	var cur *Truth
	for _, line := range strings.Split(log, "\n") {
		line = klogHead.ReplaceAllString(line, "")
		if m := klogRequest.FindStringSubmatch(line); m != nil {
			if cur != nil && cur.Status == 0 {
				return all, fmt.Errorf("%s %s has no answer before the next request", cur.Method, cur.RequestURI)
			}
			u, err := url.Parse(m[2] + m[4])
			if err != nil {
				return all, err
			}
			cur = &Truth{Client: "kubectl", Protocol: "HTTP/2.0", Method: m[1] + m[3], RequestURI: u.RequestURI()}
			all = append(all, cur)
			continue
		}
		if cur == nil {
			continue
		}
		if m := klogStatus.FindStringSubmatch(line); m != nil {
			cur.Status, _ = strconv.Atoi(m[1]) // digits by the expression
		} else if m := klogHeader.FindStringSubmatch(line); m != nil {
			switch m[1] {
			case "User-Agent":
				cur.UserAgent = m[2]
			case "Audit-Id":
				cur.AuditID = m[2]
			case "Impersonate-User":
				cur.ImpersonateUser = m[2]
			}
		}
	}
	return all, nil
}

// run starts kubectl; an exit code is an answer like any other, silence is a failure.
func (x *kubectl) run(ctx context.Context, label string, c *Cred, stdin string, args ...string) {
	ctx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	// A cache would answer for the server: the log then says 200 where 304 came over the wire.
	cache := filepath.Join(x.tmp, fmt.Sprintf("kubectl-cache-%d", x.runs.Add(1)))
	defer os.RemoveAll(cache)
	args = append([]string{"--kubeconfig", x.config(c), "--cache-dir", cache, "-v=8"}, args...)
	cmd := exec.CommandContext(ctx, x.exe, args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "HOME="+x.tmp, "KUBECONFIG=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	_ = cmd.Run() // judged by its log below
	if ctx.Err() != nil {
		x.rec.fail("kubectl %s: %v", strings.Join(args[5:], " "), ctx.Err())
		return
	}
	truths, err := parseKubectl(stderr.String())
	if err != nil {
		x.rec.fail("kubectl %s: %v", strings.Join(args[5:], " "), err)
	}
	if len(truths) == 0 {
		x.rec.fail("kubectl %s made no request: %.300s", strings.Join(args[5:], " "), stderr.String())
	}
	for _, t := range truths {
		if t.Status == 0 || t.AuditID == "" || t.UserAgent == "" {
			x.rec.fail("kubectl %s: log of %s is incomplete", strings.Join(args[5:], " "), t.RequestURI)
		}
		t.N, t.Case = x.rec.begin(), "kubectl-"+label
		t.Credential = c.truth(t.Status, false)
		t.HasAuditEvent = true
		if (t.Status == 401) != (c.Fate == fateRejected) {
			x.rec.fail("kubectl %s as %s: answer %d", strings.Join(args[5:], " "), c.Name, t.Status)
		}
		x.rec.end(t)
	}
}

func (x *kubectl) manifest(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: demo\n  labels: {tap-seed: %s}\ndata:\n  v: %q\n",
		name, x.o.label(), value)
}

// jobs cover the commands once for some users.
func (x *kubectl) jobs() []job {
	var jobs []job
	add := func(label, cred, stdin string, args ...string) {
		jobs = append(jobs, func(ctx context.Context, _ *rand.Rand) {
			x.run(ctx, label, x.creds.get(cred), stdin, args...)
		})
	}
	for _, cred := range []string{"cert-admin", "sa", "cert-alice"} {
		name := x.o.fresh()
		jobs = append(jobs, func(ctx context.Context, _ *rand.Rand) {
			c := x.creds.get(cred)
			x.run(ctx, "apply", c, x.manifest(name, "1"), "apply", "-f", "-")
			x.run(ctx, "apply-again", c, x.manifest(name, "2"), "apply", "-f", "-")
			x.run(ctx, "apply-server-side", c, x.manifest(name, "3"), "apply", "--server-side", "--force-conflicts", "-f", "-")
			x.run(ctx, "create-conflict", c, x.manifest(name, "2"), "create", "-f", "-")
			x.run(ctx, "patch", c, "", "patch", "cm", name, "--type=merge", "-p", `{"data":{"p":"1"}}`)
			x.run(ctx, "label", c, "", "label", "cm", name, "a=b")
			x.run(ctx, "get-yaml", c, "", "get", "cm", name, "-o", "yaml")
			x.run(ctx, "delete", c, "", "delete", "cm", name)
			x.run(ctx, "delete-missing", c, "", "delete", "cm", name)
		})
		add("get", cred, "", "get", "cm")
		add("get-secrets", cred, "", "get", "secrets", "--chunk-size=20")
		add("get-all-namespaces", cred, "", "get", "pods", "-A")
		add("get-missing", cred, "", "get", "cm", "no-such-object")
		add("can-i", cred, "", "auth", "can-i", "list", "secrets")
		add("whoami", cred, "", "auth", "whoami")
		add("watch", cred, "", "get", "cm", "public", "-w", "--request-timeout=2s")
		add("raw-watch", cred, "", "get", "--raw", "/api/v1/namespaces/demo/configmaps?watch=true&timeoutSeconds=1")
		add("create-token", cred, "", "create", "token", "builder")
		add("raw", cred, "", "get", "--raw", "/apis?x=%20%2F")
	}
	for _, cred := range []string{"token-bob", "bootstrap", "cert-node1", "token-admin", "impersonate-alice", "impersonate-group"} {
		add("get", cred, "", "get", "cm", "public")
		add("can-i", cred, "", "auth", "can-i", "--list")
	}
	// One request each: the server ends these connections. Without any credential kubectl would ask
	// for a user name.
	for _, cred := range []string{"basic", "cert-expired", "cert-forged", "sa-expired", "sa-forged", "garbage"} {
		add("raw-unknown", cred, "", "get", "--raw", "/version")
	}
	add("raw-denied", "impersonate-denied", "", "get", "--raw", "/api/v1/namespaces/demo/pods")
	return jobs
}

func (x *kubectl) random(ctx context.Context, rng *rand.Rand) {
	jobs := x.jobs()
	jobs[rng.Intn(len(jobs))](ctx, rng)
}
