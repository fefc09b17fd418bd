// SPDX-License-Identifier: Apache-2.0

package main

// Connections that were busy long before anybody looked: their HPACK tables hold the credential,
// so what follows on them bears only its index. Only what comes after "ready" and a line on stdin
// gets a truth.

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// lateAccounts is how many service accounts share the connections, beside the static tokens.
const lateAccounts = 10

func cmdLate(ctx context.Context, args []string) error {
	var o options
	var connections, before, after int
	cl, err := o.parse("late", args, func(fs *flag.FlagSet) {
		fs.IntVar(&connections, "connections", 50, "connections to open, each with a token of its own")
		fs.IntVar(&before, "before", 100, "requests on each before \"ready\"")
		fs.IntVar(&after, "after", 5, "requests on each after a line on stdin")
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
	rec, err := newRecorder("late", &o)
	if err != nil {
		return err
	}
	obj := &objects{seed: o.seed}
	rec.muted.Store(true)
	x, err := newLate(ctx, cl, rec, creds, obj, connections)
	if err != nil {
		return err
	}
	x.each(func(c *lateConn) {
		for i := 0; i < before && ctx.Err() == nil; i++ {
			c.step(ctx, obj, i)
		}
	})
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		rec.fail("stdin ended before a line came")
	}
	rec.muted.Store(false)
	x.each(func(c *lateConn) {
		for i := 0; i < after && ctx.Err() == nil; i++ {
			c.step(ctx, obj, i)
		}
	})
	for i, c := range x.conns {
		if n := c.g.dials.Load(); n != 1 {
			rec.fail("connection %d (%s) was dialled %d times", i, c.g.cred.Name, n)
		}
	}
	x.cleanup(ctx)
	if err := ctx.Err(); err != nil {
		rec.fail("stopped: %v", err)
	}
	return rec.close()
}

type lateConn struct {
	n int
	g *goClient
}

type late struct {
	cl    *Cluster
	rec   *Recorder
	creds *Creds
	o     *objects
	conns []*lateConn
}

func (x *late) each(do func(c *lateConn)) {
	var wg sync.WaitGroup
	for _, c := range x.conns {
		wg.Add(1)
		go func() {
			defer wg.Done()
			do(c)
		}()
	}
	wg.Wait()
}

// newLate makes service accounts and tokens, and a client for each token.
func newLate(ctx context.Context, cl *Cluster, rec *Recorder, creds *Creds, o *objects, connections int) (*late, error) {
	admin, err := newGoClient(cl, rec, creds.get("cert-admin"), note{label: "late-setup"}, false, false)
	if err != nil {
		return nil, err
	}
	defer admin.close()
	x := &late{cl: cl, rec: rec, creds: creds, o: o}
	accounts := []string{"builder"}
	for i := 1; i < lateAccounts; i++ {
		sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("%s-a%d", o.label(), i), Labels: map[string]string{"tap-seed": o.label()}}}
		if _, err := admin.cs.CoreV1().ServiceAccounts("demo").Create(ctx, sa, metav1.CreateOptions{}); err != nil {
			return nil, fmt.Errorf("service account: %w", err)
		}
		accounts = append(accounts, sa.Name)
	}
	known := []*Cred{creds.get("token-bob"), creds.get("token-carol"), creds.get("bootstrap"), creds.get("token-admin")}
	for i := 0; i < connections; i++ {
		var cred *Cred
		if i%10 == 9 && i/10 < len(known) {
			cred = known[i/10]
		} else {
			hour := int64(3600)
			tr, err := admin.cs.CoreV1().ServiceAccounts("demo").CreateToken(ctx, accounts[i%len(accounts)],
				&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour}}, metav1.CreateOptions{})
			if err != nil {
				return nil, fmt.Errorf("token of %s: %w", accounts[i%len(accounts)], err)
			}
			cred = bearerCred(fmt.Sprintf("late-%d", i), tr.Status.Token, "service-account", fateAccepted)
		}
		g, err := newGoClient(cl, rec, cred, note{label: "late", connection: true}, i%3 == 1, i%3 == 2)
		if err != nil {
			return nil, err
		}
		x.conns = append(x.conns, &lateConn{n: i, g: g})
	}
	return x, nil
}

// step makes request i of a connection. Connections begin at different kinds, so that the first
// after the pause is not the same everywhere.
func (c *lateConn) step(ctx context.Context, o *objects, i int) {
	ctx = withNote(ctx, &note{label: fmt.Sprintf("late-%d", i), connection: true})
	core := c.g.cs.CoreV1()
	// An answer other than success is an answer; the recorder counts failures.
	switch (i + c.n) % 7 {
	case 0:
		_, _ = core.ConfigMaps("demo").Get(ctx, "public", metav1.GetOptions{})
	case 1:
		_, _ = core.ConfigMaps("demo").Get(ctx, "no-such-object", metav1.GetOptions{})
	case 2:
		_, _ = core.ConfigMaps("demo").List(ctx, metav1.ListOptions{Limit: 10})
	case 3:
		_, _ = c.g.cs.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "get", Resource: "pods", Namespace: "demo"}},
		}, metav1.CreateOptions{})
	case 4:
		_ = c.g.cs.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error()
	case 5:
		_, _ = core.Secrets("demo").List(ctx, metav1.ListOptions{})
	case 6:
		_ = core.ConfigMaps("demo").Delete(ctx, fmt.Sprintf("%s-none-%d-%d", o.label(), c.n, i), metav1.DeleteOptions{})
	}
}

// cleanup takes a connection of its own: of those before "ready", none but the tested are used again.
func (x *late) cleanup(ctx context.Context) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer stop()
	admin, err := newGoClient(x.cl, x.rec, x.creds.get("cert-admin"), note{label: "late-cleanup"}, false, false)
	if err != nil {
		x.rec.fail("cleanup: %v", err)
		return
	}
	defer admin.close()
	if err := admin.cs.CoreV1().ServiceAccounts("demo").DeleteCollection(ctx, metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: x.o.selector()}); err != nil {
		x.rec.fail("cleanup: %v", err)
	}
}
