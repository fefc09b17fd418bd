# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What an end-to-end test sources. tests/e2e/run gives it WORK, its own directory and where it starts,
# ROOT, ANONTAP and ANONTAP_RELEASE. A whole test:
#
#	#!/usr/bin/env bash
#	# SPDX-License-Identifier: Apache-2.0
#	. "$(dirname "$0")/lib.sh"
#	shared_cluster
#	trace_start one --pid "$APISERVER_PID"
#	curl -s --cacert "$CA" "$SERVER/version" >/dev/null
#	trace_stop one
#	check_eq "a request without credential is told once" "$(jq -s length one.jsonl)" 1
#	check "no secret is told" no_canary one.jsonl one.err
#
# Processes are started with `start` and remembered as pid and start time; whatever still runs when
# the test ends, however it ends, is ended by that. Events are waited for with `within`, not slept for.
set -uo pipefail
: "${ROOT:?run it by tests/e2e/run}" "${WORK:?run it by tests/e2e/run}"
cluster=$ROOT/tools/cluster
export ANONTAP_STATE_DIR=$WORK/state # not the machine's

# ---- checks

skip() { echo "$*"; exit 77; }
bail() { echo "not ok $*"; exit 1; }

# check CLAIM COMMAND...: the claim holds if the command succeeds
check() {
	local claim=$1
	shift
	if "$@"; then echo "ok $claim"; else echo "not ok $claim"; fi
}

# check_eq CLAIM GOT WANT
check_eq() {
	if [[ $2 == "$3" ]]; then echo "ok $1"; else echo "not ok $1: is ${2:-nothing}, not ${3:-nothing}"; fi
}

# at_most GOT LIMIT, at_least GOT LIMIT: also of fractions; false unless GOT is a number
at_most() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a ~ /^[0-9.]+$/ && a + 0 <= b + 0) }'; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a ~ /^[0-9.]+$/ && a + 0 >= b + 0) }'; }

# within SECONDS COMMAND...: repeat until it succeeds, or time is up
within() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.05
	done
}

# ---- processes: NAME.pid, NAME.out, NAME.err in $WORK

start_time() {
	local stat
	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
	read -ra stat <<<"${stat##*) }"
	[[ ${stat[0]} != [ZX] ]] && echo "${stat[19]}"
}

# start NAME COMMAND...: in the background. The shell makes what it puts there ignore SIGINT, which
# is what `stop NAME INT` is to be heard as, hence env.
start() {
	local name=$1
	shift
	# 3: a test may hold a fifo open with it, whose end must not wait for this process
	env --default-signal=INT,QUIT "$@" </dev/null 3>&- >"$WORK/$name.out" 2>"$WORK/$name.err" &
	echo "$! $(start_time $!)" >"$WORK/$name.pid"
}

pid_of() { cut -d' ' -f1 "$WORK/$1.pid"; }
alive() {
	local pid started
	read -r pid started <"$WORK/$1.pid" && [[ -n $started && $(start_time "$pid") == "$started" ]]
}
ended() { ! alive "$1"; }

# finish NAME [SECONDS]: wait for its own end. Its exit code; 124 if it still runs.
finish() {
	local pid
	pid=$(pid_of "$1")
	within "${2:-60}" ended "$1" || return 124
	wait "$pid"
}

# stop NAME [SIGNAL [SECONDS]]: end it, SIGTERM. Its exit code; 124 if it had to be killed.
stop() {
	local pid rc=124
	pid=$(pid_of "$1")
	! alive "$1" || kill "-${2:-TERM}" "$pid"
	if within "${3:-20}" ended "$1"; then
		wait "$pid"
		rc=$?
	else
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
	fi
	rm -f "$WORK/$1.pid"
	return $rc
}

end_all() {
	local file name
	for file in "$WORK"/*.pid; do
		[[ -f $file ]] || continue
		name=${file##*/}
		stop "${name%.pid}" TERM 5
	done
	return 0
}
trap end_all EXIT
trap 'exit 143' TERM INT

# ---- the control plane: sets SERVER, CA, APISERVER_PID and the rest that tools/cluster lists

use_cluster() { # DIR
	set -a
	# shellcheck source=/dev/null
	. "$1/env"
	set +a
}

cluster_up() { # DIR [OPTION]...
	"$cluster" up --dir "$@" >"$WORK/up" 2>&1 && return
	cat "$WORK/up"
	bail "the control plane starts"
}

# The one that all tests of a run use: leave it as it was found, and running.
shared_cluster() {
	((EUID == 0)) || skip "needs root: BPF programs are loaded"
	if [[ ! -f $E2E_SHARED/env ]] || ! "$cluster" status --dir "$E2E_SHARED" >/dev/null 2>&1; then
		[[ ! -d $E2E_SHARED/pki ]] || "$cluster" down --dir "$E2E_SHARED"
		rm -rf "$E2E_SHARED"
		cluster_up "$E2E_SHARED"
	fi
	use_cluster "$E2E_SHARED"
}

# One for this test alone, in $WORK/cluster; takes the options of `tools/cluster up`.
own_cluster() {
	((EUID == 0)) || skip "needs root: BPF programs are loaded"
	cluster_up "$WORK/cluster" "$@"
	use_cluster "$WORK/cluster"
}

# traffic COMMAND [OPTION]...: the generator, on the cluster in use. Built when first wanted.
traffic() {
	local command=$1
	shift
	"$(traffic_program)" "$command" --dir "$CLUSTER_DIR" "$@"
}

traffic_program() { "$ROOT/tools/traffic-build"; }

# ---- anontap

# trace_start NAME [OPTION]...: `anontap trace -o json` to NAME.jsonl, NAME.err; returns when it traces
trace_start() {
	local name=$1
	shift
	start "$name" "$ANONTAP" trace -o json "$@"
	ln -sf "$name.out" "$WORK/$name.jsonl"
	within "${TRACE_SECONDS:-20}" trace_is_ready "$name" && alive "$name" && return
	cat "$WORK/$name.err"
	bail "anontap trace starts"
}

trace_is_ready() { ended "$1" || grep -q tracing "$WORK/$1.err"; }

# trace_stop NAME: as Ctrl-C does. Its exit code.
trace_stop() { stop "$1" INT; }

# ---- secrets

# Every string that must not be told: tokens, signatures of JWTs, keys, passwords, and the lines of
# $WORK/canaries, to which a test adds its own.
canaries() {
	local token
	for token in "$CLUSTER_DIR"/tokens/*.token; do
		cat "$token"
		echo
		[[ $(<"$token") != *.*.* ]] || cut -d. -f3 "$token"
	done
	cut -d, -f1 "$CLUSTER_DIR/tokens/static.csv"
	cat "$CLUSTER_DIR"/pki/*.key | grep -v -- '-----'
	echo demo-db-password
	[[ ! -f $WORK/canaries ]] || cat "$WORK/canaries"
}

# no_canary FILE...: none of them is in any of the files; says which file holds one, not which.
no_canary() {
	local found file
	for file; do [[ -r $file ]] || { echo "cannot read $file"; return 1; }; done
	found=$(grep -l -a -F -f <(canaries | awk 'length >= 8') -- "$@") && echo "a secret is in: $found"
	[[ -z $found ]]
}

# ---- what the generator knows against what was told

# check_truth NAME TRUTH [OPTION]...: every line of TRUTH against NAME.jsonl, by tools/traffic-check
check_truth() {
	local name=$1 truth=$2
	shift 2
	canaries | awk 'length >= 8' >"$WORK/canary-list"
	if python3 "$ROOT/tools/traffic-check" --truth "$truth" --exchanges "$WORK/$name.jsonl" --canary "$WORK/canary-list" \
		"$@" >"$WORK/$name.check" 2>&1; then
		echo "ok $(wc -l <"$truth") requests are told exactly once, as they were ($name)"
	else
		cat "$WORK/$name.check"
		echo "not ok every request is told exactly once, as it was ($name)"
	fi
	tail -n 1 "$WORK/$name.check"
}

# summary NAME FILTER: of the Summary line, by jq
summary() { jq -r "select(.kind == \"Summary\") | $2" "$WORK/$1.jsonl"; }

no_loss() { # NAME
	[[ $(summary "$1" '[.lost[]] | add') == 0 ]] || { summary "$1" .lost; return 1; }
}
