// SPDX-License-Identifier: Apache-2.0

package main

// One truth line per request, written when the request is finished, from any goroutine. The number
// n is given when the request begins, because the marker in its URI carries it.

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// CredTruth is what a request carried and what the server made of it (SCHEMA: credential).
type CredTruth struct {
	Kind      string   `json:"kind"`
	Outcome   string   `json:"outcome"`
	Also      []string `json:"also,omitempty"`
	TokenType string   `json:"tokenType,omitempty"`
	Subject   string   `json:"subject,omitempty"`
}

// Truth is one request. Status 0 means that the client saw no answer.
//
// Loose marks input that is malformed, oversized or cut: a sensor may leave it out, or tell it with
// doubts and unknown fields, but what it tells must be right. Aborted marks a whole request whose
// answer the client did not wait for.
type Truth struct {
	N               int64     `json:"n"`
	Client          string    `json:"client"`
	Case            string    `json:"case,omitempty"`
	Protocol        string    `json:"protocol"`
	Method          string    `json:"method"`
	RequestURI      string    `json:"requestURI"`
	UserAgent       string    `json:"userAgent"`
	Status          int       `json:"status"`
	AuditID         string    `json:"auditID"`
	ClientAddr      string    `json:"clientAddr,omitempty"`
	Connection      string    `json:"connection,omitempty"`
	Credential      CredTruth `json:"credential"`
	ImpersonateUser string    `json:"impersonateUser,omitempty"`
	RequestBytes    *int64    `json:"requestBytes,omitempty"`
	ResponseBytes   *int64    `json:"responseBytes,omitempty"`
	HasAuditEvent   bool      `json:"hasAuditEvent"`
	Upgraded        bool      `json:"upgraded"`
	Loose           bool      `json:"loose,omitempty"`
	Aborted         bool      `json:"aborted,omitempty"`
	AuditURI        string    `json:"auditURI,omitempty"`    // where the audit event spells it otherwise
	AuditStatus     int       `json:"auditStatus,omitempty"` // -1: the audit event's code is not tied to the wire's
}

func bytesOf(n int64) *int64 { return &n }

// Recorder collects truths. The zero file name drops them but still counts.
type Recorder struct {
	prefix string
	next   atomic.Int64
	done   atomic.Int64
	muted  atomic.Bool // nothing is written or counted: what happens now is not part of the truth

	mu       sync.Mutex
	out      *bufio.Writer
	file     io.Closer
	counts   map[string]map[string]int
	failures []string
	nrFailed int
	started  time.Time
}

const (
	failuresKept = 20  // bounds what the summary prints and what memory holds
	failuresMax  = 200 // ends a load
)

func newRecorder(command string, o *options) (*Recorder, error) {
	r := &Recorder{
		prefix:  fmt.Sprintf("%s-%d", command, o.seed),
		counts:  map[string]map[string]int{},
		started: time.Now(),
	}
	switch o.truth {
	case "":
	case "-":
		r.out = bufio.NewWriter(os.Stdout)
	default:
		f, err := os.Create(o.truth)
		if err != nil {
			return nil, err
		}
		r.file = f
		r.out = bufio.NewWriterSize(f, 1<<16)
	}
	return r, nil
}

func (r *Recorder) begin() int64 { return r.next.Add(1) }

// mark adds the marker of request n to a URI.
func (r *Recorder) mark(uri string, n int64) string {
	sep := "?"
	if strings.Contains(uri, "?") {
		sep = "&"
	}
	return fmt.Sprintf("%s%stap=%s-%d", uri, sep, r.prefix, n)
}

// end writes a finished truth.
func (r *Recorder) end(t *Truth) {
	if r.muted.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done.Add(1)
	r.count("client", t.Client+" "+t.Protocol)
	r.count("credential", t.Credential.Kind+" "+t.Credential.Outcome)
	r.count("status", fmt.Sprint(t.Status))
	if r.out == nil {
		return
	}
	line, err := json.Marshal(t)
	if err != nil {
		r.failLocked("truth %d: %v", t.N, err)
		return
	}
	if _, err := r.out.Write(append(line, '\n')); err != nil {
		r.failLocked("truth file: %v", err)
	}
}

func (r *Recorder) count(table, key string) {
	m := r.counts[table]
	if m == nil {
		m = map[string]int{}
		r.counts[table] = m
	}
	m[key]++
}

// fail notes that the generator itself did not get what it set out to get.
func (r *Recorder) fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failLocked(format, args...)
}

func (r *Recorder) failLocked(format string, args ...any) {
	r.nrFailed++
	if len(r.failures) < failuresKept {
		r.failures = append(r.failures, queryToken.ReplaceAllString(fmt.Sprintf(format, args...), "access_token=REDACTED"))
	}
}

var queryToken = regexp.MustCompile(`access_token=[^&\s"]*`)

// hopeless says that going on would only add to the failures: the server may be gone.
func (r *Recorder) hopeless() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.nrFailed >= failuresMax
}

// expect notes an answer that is not among those the case allows.
func (r *Recorder) expect(t *Truth, want ...int) {
	for _, w := range want {
		if t.Status == w {
			return
		}
	}
	r.fail("%s %s (%s, %s, %s): answer %d, expected one of %v",
		t.Method, t.RequestURI, t.Client, t.Case, t.Credential.Kind, t.Status, want)
}

func (r *Recorder) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out != nil {
		if err := r.out.Flush(); err != nil {
			r.failLocked("truth file: %v", err)
		}
	}
}

// close flushes, prints the summary and says whether the generator failed.
func (r *Recorder) close() error {
	r.flush()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != nil {
		if err := r.file.Close(); err != nil {
			r.failLocked("truth file: %v", err)
		}
	}
	took := time.Since(r.started).Seconds()
	fmt.Fprintf(os.Stderr, "%d requests in %.1f s (%.0f/s)\n", r.done.Load(), took, float64(r.done.Load())/took)
	for _, table := range []string{"client", "credential", "status"} {
		keys := make([]string, 0, len(r.counts[table]))
		for k := range r.counts[table] {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			fmt.Fprintf(os.Stderr, "  %-10s %-28s %d\n", table, k, r.counts[table][k])
		}
	}
	for _, f := range r.failures {
		fmt.Fprintln(os.Stderr, "failed:", f)
	}
	if r.nrFailed > 0 {
		return fmt.Errorf("%d failures of the generator itself (the first %d are above)", r.nrFailed, len(r.failures))
	}
	return nil
}

// progress reports on stderr until ctx ends: a moving line on a terminal, else a line every 5 s.
// A total of 0 is not known beforehand.
func (r *Recorder) progress(ctx context.Context, total int) {
	of := ""
	if total > 0 {
		of = fmt.Sprintf(" of %d", total)
	}
	every, end := 5*time.Second, "\n"
	if st, err := os.Stderr.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
		every, end = 500*time.Millisecond, "\r"
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			fmt.Fprintf(os.Stderr, "%d%s requests, %.0f s%s", r.done.Load(), of, time.Since(r.started).Seconds(), end)
		}
	}
}
