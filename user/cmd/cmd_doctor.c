/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: doctor does what trace would do, step by step, and tells each step's outcome instead of
 * stopping at the first that fails.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/live.h"

#define TRACEFS_MAGIC_NUMBER 0x74726163
#define INIT_PID_NAMESPACE "pid:[4026531836]"	/* PROC_PID_INIT_INO of the kernel */

enum status { STATUS_OK, STATUS_NOTE, STATUS_WARN, STATUS_FAIL };

struct doctor {
	uint32_t pids[LIVE_PIDS_MAX];
	size_t nr_pids;
	const char *names[LIVE_NAMES_MAX];
	size_t nr_names;
	bool is_json;
	bool is_tty;
	unsigned nr_failed, nr_processes, nr_visible;
};

__attribute__((format(printf, 4, 5))) static void tell(struct doctor *d, enum status status, const char *what,
						       const char *fmt, ...)
{
	static const char *const words[] = { "ok", "note", "warn", "fail" };
	static const char *const colours[] = { "\033[32m", "", "\033[33m", "\033[31;1m" };
	struct buf line = { .max = 8192 };
	char text[1024];
	struct json j;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut when too long */
	va_end(ap);
	d->nr_failed += status == STATUS_FAIL;
	if (d->is_json) {
		json_init(&j, &line);
		json_open(&j, '{');
		json_put_z(&j, "kind", "Check");
		json_put_z(&j, "apiVersion", "anontap.io/v1");
		json_put_z(&j, "name", what);
		json_put_z(&j, "status", words[status]);
		json_put_z(&j, "detail", text);
		json_close(&j, '}');
		printf("%.*s\n", STR_ARG(buf_str(&line)));
	} else {
		printf("%s%-5s%s %-16s %s\n", d->is_tty ? colours[status] : "", words[status], d->is_tty ? "\033[0m" : "", what,
		       text);
	}
	buf_done(&line);
}

static void look_at_kernel(struct doctor *d)
{
	struct utsname u;
	struct statfs fs;
	char ns[64] = "";

	if (!uname(&u))
		tell(d, STATUS_NOTE, "kernel", "%s %s", u.release, u.machine);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		tell(d, STATUS_FAIL, "BTF", "/sys/kernel/btf/vmlinux cannot be read (%s): the kernel must be built with "
		     "CONFIG_DEBUG_INFO_BTF", strerror(errno));
	else
		tell(d, STATUS_OK, "BTF", "/sys/kernel/btf/vmlinux");
	if (statfs("/sys/kernel/tracing", &fs) || fs.f_type != TRACEFS_MAGIC_NUMBER)
		tell(d, STATUS_OK, "tracefs", "not mounted, and not needed");
	else
		tell(d, STATUS_OK, "tracefs", "mounted; not needed");
	if (readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1) < 0 || strcmp(ns, INIT_PID_NAMESPACE))
		tell(d, STATUS_FAIL, "pid namespace", "anontap runs in a pid namespace of its own (%s): the kernel's pids are "
		     "others; run it with the host's (hostPID: true)", ns);
	else
		tell(d, STATUS_OK, "pid namespace", "the host's");
	if (geteuid())
		tell(d, STATUS_NOTE, "user", "uid %u, not root: capabilities decide", geteuid());
	else
		tell(d, STATUS_OK, "user", "root");
}

static void look_at_bpf(struct doctor *d)
{
	struct probes_options options = { 0 };
	struct probes *probes = NULL;
	struct err err = { "" };

	if (probes_new(&options, &probes, &err)) {
		tell(d, STATUS_FAIL, "BPF programs", "%s", err.text);
		return;
	}
	tell(d, STATUS_OK, "BPF programs", "load and pass the kernel's verifier");
	if (probes_has_multi(probes))
		tell(d, STATUS_OK, "probe links", "uprobe_multi: one link for all sites of a program");
	else
		tell(d, STATUS_NOTE, "probe links", "no uprobe_multi in this kernel (Linux 6.6): a perf event each; detaching is slower");
	if (probes_watch_processes(probes))
		tell(d, STATUS_NOTE, "process watch", "raw tracepoints cannot be used: new processes are found by a look every second");
	else
		tell(d, STATUS_OK, "process watch", "raw tracepoints: new processes are picked up at once");
	probes_free(probes);
}

/* A command line flag as text; `missing` when it is not given. */
static const char *flag_of(uint32_t pid, const char *flag, struct buf *out, const char *missing)
{
	buf_reset(out);
	if (target_flag(pid, flag, out) || buf_add_c(out, '\0'))
		return missing;
	for (size_t i = 0; i + 1 < out->n; i++)
		if ((unsigned char)out->p[i] < 0x20 || out->p[i] == 0x7f)
			out->p[i] = '?'; /* the process chose these bytes: none may reach the terminal */
	return out->p;
}

static void look_at_flags(struct doctor *d, const struct target *t)
{
	struct buf a = { .max = 4096 }, b = { .max = 4096 }, c = { .max = 4096 };
	const char *config = flag_of(t->pid, "--authentication-config", &a, "");
	const char *anonymous = flag_of(t->pid, "--anonymous-auth", &b, *config ? "as the authentication config says" : "true (the default)");

	tell(d, !strcmp(anonymous, "false") ? STATUS_OK : STATUS_NOTE, "  anonymous", "--anonymous-auth: %s%s%s", anonymous,
	     *config ? "; --authentication-config " : "", config);
	if (!*flag_of(t->pid, "--audit-policy-file", &a, ""))
		tell(d, STATUS_WARN, "  audit", "no --audit-policy-file: this server audits nothing, though it returns Audit-Ids");
	else
		tell(d, STATUS_OK, "  audit", "policy %s; log %s; webhook %s", a.p, flag_of(t->pid, "--audit-log-path", &b, "none"),
		     flag_of(t->pid, "--audit-webhook-config-file", &c, "none"));
	buf_done(&a);
	buf_done(&b);
	buf_done(&c);
}

static int look_at_process(const struct target *t, void *ctx)
{
	struct doctor *d = ctx;
	char exe[TARGET_PROC_MAX];
	struct goabi abi;
	struct err err = { "" };
	int r;

	d->nr_processes++;
	target_exe_path(t->pid, exe);
	r = goabi_read(exe, &abi, &err);
	if (!r)
		r = probes_check((pid_t)t->pid, &abi, &err);
	if (r) {
		tell(d, STATUS_FAIL, "process", "%s (pid %u) cannot be traced: %s", t->name, t->pid, err.text);
		return 0;
	}
	d->nr_visible++;
	tell(d, STATUS_OK, "process", "%s (pid %u), %s %s%s, %u functions%s", t->name, t->pid, abi.go_version, abi.machine,
	     abi.is_pie ? " PIE" : "", abi.nr_functions, t->is_deleted ? "; its file was replaced since it started" : "");
	tell(d, STATUS_OK, "  probes", "%zu sites: TLS reads and writes at their call sites", abi.nr_sites);
	tell(d, abi.sees_h2[TAP_STACK_XNET] || abi.sees_h2[TAP_STACK_BUNDLED] ? STATUS_OK : STATUS_WARN, "  HTTP/2",
	     "golang.org/x/net/http2: %s; net/http's own: %s",
	     abi.sees_h2[TAP_STACK_XNET] ? "visible" : abi.h2_reason[TAP_STACK_XNET],
	     abi.sees_h2[TAP_STACK_BUNDLED] ? "visible" : abi.h2_reason[TAP_STACK_BUNDLED]);
	tell(d, abi.sees_h1 ? STATUS_OK : STATUS_WARN, "  HTTP/1.1", "%s", abi.sees_h1 ? "visible" : abi.h1_reason);
	look_at_flags(d, t);
	return 0;
}

static enum exit_code run_doctor(void *config)
{
	struct doctor *d = config;
	struct err err = { "" };

	d->is_tty = !d->is_json && isatty(STDOUT_FILENO);
	if (!d->nr_names && !d->nr_pids)
		d->names[d->nr_names++] = "kube-apiserver";
	look_at_kernel(d);
	look_at_bpf(d);
	for (size_t i = 0; i < d->nr_pids; i++) {
		struct target t;

		if (target_of_pid(d->pids[i], &t, &err))
			tell(d, STATUS_FAIL, "process", "%s", err.text);
		else
			(void)look_at_process(&t, d); /* always 0 */
	}
	if (d->nr_names && target_scan(d->names, d->nr_names, look_at_process, d, &err))
		tell(d, STATUS_WARN, "processes", "%s", err.text);
	if (!d->nr_processes && d->nr_names)
		tell(d, STATUS_WARN, "process", "no %s runs here; anontap trace would trace every process of that name, in "
		     "containers too", d->names[0]);
	return d->nr_failed ? EXIT_FAILED : EXIT_CLEAN;
}

static int set_pid(void *config, struct str value, struct err *err)
{
	struct doctor *d = config;
	uint64_t pid;

	if (str_u64(value, UINT32_MAX, &pid) || !pid)
		return err_set(err, -EINVAL, "\"%.*s\" is not a process id", STR_ARG(value));
	if (d->nr_pids == LIVE_PIDS_MAX)
		return err_set(err, -E2BIG, "more than %d processes", LIVE_PIDS_MAX);
	d->pids[d->nr_pids++] = (uint32_t)pid;
	return 0;
}

static int set_target(void *config, struct str value, struct err *err)
{
	struct doctor *d = config;

	if (d->nr_names == LIVE_NAMES_MAX)
		return err_set(err, -E2BIG, "more than %d names", LIVE_NAMES_MAX);
	d->names[d->nr_names++] = value.p; /* of argv: it lives as long as we do */
	return 0;
}

static int set_output(void *config, struct str value, struct err *err)
{
	((struct doctor *)config)->is_json = str_eq(value, STR("json"));
	return str_eq(value, STR("json")) || str_eq(value, STR("table"))
		       ? 0
		       : err_set(err, -EINVAL, "\"%.*s\" is not a form: table or json", STR_ARG(value));
}

static const struct option_spec options[] = {
	{ "pid", "PID", "look at this process; may be repeated", set_pid, NULL },
	{ "target", "NAME", "look at processes of this name; may be repeated (default: kube-apiserver)", set_target, NULL },
	{ "output", "FORM", "table (default) or json, one check a line; -o for short", set_output, "table json" },
};

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "say what could be traced here, what not, and why",
	.about = "Looks at the kernel, at the privileges, and at every process that trace would trace: its Go\n"
		 "version, which HTTP versions are visible, and what the server's own flags say of anonymous\n"
		 "access and of auditing. Changes nothing. Exits 1 when something must be mended first.\n",
	.examples = "  anontap doctor\n  anontap doctor --pid 812 -o json\n",
	.options = options,
	.nr_options = sizeof(options) / sizeof(options[0]),
	.config_size = sizeof(struct doctor),
	.run = run_doctor,
};
