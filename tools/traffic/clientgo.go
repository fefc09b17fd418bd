// SPDX-License-Identifier: Apache-2.0

package main

// client-go as controllers use it: typed clients, each on one long-lived HTTP/2 connection that
// carries many requests at once, with watches open beside them.

import (
	"context"
	"fmt"
	"math/rand"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// goClient is one typed client with its own connections; dials counts them.
type goClient struct {
	cred  *Cred
	cs    *kubernetes.Clientset
	base  http.RoundTripper
	dials atomic.Int32
}

// newGoClient makes a client. A dial function of its own keeps client-go from sharing connections
// between clients with equal TLS settings.
func newGoClient(cl *Cluster, rec *Recorder, cred *Cred, base note, protobuf, gzip bool) (*goClient, error) {
	base.client, base.cred = "client-go", cred
	g := &goClient{cred: cred}
	var d net.Dialer
	conf := &rest.Config{
		Host:               cl.Server,
		TLSClientConfig:    rest.TLSClientConfig{CAFile: cl.CAFile},
		BearerToken:        cred.Bearer,
		QPS:                -1,
		DisableCompression: !gzip,
		Impersonate:        rest.ImpersonationConfig{UserName: cred.Impersonate, Groups: cred.ImpGroups},
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			g.dials.Add(1)
			return d.DialContext(ctx, network, addr)
		},
		WrapTransport: func(rt http.RoundTripper) http.RoundTripper {
			g.base = rt
			return &recording{next: rt, rec: rec, base: base}
		},
	}
	if cred.CertName != "" {
		conf.CertFile, conf.KeyFile = cl.certFile(cred.CertName), cl.keyFile(cred.CertName)
	}
	if protobuf {
		conf.ContentType = "application/vnd.kubernetes.protobuf"
		conf.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	}
	var err error
	if g.cs, err = kubernetes.NewForConfig(conf); err != nil {
		return nil, fmt.Errorf("client-go as %s: %w", cred.Name, err)
	}
	return g, nil
}

// close ends the connections that no request is using.
func (g *goClient) close() {
	if c, ok := g.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// clientGo is the family: some clients, and what they do.
type clientGo struct {
	cl      *Cluster
	rec     *Recorder
	creds   *Creds
	o       *objects
	clients []*goClient
	admin   *goClient
}

func newClientGo(cl *Cluster, rec *Recorder, creds *Creds, o *objects) (*clientGo, error) {
	x := &clientGo{cl: cl, rec: rec, creds: creds, o: o}
	for i, name := range []string{"cert-admin", "token-admin", "cert-alice", "token-bob", "sa", "sa", "cert-node1",
		"bootstrap", "token-carol", "impersonate-alice", "impersonate-group", "impersonate-denied", "cert+bearer"} {
		g, err := newGoClient(cl, rec, creds.get(name), note{}, i%2 == 1, i%3 == 0)
		if err != nil {
			return nil, err
		}
		x.clients = append(x.clients, g)
	}
	x.admin = x.clients[0]
	return x, nil
}

func named(ctx context.Context, label string) context.Context {
	return withNote(ctx, &note{label: label})
}

// setup makes the objects that targets refer to.
func (x *clientGo) setup(ctx context.Context) error {
	core := x.admin.cs.CoreV1()
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Labels: map[string]string{"tap-seed": x.o.label()}}
	}
	for i := 0; i < nrSecrets; i++ {
		s := &corev1.Secret{ObjectMeta: meta(x.o.secret(i)), StringData: map[string]string{"key": filler(100 + i*40)}}
		if _, err := core.Secrets("demo").Create(named(ctx, "setup"), s, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("setup: %w", err)
		}
	}
	for i := 0; i < nrConfigMaps; i++ {
		c := &corev1.ConfigMap{ObjectMeta: meta(x.o.configMap(i)), Data: map[string]string{"text": filler(200 * (i + 1))}}
		if _, err := core.ConfigMaps("demo").Create(named(ctx, "setup"), c, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("setup: %w", err)
		}
	}
	return nil
}

func (x *clientGo) cleanup(ctx context.Context) {
	opts, list := metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: x.o.selector()}
	core := x.admin.cs.CoreV1()
	ctx = named(ctx, "cleanup")
	if err := core.ConfigMaps("demo").DeleteCollection(ctx, opts, list); err != nil {
		x.rec.fail("cleanup: %v", err)
	}
	if err := core.Secrets("demo").DeleteCollection(ctx, opts, list); err != nil {
		x.rec.fail("cleanup: %v", err)
	}
	if err := x.admin.cs.CoordinationV1().Leases("demo").DeleteCollection(ctx, opts, list); err != nil {
		x.rec.fail("cleanup: %v", err)
	}
}

// jobs cover every client and operation once.
func (x *clientGo) jobs() []job {
	var jobs []job
	for _, g := range x.clients {
		for i := range x.ops() {
			jobs = append(jobs, func(ctx context.Context, rng *rand.Rand) { x.ops()[i](ctx, rng, g) })
		}
	}
	for _, name := range []string{"sa-expired", "sa-forged", "garbage", "cert-expired", "cert-forged", "none"} {
		jobs = append(jobs, func(ctx context.Context, _ *rand.Rand) { x.unknown(ctx, name) })
	}
	return jobs
}

// random is a burst of one client: several requests at once on its connection.
func (x *clientGo) random(ctx context.Context, rng *rand.Rand) {
	g := x.clients[rng.Intn(len(x.clients))]
	ops := x.ops()
	var wg sync.WaitGroup
	for i := 0; i < 4+rng.Intn(8); i++ {
		op, seed := rng.Intn(len(ops)), rng.Int63()
		if op == 0 && rng.Intn(8) > 0 {
			op = 1
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			ops[op](ctx, rand.New(rand.NewSource(seed)), g)
		}()
	}
	wg.Wait()
}

// unknown asks once, over a connection that the server then ends.
func (x *clientGo) unknown(ctx context.Context, name string) {
	g, err := newGoClient(x.cl, x.rec, x.creds.get(name), note{label: "unknown-user"}, false, false)
	if err != nil {
		x.rec.fail("%v", err)
		return
	}
	_, _ = g.cs.CoreV1().ConfigMaps("demo").List(ctx, metav1.ListOptions{Limit: 3})
	g.close()
}

type operation func(ctx context.Context, rng *rand.Rand, g *goClient)

// ops are what a client does; the API's errors are answers like any other, and recorded as such.
// The first is the slow one.
func (x *clientGo) ops() []operation {
	return []operation{x.watch, x.read, x.read, x.read, x.list, x.lifecycle, x.patch, x.review, x.lease, x.bigList}
}

func (x *clientGo) watch(ctx context.Context, rng *rand.Rand, g *goClient) {
	seconds := int64(1 + rng.Intn(2))
	w, err := g.cs.CoreV1().ConfigMaps("demo").Watch(named(ctx, "watch"), metav1.ListOptions{TimeoutSeconds: &seconds,
		FieldSelector: "metadata.name=" + x.o.configMap(rng.Intn(nrConfigMaps))})
	if err != nil {
		return
	}
	for range w.ResultChan() {
	}
	w.Stop()
}

func (x *clientGo) read(ctx context.Context, rng *rand.Rand, g *goClient) {
	ctx = named(ctx, "read")
	switch rng.Intn(5) {
	case 0:
		_, _ = g.cs.CoreV1().ConfigMaps("demo").Get(ctx, "public", metav1.GetOptions{})
	case 1:
		_, _ = g.cs.CoreV1().Secrets("demo").Get(ctx, x.o.secret(rng.Intn(nrSecrets)), metav1.GetOptions{})
	case 2:
		_, _ = g.cs.CoreV1().ConfigMaps("demo").Get(ctx, "no-such-object", metav1.GetOptions{})
	case 3:
		_, _ = g.cs.CoreV1().Namespaces().Get(ctx, "demo", metav1.GetOptions{})
	case 4:
		_ = g.cs.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error()
	}
}

func (x *clientGo) list(ctx context.Context, rng *rand.Rand, g *goClient) {
	ctx = named(ctx, "list")
	switch rng.Intn(4) {
	case 0:
		_, _ = g.cs.CoreV1().ConfigMaps("demo").List(ctx, metav1.ListOptions{Limit: 10})
	case 1:
		_, _ = g.cs.CoreV1().Pods("demo").List(ctx, metav1.ListOptions{LabelSelector: "app in (web,db),tier!=x"})
	case 2:
		_, _ = g.cs.CoreV1().Secrets("demo").List(ctx, metav1.ListOptions{Limit: 50})
	case 3:
		_, _ = g.cs.RbacV1().ClusterRoles().List(ctx, metav1.ListOptions{Limit: 20})
	}
}

func (x *clientGo) lifecycle(ctx context.Context, rng *rand.Rand, g *goClient) {
	ctx = named(ctx, "lifecycle")
	api := g.cs.CoreV1().ConfigMaps("demo")
	obj := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: x.o.fresh(), Labels: map[string]string{"tap-seed": x.o.label()}},
		Data:       map[string]string{"text": filler(rng.Intn(3000))},
	}
	made, err := api.Create(ctx, obj, metav1.CreateOptions{})
	if err != nil {
		return
	}
	_, _ = api.Create(ctx, obj, metav1.CreateOptions{})
	made.Data["more"] = "1"
	_, _ = api.Update(ctx, made, metav1.UpdateOptions{})
	_, _ = api.Update(ctx, made, metav1.UpdateOptions{}) // a stale resourceVersion: 409
	_ = api.Delete(ctx, obj.Name, metav1.DeleteOptions{})
}

func (x *clientGo) patch(ctx context.Context, rng *rand.Rand, g *goClient) {
	ctx = named(ctx, "patch")
	api, name := g.cs.CoreV1().ConfigMaps("demo"), x.o.configMap(10+rng.Intn(10))
	value := fmt.Sprint(rng.Int31())
	switch rng.Intn(3) {
	case 0:
		_, _ = api.Patch(ctx, name, types.MergePatchType, []byte(`{"data":{"v":"`+value+`"}}`), metav1.PatchOptions{})
	case 1:
		_, _ = api.Patch(ctx, name, types.StrategicMergePatchType, []byte(`{"data":{"v":"`+value+`"}}`), metav1.PatchOptions{})
	case 2:
		_, _ = api.Patch(ctx, name, types.JSONPatchType, []byte(`[{"op":"add","path":"/data/j","value":"`+value+`"}]`), metav1.PatchOptions{})
	}
}

func (x *clientGo) review(ctx context.Context, rng *rand.Rand, g *goClient) {
	ctx = named(ctx, "review")
	switch rng.Intn(3) {
	case 0:
		_, _ = g.cs.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "list", Resource: "secrets", Namespace: "demo"}},
		}, metav1.CreateOptions{})
	case 1:
		_, _ = g.cs.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	case 2:
		_, _ = g.cs.CoreV1().ServiceAccounts("demo").CreateToken(ctx, "builder", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	}
}

func (x *clientGo) lease(ctx context.Context, _ *rand.Rand, g *goClient) {
	ctx = named(ctx, "lease")
	api := g.cs.CoordinationV1().Leases("demo")
	who := "tap"
	l, err := api.Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: x.o.fresh(), Labels: map[string]string{"tap-seed": x.o.label()}},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &who},
	}, metav1.CreateOptions{})
	if err != nil {
		return
	}
	now := metav1.NowMicro()
	l.Spec.RenewTime = &now
	_, _ = api.Update(ctx, l, metav1.UpdateOptions{})
	_ = api.Delete(ctx, l.Name, metav1.DeleteOptions{})
}

func (x *clientGo) bigList(ctx context.Context, rng *rand.Rand, g *goClient) {
	if rng.Intn(4) > 0 {
		x.read(ctx, rng, g)
		return
	}
	ctx = named(ctx, "big-list")
	_, _ = g.cs.CoreV1().Secrets("demo").List(ctx, metav1.ListOptions{})
}
