// SPDX-License-Identifier: Apache-2.0

// Traffic makes requests to a kube-apiserver and writes down the truth about each: what was sent,
// by whom, with which credential, and what came back. A sensor is then judged against that truth
// (tools/traffic-check), so nothing here may depend on what a sensor says.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the flags that every subcommand shares.
type options struct {
	dir     string
	truth   string
	seed    int64
	timeout time.Duration
}

func (o *options) register(fs *flag.FlagSet) {
	fs.StringVar(&o.dir, "dir", "", "directory of the test cluster (made by tools/cluster)")
	fs.StringVar(&o.truth, "truth", "", "file for the truth, one JSON object a line (- for stdout)")
	fs.Int64Var(&o.seed, "seed", 0, "seed of the random choices and part of object names; 0 takes one from the clock")
	fs.DurationVar(&o.timeout, "timeout", 10*time.Minute, "give up after this time")
}

type command struct {
	name string
	args string
	help string
	run  func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"run", "--requests N [--clients K]", "mixed load of every kind of client, credential and answer", cmdRun},
		{"late", "--connections N --before N", "long-lived connections, told only after \"ready\" and a line on stdin", cmdLate},
		{"h1", "", "raw HTTP/1.1: split, pipelined, chunked, malformed", cmdH1},
		{"h2raw", "[--hostile]", "raw HTTP/2: CONTINUATION, padding, table sizes, resets", cmdH2Raw},
		{"short", "--connections N", "short TLS connections with one request each", cmdShort},
		{"idle", "--connections N", "connections kept open until stdin closes", cmdIdle},
		{"load", "--duration D --clients K | --list-mb N", "steady load for benches, or one big LIST", cmdLoad},
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: traffic COMMAND --dir CLUSTERDIR [--truth FILE] [--seed N] [options]")
	for _, c := range commands() {
		fmt.Fprintf(os.Stderr, "  %-6s %-42s %s\n", c.name, c.args, c.help)
	}
	fmt.Fprintln(os.Stderr, "traffic COMMAND -h lists the options of one command")
}

// errUsage is returned by a command that was misused and has already said so.
var errUsage = errors.New("misused")

func main() {
	if len(os.Args) < 2 || os.Args[1] == "-h" || os.Args[1] == "--help" || os.Args[1] == "help" {
		usage()
		if len(os.Args) < 2 {
			os.Exit(2)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	for _, c := range commands() {
		if c.name != os.Args[1] {
			continue
		}
		err := c.run(ctx, os.Args[2:])
		switch {
		case err == nil:
			return
		case errors.Is(err, flag.ErrHelp):
			return
		case errors.Is(err, errUsage):
			os.Exit(2)
		default:
			fmt.Fprintf(os.Stderr, "traffic %s: %v\n", c.name, err)
			os.Exit(1)
		}
	}
	fmt.Fprintf(os.Stderr, "traffic: no command %q\n", os.Args[1])
	usage()
	os.Exit(2)
}

// parse reads the flags of one command and opens the cluster.
func (o *options) parse(name string, args []string, more func(fs *flag.FlagSet)) (*Cluster, error) {
	fs := flag.NewFlagSet("traffic "+name, flag.ContinueOnError)
	o.register(fs)
	if more != nil {
		more(fs)
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, errUsage
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "traffic %s: unexpected argument %q\n", name, fs.Arg(0))
		return nil, errUsage
	}
	if o.dir == "" {
		fmt.Fprintf(os.Stderr, "traffic %s: --dir is missing: the directory that tools/cluster made\n", name)
		return nil, errUsage
	}
	if o.seed == 0 {
		o.seed = time.Now().UnixNano() % 1_000_000_000
	}
	return openCluster(o.dir)
}
