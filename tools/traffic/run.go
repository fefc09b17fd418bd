// SPDX-License-Identifier: Apache-2.0

package main

// The mixed load: first every job of every family once, in random order, then jobs at random until
// enough requests are told. Families run side by side on the same workers.

import (
	"context"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// cleanupTime bounds what is done after the load, also when that was interrupted.
const cleanupTime = 30 * time.Second

// weighted is a job for the random part: of a thousand requests it makes about share, and perJob of
// them each time.
type weighted struct {
	share, perJob int
	run           job
	chances       int
}

func cmdRun(ctx context.Context, args []string) error {
	var o options
	var requests, clients int
	cl, err := o.parse("run", args, func(fs *flag.FlagSet) {
		fs.IntVar(&requests, "requests", 20000, "make at least this many requests")
		fs.IntVar(&clients, "clients", 16, "jobs at a time; some make several requests at a time")
	})
	if err != nil {
		return err
	}
	if requests < 1 || clients < 1 {
		fmt.Fprintln(os.Stderr, "traffic run: --requests and --clients must be positive")
		return errUsage
	}
	ctx, stop := context.WithTimeout(ctx, o.timeout)
	defer stop()
	creds, err := loadCreds(cl)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "traffic-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	rec, err := newRecorder("run", &o)
	if err != nil {
		return err
	}
	go rec.progress(ctx, requests)
	if err := mixed(ctx, cl, rec, creds, &objects{seed: o.seed}, tmp, requests, clients); err != nil {
		rec.fail("%v", err)
	}
	if err := ctx.Err(); err != nil {
		rec.fail("stopped: %v", err)
	}
	return rec.close()
}

func mixed(ctx context.Context, cl *Cluster, rec *Recorder, creds *Creds, o *objects, tmp string, requests, clients int) error {
	cg, err := newClientGo(cl, rec, creds, o)
	if err != nil {
		return err
	}
	if err := cg.setup(ctx); err != nil {
		return err
	}
	defer func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
		defer stop()
		cg.cleanup(ctx)
	}()
	h := newHTTPClient(cl, rec)
	defer h.close()
	th, err := startThrottle(ctx, h, creds, cg.admin.cs, o)
	if err != nil {
		return err
	}
	defer func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
		defer stop()
		th.close(ctx)
	}()
	nh := newNetHTTP(h, creds, o, th)
	cu, err := newCurl(ctx, cl, rec, creds, o, th, tmp)
	if err != nil {
		return err
	}
	kc, err := newKubectl(cl, rec, creds, o, tmp)
	if err != nil {
		return err
	}
	ws := &webSocket{cl: cl, rec: rec, creds: creds}

	rng := rand.New(rand.NewSource(o.seed))
	var jobs []job
	for _, more := range [][]job{nh.matrix(), nh.special(), cu.jobs(), kc.jobs(), cg.jobs(), ws.jobs()} {
		jobs = append(jobs, more...)
	}
	rng.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })

	var next atomic.Int64
	var wg sync.WaitGroup
	for i := 0; i < clients; i++ {
		rng := rand.New(rand.NewSource(o.seed + int64(i) + 1))
		choose := chooser([]weighted{
			{share: 500, perJob: 12, run: cg.random},
			{share: 360, perJob: 1, run: nh.random},
			{share: 120, perJob: 6, run: cu.random},
			{share: 10, perJob: 3, run: kc.random},
			{share: 10, perJob: 1, run: ws.random},
		})
		wg.Add(1)
		go func() {
			defer wg.Done()
			for ctx.Err() == nil && rec.done.Load() < int64(requests) && !rec.hopeless() {
				if n := next.Add(1) - 1; n < int64(len(jobs)) {
					jobs[n](ctx, rng)
				} else {
					choose(rng)(ctx, rng)
				}
			}
		}()
	}
	wg.Wait()
	return nil
}

// chooser picks jobs so that requests come in the given shares.
func chooser(all []weighted) func(rng *rand.Rand) job {
	total := 0
	for i := range all {
		all[i].chances = all[i].share * 100 / all[i].perJob
		total += all[i].chances
	}
	return func(rng *rand.Rand) job {
		n := rng.Intn(total)
		for _, w := range all {
			if n -= w.chances; n < 0 {
				return w.run
			}
		}
		return all[0].run
	}
}
