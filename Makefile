# anontap: build, test, install. `make help` lists what there is.
# SPDX-License-Identifier: Apache-2.0
#
#   V=1          show the commands
#   SANITIZE=1   with the address and undefined-behaviour sanitizers, apart, in $(BUILD)/san
#   BUILD=DIR    where everything built goes

PREFIX   ?= /usr/local
DESTDIR  ?=
BUILD    ?= build
CLANG    ?= clang
BPFTOOL  ?= $(shell command -v bpftool 2>/dev/null || echo /usr/sbin/bpftool)
V        ?= 0
SANITIZE ?= 0

UBSAN := -fsanitize=undefined -fno-sanitize-recover=undefined
ifeq ($(SANITIZE),1)
  OUT := $(BUILD)/san
  SAN := -fsanitize=address $(UBSAN) -fno-omit-frame-pointer
else
  OUT := $(BUILD)
endif
ifeq ($(V),0)
  Q := @
  say = @printf '  %-8s%s\n' $(1) $(2)
else
  Q :=
  say = @:
endif

# Where headers are not on the default path; absent packages are told by the compiler.
PKGS     := libbpf libelf libnghttp2 libcrypto zlib zydis yaml-0.1
CFLAGS   ?= -O2 -g
CPPFLAGS := -D_GNU_SOURCE -Iinclude -Iuser -I$(OUT) $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
WARN     := -std=gnu11 -Wall -Wextra -Werror -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wno-unused-parameter
ALLCFLAGS = $(CFLAGS) $(WARN) $(SAN) $(CPPFLAGS) -MMD -MP
LDLIBS   := -lbpf -lelf -lnghttp2 -lcrypto -lz -lZydis -lyaml

ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')

MODULES := base tap wire audit judge tell cmd
SRC     := $(foreach m,$(MODULES),$(wildcard user/$(m)/*.c))
OBJ     := $(SRC:%.c=$(OUT)/%.o)
LIBOBJ  := $(filter-out $(OUT)/user/cmd/main.o,$(OBJ))
SKEL    := $(OUT)/tap.skel.h
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
UNIT    := $(patsubst tests/unit/%.c,$(OUT)/tests/unit/%,$(wildcard tests/unit/test_*.c))
FUZZ    := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY  := $(patsubst tests/fuzz/fuzz_%.c,$(OUT)/tests/fuzz/replay_%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all
all: $(OUT)/anontap	## build the agent and its BPF programs

.PHONY: help
help:			## list the targets
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## */\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

# ---- a fresh machine. Make asks pkg-config before any rule runs, so what setup installs is seen by
# the next make only: hence $(MAKE) rather than prerequisites.
.PHONY: setup
setup:			## install, through apt, what building and all checks need and is missing
	$(Q)tools/setup all

.PHONY: run
run:			## trace this machine's kube-apiserver for 30 s, or a test control plane with traffic
	$(Q)tools/setup build
	$(Q)$(MAKE) --no-print-directory all
	$(Q)ANONTAP=$(OUT)/anontap tools/run-demo

$(OUT)/anontap: $(OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(SAN) -o $@ $(OBJ) $(LDLIBS)

$(OUT)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -c -o $@ $<

# Written anew only when it changes. Where git does not answer (`sudo make install` in another's
# clone, an archive) what was built stays as it is.
$(OUT)/version.h: .force
	@mkdir -p $(@D)
	@test -f $@ -a -z '$(VERSION)' || { \
		echo '#define ANONTAP_VERSION "$(or $(VERSION),unknown)"' >$@.tmp; \
		cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@; }
.PHONY: .force

# ---- BPF: object, then its skeleton; only the file that includes the skeleton waits for it
$(OUT)/tap.bpf.o: bpf/tap.bpf.c
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Iinclude -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu \
		-Wall -Wextra -Werror -Wno-unused-parameter -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

$(SKEL): $(OUT)/tap.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name tap_bpf > $@.tmp && mv $@.tmp $@

# A first build has no .d files yet: these say who includes what is generated.
$(foreach b,$(OUT) $(OUT)/fuzz,$(b)/user/tap/probe.o): $(SKEL)
$(foreach b,$(OUT) $(OUT)/fuzz,$(patsubst %.c,$(b)/%.o,$(filter user/cmd/%,$(SRC)))): | $(OUT)/version.h

# ---- tests
$(OUT)/libanontap.a: $(LIBOBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIBOBJ)

$(OUT)/tests/unit/%: tests/unit/%.c $(OUT)/libanontap.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -MF $@.d -Itests -o $@ $< $(OUT)/libanontap.a $(LDLIBS)

$(OUT)/tests/fuzz/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(OUT)/libanontap.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -MF $@.d -MT $@ -Itests -c -o $@.o $<
	$(Q)$(CC) $(filter-out -MMD -MP,$(ALLCFLAGS)) -o $@ $@.o tests/fuzz/replay.c $(OUT)/libanontap.a $(LDLIBS)

.PHONY: lint
lint:			## the rules of layers and style, and that each of them can fail
	$(Q)tools/check-layers --self-test
	$(Q)tools/check-layers
	$(Q)tools/check-style --self-test
	$(Q)tools/check-style

.PHONY: test test-unit test-corpus test-golden test-bpf test-e2e check build-tests
test:			## unit tests, fuzz corpora, golden tests: no root, seconds
	$(Q)MAKE='$(MAKE)' LOGS=$(OUT)/check tests/run-check build-tests test-unit test-corpus test-golden

build-tests: $(OUT)/anontap $(UNIT) $(REPLAY)

test-unit: $(UNIT)	## the unit tests alone
	$(Q)tests/run-unit $(UNIT)

test-corpus: $(REPLAY)	## what the fuzzers found, run as tests
	$(Q)tests/run-corpus $(REPLAY)

test-golden: $(OUT)/anontap	## recordings against what must be told of them
	$(Q)ANONTAP=$(OUT)/anontap tests/run-golden

test-bpf: $(OUT)/anontap	## the BPF programs in the running kernel: needs root
	$(Q)ANONTAP=$(OUT)/anontap TAP_OBJECT=$(OUT)/tap.bpf.o tests/bpf/run

test-e2e: $(OUT)/anontap	## against a real kube-apiserver: needs root; E2E='01-truth 02-late' runs some
	$(Q)$(MAKE) --no-print-directory SANITIZE=0 all
	$(Q)ANONTAP=$(OUT)/anontap ANONTAP_RELEASE=$(BUILD)/anontap tests/e2e/run --work $(OUT)/e2e $(E2E)

check:			## everything that must pass, with the sanitizers; installs what is missing
	$(Q)MAKE='$(MAKE) SANITIZE=1' LOGS=$(BUILD)/check tests/run-check setup lint \
		build-tests test-unit test-corpus test-golden test-bpf test-e2e:1500

# ---- fuzzing: the library's sources once more, by clang
FUZZ_SAN := -fsanitize=address $(UBSAN) -fno-omit-frame-pointer
FUZZOBJ  := $(patsubst $(OUT)/%,$(OUT)/fuzz/%,$(LIBOBJ))

$(OUT)/fuzz/user/%.o: user/%.c
	$(call say,FUZZCC,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS) $(WARN) $(FUZZ_SAN) -fsanitize=fuzzer-no-link $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/fuzz/libanontap.a: $(FUZZOBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $(FUZZOBJ)

$(OUT)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(OUT)/fuzz/libanontap.a
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(CFLAGS) $(WARN) $(FUZZ_SAN) -fsanitize=fuzzer $(CPPFLAGS) -MMD -MP -MF $@.d -Itests -o $@ $< \
		$(OUT)/fuzz/libanontap.a $(LDLIBS)

.PHONY: fuzz
fuzz: $(FUZZ)		## each fuzzer for FUZZ_SECONDS (60); FUZZ_ONLY='jwt http2', KEEP=1 keeps what is new
	$(Q)tests/run-fuzz --work $(OUT)/fuzz $(FUZZ)

# ---- benchmarks: ratios measured side by side in one run
$(OUT)/tests/bench/%: tests/bench/%.c $(OUT)/libanontap.a
	$(call say,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -Itests -o $@ $< $(OUT)/libanontap.a $(LDLIBS)

.PHONY: bench-stages
bench-stages: $(OUT)/tests/bench/bench_wire $(OUT)/tests/bench/bench_join	## exchanges and joins per second of one core, without I/O
	$(Q)$(OUT)/tests/bench/bench_wire
	$(Q)$(OUT)/tests/bench/bench_join

.PHONY: bench-overhead
bench-overhead: all	## what anontap costs the apiserver: throughput, CPU; ARGS='--rounds 7 --requests 6000'
	$(Q)tools/setup test
	$(Q)tests/bench/overhead $(ARGS)

# ---- the rest
.PHONY: install
install: all		## into $(DESTDIR)$(PREFIX): the agent, its man page, its completion
	$(Q)$(OUT)/anontap help --man >$(OUT)/anontap.8
	$(Q)$(OUT)/anontap help --completion bash >$(OUT)/anontap.bash
	$(Q)install -D -m 0755 $(OUT)/anontap '$(DESTDIR)$(PREFIX)/sbin/anontap'
	$(Q)install -D -m 0644 $(OUT)/anontap.8 '$(DESTDIR)$(PREFIX)/share/man/man8/anontap.8'
	$(Q)install -D -m 0644 $(OUT)/anontap.bash '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/anontap'

.PHONY: format
format:			## clang-format over the C sources that git knows
	$(Q)git ls-files -z 'bpf/*.[ch]' 'include/*.h' 'user/**.[ch]' 'tests/**.[ch]' | xargs -0 clang-format -i

.PHONY: clean
clean:			## remove what was built
	$(Q)rm -rf $(BUILD)

-include $(OBJ:.o=.d) $(FUZZOBJ:.o=.d) $(OUT)/tap.bpf.d $(UNIT:%=%.d) $(FUZZ:%=%.d) $(REPLAY:%=%.d)
