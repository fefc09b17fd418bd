// SPDX-License-Identifier: Apache-2.0

package main

// What is asked of the server. A target knows the answer that a holder of every right gets, and the
// one that nobody in particular gets; any other known user gets the first, or 403.

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"net/http"
	"strings"
	"sync/atomic"
)

type target struct {
	name        string
	method      string
	path        string
	contentType string
	body        func() []byte
	header      http.Header
	admin       []int
	anon        []int
	beforeAuthn bool // answered before the server looks at credentials, the same for everybody
	noAudit     bool
	throttled   bool // 429 for all but system:masters
	long        bool // takes its time (a watch)
	heavy       bool // a big body, either way
}

// want lists the answers that credential c may get.
func (t *target) want(c *Cred) []int {
	switch {
	case t.beforeAuthn:
		return t.admin
	case c.Fate == fateRejected:
		return []int{http.StatusUnauthorized}
	case c.Denied:
		return []int{http.StatusForbidden}
	case t.throttled && !c.Masters:
		return []int{http.StatusTooManyRequests}
	case c.Fate != fateAccepted:
		return t.anon
	case c.Masters:
		return t.admin
	}
	return append([]int{http.StatusForbidden}, t.admin...)
}

func (t *target) note(c *Cred) *note {
	return &note{label: t.name, cred: c, beforeAuthn: t.beforeAuthn, noAudit: t.noAudit, want: t.want(c)}
}

// payload gives the body, nil for none, and the headers of the target.
func (t *target) payload() ([]byte, http.Header) {
	h := t.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if t.body == nil {
		return nil, h
	}
	h.Set("Content-Type", t.contentType)
	return t.body(), h
}

// objects names what this run makes, so that runs do not collide.
type objects struct {
	seed int64
	n    atomic.Int64
}

func (o *objects) label() string          { return fmt.Sprintf("tap-%d", o.seed) }
func (o *objects) selector() string       { return "tap-seed=" + o.label() }
func (o *objects) fresh() string          { return fmt.Sprintf("%s-n%d", o.label(), o.n.Add(1)) }
func (o *objects) secret(i int) string    { return fmt.Sprintf("%s-s%d", o.label(), i) }
func (o *objects) configMap(i int) string { return fmt.Sprintf("%s-c%d", o.label(), i) }

// throttledPath is a prefix that the throttle of this run answers with 429.
func (o *objects) throttledPath() string { return "/tap-429-" + o.label() }

// configMapJSON is a ConfigMap with about size bytes of data.
func (o *objects) configMapJSON(name string, size int) []byte {
	b, _ := json.Marshal(map[string]any{ // plain maps and strings always marshal
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": name, "namespace": "demo", "labels": map[string]string{"tap-seed": o.label()}},
		"data":     map[string]string{"text": filler(size)},
	})
	return b
}

// filler is text that does not look like a secret and does not compress to nothing.
func filler(size int) string {
	var sb strings.Builder
	sb.Grow(size + 16)
	r := rand.New(rand.NewSource(int64(size)))
	for sb.Len() < size {
		fmt.Fprintf(&sb, "%x ", r.Uint32())
	}
	return sb.String()[:size]
}

const (
	ctJSON  = "application/json"
	ctMerge = "application/merge-patch+json"
	ctApply = "application/apply-patch+yaml"

	nrSecrets    = 60
	nrConfigMaps = 30
)

// targets lists every kind of answer. Existing objects are those that setup made.
func targets(o *objects) []*target {
	const cms = "/api/v1/namespaces/demo/configmaps"
	get := func(name, path string, admin, anon int) *target {
		return &target{name: name, method: "GET", path: path, admin: []int{admin}, anon: []int{anon}}
	}
	post := func(name, path string, body func() []byte, admin ...int) *target {
		return &target{name: name, method: "POST", path: path, contentType: ctJSON, body: body, admin: admin, anon: []int{403}}
	}
	fixed := func(s string) func() []byte { return func() []byte { return []byte(s) } }
	newCM := func(size int) func() []byte {
		return func() []byte { return o.configMapJSON(o.fresh(), size) }
	}
	ts := []*target{
		get("version", "/version", 200, 200),
		get("healthz", "/healthz", 200, 200),
		get("livez", "/livez?verbose", 200, 200),
		get("discovery", "/apis", 200, 403),
		get("get", cms+"/public", 200, 200),
		get("get", cms+"/"+o.configMap(1), 200, 403),
		get("get-secret", "/api/v1/namespaces/demo/secrets/"+o.secret(1), 200, 403),
		get("list", cms+"?limit=5", 200, 403),
		get("list-secrets", "/api/v1/namespaces/demo/secrets?limit=50", 200, 403),
		get("list-pods", "/api/v1/namespaces/demo/pods?labelSelector=app%3Dweb%2Ctier+in+%28a%2Cb%29", 200, 403),
		get("list-other", "/api/v1/namespaces/team-a/configmaps?limit=500&fieldSelector=metadata.name%3Dx", 200, 403),
		get("missing-object", cms+"/no-such-object", 404, 403),
		get("missing-path", "/no/such/path", 404, 403),
		get("missing-namespace", "/api/v1/namespaces/no-such/pods", 200, 403),
		post("review", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
			fixed(`{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","spec":{"resourceAttributes":{"namespace":"demo","verb":"get","resource":"pods"}}}`), 201),
		post("who-am-i", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
			fixed(`{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}`), 201),
		post("create", cms, newCM(300), 201),
		post("create-20k", cms, newCM(20<<10), 201),
		post("create-empty-body", cms, fixed(""), 400),
		post("create-bad-json", cms, fixed(`{"kind":`), 400),
		post("create-invalid", cms, fixed(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"Not_A_Name"}}`), 422),
		post("conflict", cms, func() []byte { return o.configMapJSON(o.configMap(0), 10) }, 409),
		{name: "patch-merge", method: "PATCH", path: cms + "/" + o.configMap(2), contentType: ctMerge,
			body: fixed(`{"data":{"merge":"1"}}`), admin: []int{200, 409}, anon: []int{403}},
		{name: "patch-apply", method: "PATCH", path: cms + "/" + o.configMap(3) + "?fieldManager=tap&force=true", contentType: ctApply,
			body:  fixed("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + o.configMap(3) + "\ndata:\n  apply: \"1\"\n"),
			admin: []int{200, 409}, anon: []int{403}},
		{name: "patch-missing", method: "PATCH", path: cms + "/no-such-object", contentType: ctMerge,
			body: fixed(`{"data":{"merge":"1"}}`), admin: []int{404}, anon: []int{403}},
		{name: "delete-missing", method: "DELETE", path: cms + "/no-such-object", admin: []int{404}, anon: []int{403}},
		{name: "delete-collection-none", method: "DELETE", path: cms + "?labelSelector=tap-seed%3Dno-such", admin: []int{200}, anon: []int{403}},
		{name: "put-missing-version", method: "PUT", path: cms + "/" + o.configMap(4), contentType: ctJSON,
			body: func() []byte { return o.configMapJSON(o.configMap(4), 700) }, admin: []int{200, 409}, anon: []int{403}},
		{name: "head", method: "HEAD", path: "/healthz", admin: []int{200}, anon: []int{403}},
		{name: "head-resource", method: "HEAD", path: cms + "/public", admin: []int{405}, anon: []int{405}},
		{name: "options", method: "OPTIONS", path: "/version", admin: []int{405}, anon: []int{403}},
		{name: "not-acceptable", method: "GET", path: cms, header: http.Header{"Accept": {"text/html"}}, admin: []int{406}, anon: []int{403}},
		{name: "media-type", method: "POST", path: cms, contentType: "text/plain", body: fixed("x"), admin: []int{415}, anon: []int{403}},
		{name: "watch", method: "GET", path: cms + "?watch=1&timeoutSeconds=1", admin: []int{200}, anon: []int{403}, long: true},
		{name: "throttled", method: "GET", path: o.throttledPath() + "/get", admin: []int{404}, anon: []int{429}, throttled: true},
		{name: "throttled-post", method: "POST", path: o.throttledPath() + "/post", contentType: ctJSON, body: fixed("{}"), admin: []int{404}, anon: []int{429}, throttled: true},
		{name: "bad-timeout", method: "GET", path: cms + "?timeout=x", admin: []int{400}, beforeAuthn: true},
		{name: "watch-prefix", method: "GET", path: "/api/v1/watch", admin: []int{500}, beforeAuthn: true, noAudit: true},

		{name: "big-list", method: "GET", path: "/api/v1/namespaces/demo/secrets", admin: []int{200}, anon: []int{403}, heavy: true},
		{name: "openapi", method: "GET", path: "/openapi/v2", admin: []int{200}, anon: []int{403}, heavy: true},
	}
	return ts
}

// oversized targets send up to megabytes that the server reads and refuses; only for users with the right
// to create, because others are refused with the body unread, and the connection is cut.
func oversized(o *objects) []*target {
	const cms = "/api/v1/namespaces/demo/configmaps"
	return []*target{
		{name: "create-500k", method: "POST", path: cms, contentType: ctJSON, heavy: true,
			body: func() []byte { return o.configMapJSON(o.fresh(), 500<<10) }, admin: []int{201}},
		{name: "create-2.9M", method: "POST", path: cms, contentType: ctJSON, heavy: true,
			body: func() []byte { return o.configMapJSON(o.fresh(), 2900<<10) }, admin: []int{422}},
		{name: "create-3.1M", method: "POST", path: cms, contentType: ctJSON, heavy: true,
			body: func() []byte { return o.configMapJSON(o.fresh(), 3172<<10) }, admin: []int{413}},
	}
}
