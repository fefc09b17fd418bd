// SPDX-License-Identifier: Apache-2.0

package main

// 429 by API priority and fairness, without load: a priority level with no seats of its own and no
// queue still runs one request at a time, so one request that never finishes its body takes it, and
// all others of that level are refused. The holder is renewed before the 34 s are over that the server
// gives a create (apiserver pkg/endpoints/handlers, requestTimeoutUpperBound).

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	flowv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	holderUser  = "tap-holder"
	holderRenew = 25 * time.Second
)

type throttle struct {
	h     *httpClient
	cred  *Cred // bob, for probing
	who   *Cred // carol as the holder
	admin kubernetes.Interface
	o     *objects

	mu     sync.RWMutex // held for reading by requests that must see 429
	body   *io.PipeWriter
	done   chan struct{}
	quit   chan struct{}
	closed sync.WaitGroup
}

// hold keeps the throttle from being renewed until the returned function is called.
func (t *throttle) hold() func() {
	t.mu.RLock()
	return t.mu.RUnlock
}

func startThrottle(ctx context.Context, h *httpClient, creds *Creds, admin kubernetes.Interface, o *objects) (*throttle, error) {
	carol := creds.get("token-carol")
	who := *carol
	who.Name, who.Impersonate = "impersonate-holder", holderUser
	who.Header = carol.Header.Clone()
	who.Header.Set("Impersonate-User", holderUser)
	t := &throttle{h: h, cred: creds.get("token-bob"), who: &who, admin: admin, o: o, quit: make(chan struct{})}

	zero, reject := int32(0), flowv1.LimitResponse{Type: flowv1.LimitResponseTypeReject}
	level := &flowv1.PriorityLevelConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: o.label()},
		Spec: flowv1.PriorityLevelConfigurationSpec{
			Type: flowv1.PriorityLevelEnablementLimited,
			Limited: &flowv1.LimitedPriorityLevelConfiguration{
				NominalConcurrencyShares: &zero, LendablePercent: &zero, BorrowingLimitPercent: &zero, LimitResponse: reject,
			},
		},
	}
	if _, err := admin.FlowcontrolV1().PriorityLevelConfigurations().Create(ctx, level, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("priority level for 429: %w", err)
	}
	group := func(name string) flowv1.Subject {
		return flowv1.Subject{Kind: flowv1.SubjectKindGroup, Group: &flowv1.GroupSubject{Name: name}}
	}
	schema := &flowv1.FlowSchema{
		ObjectMeta: metav1.ObjectMeta{Name: o.label()},
		Spec: flowv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowv1.PriorityLevelConfigurationReference{Name: o.label()},
			MatchingPrecedence:         50,
			Rules: []flowv1.PolicyRulesWithSubjects{{
				Subjects: []flowv1.Subject{group("system:authenticated"), group("system:unauthenticated")},
				NonResourceRules: []flowv1.NonResourcePolicyRule{
					{Verbs: []string{"*"}, NonResourceURLs: []string{o.throttledPath() + "/*"}},
				},
			}, {
				Subjects: []flowv1.Subject{{Kind: flowv1.SubjectKindUser, User: &flowv1.UserSubject{Name: holderUser}}},
				ResourceRules: []flowv1.ResourcePolicyRule{
					{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}, ClusterScope: true, Namespaces: []string{"*"}},
				},
			}},
		},
	}
	if _, err := admin.FlowcontrolV1().FlowSchemas().Create(ctx, schema, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("flow schema for 429: %w", err)
	}
	t.mu.Lock()
	err := t.take(ctx)
	t.mu.Unlock()
	if err != nil {
		return nil, err
	}
	t.closed.Add(1)
	go func() {
		defer t.closed.Done()
		tick := time.NewTicker(holderRenew)
		defer tick.Stop()
		for {
			select {
			case <-t.quit:
				return
			case <-tick.C:
			}
			t.mu.Lock()
			t.release()
			if err := t.take(ctx); err != nil && ctx.Err() == nil {
				t.h.rec.fail("%v", err)
			}
			t.mu.Unlock()
		}
	}()
	return t, nil
}

// take sends holders, and probes, until one is refused: then another holds the only seat.
func (t *throttle) take(ctx context.Context) error {
	for try := 0; try < 100 && ctx.Err() == nil; try++ {
		r, w := io.Pipe()
		t.body, t.done = w, make(chan struct{})
		go func(done chan struct{}) {
			defer close(done)
			nt := &note{label: "seat-holder", cred: t.who, want: []int{http.StatusCreated, http.StatusTooManyRequests}}
			_, _ = t.h.do(ctx, nt, false, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
				http.Header{"Content-Type": {ctJSON}}, r)
			_ = r.Close()
		}(t.done)
		// The write fails if the holder is refused at once; the probe below tells.
		_, _ = io.WriteString(w, `{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1",`)
		for probe := 0; probe < 10; probe++ {
			nt := &note{label: "throttle-probe", cred: t.cred, want: []int{403, http.StatusTooManyRequests}}
			status, err := t.h.do(ctx, nt, false, "GET", t.o.throttledPath()+"/probe", nil, nil)
			if err != nil {
				return err
			}
			if status == http.StatusTooManyRequests {
				return nil
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.release()
	}
	return fmt.Errorf("no 429 from the server: its flow schema never took effect")
}

// release finishes the holder's body and waits for its answer.
func (t *throttle) release() {
	if t.body == nil {
		return
	}
	// A holder that was itself refused no longer reads; its answer is recorded either way.
	_, _ = io.WriteString(t.body, `"spec":{"nonResourceAttributes":{"path":"/","verb":"get"}}}`)
	_ = t.body.Close()
	<-t.done
	t.body = nil
}

// close gives the seat back and removes what was made.
func (t *throttle) close(ctx context.Context) {
	close(t.quit)
	t.closed.Wait()
	t.release()
	if err := t.admin.FlowcontrolV1().FlowSchemas().Delete(ctx, t.o.label(), metav1.DeleteOptions{}); err != nil {
		t.h.rec.fail("%v", err)
	}
	if err := t.admin.FlowcontrolV1().PriorityLevelConfigurations().Delete(ctx, t.o.label(), metav1.DeleteOptions{}); err != nil {
		t.h.rec.fail("%v", err)
	}
}
