/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: the order of attaching makes the first request whole. Marks and writes go first, reads
 * next, the mark that joins HTTP/2 reads last; so a request that is seen at all has its response
 * watched from the start.
 */
#include "tap/probe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tap.skel.h"

/* Newer than Debian's headers: include/uapi/linux/bpf.h of Linux 6.6. */
#define UPROBE_MULTI_ATTACH_TYPE 48

struct link_create_uprobe_multi {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, multi_flags, pid, pad;
};

/* Which file it is. Not by device: two containers of one image see the same file under an overlay's
 * device each, while an uprobe is on the file below. */
struct file_id {
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct file {
	struct file_id id;
	int multi_fd[PROBE_MAX][2];		/* by stack; 0: none */
	struct bpf_link *links[GOABI_SITES_MAX];
	size_t nr_links;
};

struct probes {
	struct tap_bpf *bpf;
	bool has_multi;
	struct bpf_link *exec, *exit;
	struct file files[TAP_LAYOUTS_MAX];	/* index is the layout's */
	size_t nr_files;
};

static const enum probe attach_order[PROBE_MAX] = {
	PROBE_H2_RESPONSE, PROBE_H1_RESPONSE, PROBE_H1_FINISH, PROBE_TLS_WRITE,
	PROBE_TLS_CLOSE, PROBE_H1_REQUEST, PROBE_TLS_READ, PROBE_H2_REQUEST,
};

static struct bpf_program *program_of(const struct probes *p, enum probe probe)
{
	switch (probe) {
	case PROBE_TLS_READ:
		return p->bpf->progs.tls_read;
	case PROBE_TLS_WRITE:
		return p->bpf->progs.tls_write;
	case PROBE_TLS_CLOSE:
		return p->bpf->progs.tls_close;
	case PROBE_H2_REQUEST:
		return p->bpf->progs.h2_request;
	case PROBE_H2_RESPONSE:
		return p->bpf->progs.h2_response;
	case PROBE_H1_REQUEST:
		return p->bpf->progs.h1_request;
	case PROBE_H1_RESPONSE:
		return p->bpf->progs.h1_response;
	case PROBE_H1_FINISH:
		return p->bpf->progs.h1_finish;
	case PROBE_MAX:
		break;
	}
	return NULL;
}

static int link_create_multi(int prog_fd, const char *path, const uint64_t *offsets, const uint64_t *cookies, size_t n)
{
	struct link_create_uprobe_multi attr = {
		.prog_fd = (uint32_t)prog_fd,
		.attach_type = UPROBE_MULTI_ATTACH_TYPE,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cookies = (uintptr_t)cookies,
		.cnt = (uint32_t)n,
	};
	long fd = syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : (int)fd;
}

/* A kernel that knows uprobe_multi says of a directory that it is no file; others know no such link. */
static bool kernel_has_multi(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = UPROBE_MULTI_ATTACH_TYPE);
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	uint64_t offset = 0, cookie = 0;
	int prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "has_multi", "GPL", insns, 2, &opts), link;

	if (prog < 0)
		return false;
	link = link_create_multi(prog, "/", &offset, &cookie, 1);
	if (link >= 0)
		close(link);
	close(prog);
	return link == -EBADF;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0; /* errors are told in our own words, by code */
}

static int load_error(int r, struct err *err)
{
	switch (-r) {
	case EPERM:
	case EACCES:
		return err_set(err, -EPERM, "the kernel refused the BPF programs: anontap must run as root, or with CAP_BPF, "
			       "CAP_PERFMON and CAP_SYS_PTRACE (and CAP_SYS_ADMIN on kernels that ask for it)");
	case ESRCH:
	case ENOENT:
		return err_set(err, -ENOTSUP, "the kernel has no BTF (/sys/kernel/btf/vmlinux is missing): anontap needs a kernel "
			       "built with CONFIG_DEBUG_INFO_BTF");
	default:
		return err_set(err, r, "the kernel refused the BPF programs: %s; run anontap doctor", strerror(-r));
	}
}

int probes_new(const struct probes_options *options, struct probes **ret, struct err *err)
{
	uint32_t ring = options->ring_bytes ? options->ring_bytes : PROBES_RING_DEFAULT;
	uint32_t connections = options->connections_max ? options->connections_max : PROBES_CONNECTIONS_DEFAULT;
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct probes *p;
	int r;

	if (ring < PROBES_RING_MIN || ring > PROBES_RING_MAX || (ring & (ring - 1)))
		return err_set(err, -EINVAL, "a ring of %u bytes: it must be a power of two from %u to %u", ring,
			       PROBES_RING_MIN, PROBES_RING_MAX);
	(void)libbpf_set_print(quiet);
	(void)libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	(void)setrlimit(RLIMIT_MEMLOCK, &unlimited); /* needed before Linux 5.11 only */
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	p->bpf = tap_bpf__open();
	if (!p->bpf) {
		r = load_error(-errno, err);
		goto out;
	}
	if (p->bpf->rodata->abi_version != TAP_ABI_VERSION) {
		r = err_set(err, -EPROTO, "the BPF object speaks ABI version %u, the agent %u: build both again",
			    p->bpf->rodata->abi_version, TAP_ABI_VERSION);
		goto out;
	}
	p->has_multi = kernel_has_multi();
	for (int i = 0; p->has_multi && i < PROBE_MAX; i++)
		(void)bpf_program__set_expected_attach_type(program_of(p, (enum probe)i),
							    (enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE);
	r = bpf_map__set_max_entries(p->bpf->maps.ring, ring);
	if (!r)
		r = bpf_map__set_max_entries(p->bpf->maps.conns, connections);
	if (!r)
		r = tap_bpf__load(p->bpf);
	if (r) {
		r = load_error(r, err);
		goto out;
	}
	*ret = p;
	p = NULL;
out:
	probes_free(p);
	return r;
}

static void file_detach(struct file *f)
{
	for (int i = 0; i < PROBE_MAX; i++)
		for (int stack = 0; stack < 2; stack++)
			if (f->multi_fd[i][stack] > 0)
				close(f->multi_fd[i][stack]);
	for (size_t i = 0; i < f->nr_links; i++)
		bpf_link__destroy(f->links[i]);
	*f = (struct file){ 0 };
}

void probes_free(struct probes *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nr_files; i++)
		file_detach(&p->files[i]);
	bpf_link__destroy(p->exec);
	bpf_link__destroy(p->exit);
	tap_bpf__destroy(p->bpf);
	free(p);
}

/* Where the file is mapped in the process: what to add to its addresses. */
static int load_bias(pid_t pid, const struct goabi *abi, uint64_t *ret)
{
	char path[32], line[512], exe[32];
	struct stat st;
	FILE *maps;
	int r = -ESRCH;

	(void)snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	if (stat(exe, &st))
		return -errno;
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (fgets(line, sizeof(line), maps)) {
		unsigned long long start, off, ino;
		const struct goabi_site *s = &abi->sites[0];
		unsigned long long end;

		if (sscanf(line, "%llx-%llx %*s %llx %*s %llu", &start, &end, &off, &ino) != 4 || ino != st.st_ino)
			continue;
		if (s->off >= off && s->off < off + (end - start)) {
			*ret = start + (s->off - off) - s->va;
			r = 0;
			break;
		}
	}
	fclose(maps);
	return r;
}

int probes_check(pid_t pid, const struct goabi *abi, struct err *err)
{
	char path[32];
	uint64_t bias;
	int fd, r;

	r = load_bias(pid, abi, &bias);
	if (r)
		return err_set(err, r, "cannot find the program of process %d in its memory map: %s", (int)pid, strerror(-r));
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot read the memory of process %d: %s", (int)pid, strerror(errno));
	for (size_t i = 0; i < abi->nr_sites && !r; i++) {
		const struct goabi_site *s = &abi->sites[i];
		uint8_t now[sizeof(s->bytes)];

		if (pread(fd, now, s->len, (off_t)(s->va + bias)) != s->len)
			r = err_set(err, -ESTALE, "cannot read the code of process %d at %#llx", (int)pid,
				    (unsigned long long)(s->va + bias));
		else if (memcmp(now + 1, s->bytes + 1, s->len - 1u) || (now[0] != s->bytes[0] && now[0] != 0xcc))
			/* 0xcc: another probe is there already */
			r = err_set(err, -ESTALE, "process %d does not run the code of its file at %#llx: not attached",
				    (int)pid, (unsigned long long)(s->va + bias));
	}
	close(fd);
	return r;
}

static int id_of(const char *path, struct file_id *ret)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	*ret = (struct file_id){ .ino = st.st_ino, .size = st.st_size, .mtime = st.st_mtim };
	return 0;
}

static bool is_attached(const struct probes *p, const struct file_id *id)
{
	for (size_t i = 0; i < p->nr_files; i++) {
		const struct file_id *f = &p->files[i].id;

		if (f->ino == id->ino && f->size == id->size && f->mtime.tv_sec == id->mtime.tv_sec &&
		    f->mtime.tv_nsec == id->mtime.tv_nsec)
			return true;
	}
	return false;
}

bool probes_has_file(const struct probes *p, const char *path)
{
	struct file_id id;

	return !id_of(path, &id) && is_attached(p, &id);
}

/* All sites of one probe and stack: one link with uprobe_multi, else one each. */
static int attach_probe(struct probes *p, struct file *f, const char *path, const struct goabi *abi, enum probe probe,
			uint8_t stack, uint64_t cookie)
{
	uint64_t offsets[GOABI_SITES_MAX], cookies[GOABI_SITES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < abi->nr_sites; i++) {
		if (abi->sites[i].probe == probe && abi->sites[i].stack == stack) {
			offsets[n] = abi->sites[i].off;
			cookies[n++] = cookie;
		}
	}
	if (!n)
		return 0;
	if (p->has_multi) {
		int fd = link_create_multi(bpf_program__fd(program_of(p, probe)), path, offsets, cookies, n);

		if (fd < 0)
			return fd;
		f->multi_fd[probe][stack] = fd;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookie);
		struct bpf_link *link = bpf_program__attach_uprobe_opts(program_of(p, probe), -1, path, offsets[i], &opts);

		if (!link)
			return -errno;
		f->links[f->nr_links++] = link;
	}
	return 0;
}

int probes_attach(struct probes *p, const char *path, const struct goabi *abi, struct err *err)
{
	uint32_t index = (uint32_t)p->nr_files;
	struct file_id id;
	struct file *f;
	int r = id_of(path, &id);

	if (r)
		return err_set(err, r, "cannot look at %s: %s", path, strerror(-r));
	if (is_attached(p, &id))
		return 0;
	if (index == TAP_LAYOUTS_MAX)
		return err_set(err, -ENOSPC, "already attached to %d program files, which is as many as there can be",
			       TAP_LAYOUTS_MAX);
	f = &p->files[index];
	*f = (struct file){ .id = id };
	if (bpf_map__update_elem(p->bpf->maps.layouts, &index, sizeof(index), &abi->layout, sizeof(abi->layout), BPF_ANY))
		return err_set(err, -errno, "cannot hand the layout of %s to the kernel: %s", path, strerror(errno));
	for (size_t i = 0; i < PROBE_MAX && !r; i++)
		for (uint8_t stack = 0; stack < 2 && !r; stack++)
			r = attach_probe(p, f, path, abi, attach_order[i], stack, TAP_COOKIE(index, stack));
	if (r) {
		file_detach(f);
		return err_set(err, r, "cannot attach to %s: %s", path, strerror(-r));
	}
	p->nr_files++;
	return 0;
}

int probes_add(struct probes *p, pid_t pid)
{
	uint32_t key = (uint32_t)pid, value = 1;

	return bpf_map__update_elem(p->bpf->maps.targets, &key, sizeof(key), &value, sizeof(value), BPF_ANY) ? -errno : 0;
}

int probes_remove(struct probes *p, pid_t pid)
{
	uint32_t key = (uint32_t)pid;

	return bpf_map__delete_elem(p->bpf->maps.targets, &key, sizeof(key), 0) ? -errno : 0;
}

int probes_watch_processes(struct probes *p)
{
	p->exec = bpf_program__attach(p->bpf->progs.process_exec);
	if (!p->exec)
		return -errno;
	p->exit = bpf_program__attach(p->bpf->progs.process_exit);
	return p->exit ? 0 : -errno;
}

int probes_ring_fd(const struct probes *p)
{
	return bpf_map__fd(p->bpf->maps.ring);
}

bool probes_has_multi(const struct probes *p)
{
	return p->has_multi;
}

void probes_read_counters(const struct probes *p, struct counters *counters)
{
	_Static_assert(sizeof(p->bpf->bss->counted) / sizeof(p->bpf->bss->counted[0]) == COUNT_KERNEL_END, "counters.def");

	for (int i = 0; i < COUNT_KERNEL_END; i++)
		counters->v[i] = __atomic_load_n(&p->bpf->bss->counted[i], __ATOMIC_RELAXED);
}
