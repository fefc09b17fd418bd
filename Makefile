# anontap: build, test, install. `make help` lists what there is.
# SPDX-License-Identifier: Apache-2.0

PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
CLANG   ?= clang
BPFTOOL ?= $(shell command -v bpftool 2>/dev/null || echo /usr/sbin/bpftool)
V       ?= 0
SANITIZE ?= 0

ifeq ($(SANITIZE),1)
  BUILD := $(BUILD)/san
  SAN   := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif
ifeq ($(V),0)
  Q := @
  say = @printf '  %-8s%s\n' $(1) $(2)
else
  Q :=
  say = @:
endif

PKGS     := libbpf libelf libnghttp2 libcjson openssl zlib zydis
CFLAGS   ?= -O2 -g
CPPFLAGS := -D_GNU_SOURCE -Iinclude -Iuser -I$(BUILD) $(shell pkg-config --cflags libbpf libnghttp2 libcjson openssl 2>/dev/null)
WARN     := -std=gnu11 -Wall -Wextra -Werror -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wno-unused-parameter
ALLCFLAGS = $(CFLAGS) $(WARN) $(SAN) $(CPPFLAGS) -MMD -MP
LDLIBS   := -lbpf -lelf -lnghttp2 -lcjson -lcrypto -lz -lZydis

ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')

MODULES := base tap wire judge tell cmd
SRC     := $(foreach m,$(MODULES),$(wildcard user/$(m)/*.c))
OBJ     := $(SRC:%.c=$(BUILD)/%.o)
LIBOBJ  := $(filter-out $(BUILD)/user/cmd/main.o,$(OBJ))
SKEL    := $(BUILD)/tap.skel.h
UNIT    := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

.PHONY: all
all: $(BUILD)/anontap	## build the agent and its BPF programs

.PHONY: help
help:			## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## */\1\t/p' $(MAKEFILE_LIST) | expand -t 20

$(BUILD)/anontap: $(OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) -o $@ $(OBJ) $(LDLIBS)

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -c -o $@ $<

# ---- BPF: object, then its skeleton; only the file that includes the skeleton waits for it
$(BUILD)/tap.bpf.o: bpf/tap.bpf.c
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Iinclude -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu \
		-Wall -Wextra -Werror -Wno-unused-parameter -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

$(SKEL): $(BUILD)/tap.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name tap_bpf > $@.tmp && mv $@.tmp $@

$(BUILD)/user/tap/probe.o: $(SKEL)

# ---- tests
$(BUILD)/libanontap.a: $(LIBOBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIBOBJ)

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libanontap.a
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -Itests -o $@ $< $(BUILD)/libanontap.a $(LDLIBS)

.PHONY: test
test: $(UNIT)		## unit tests: no root, seconds
	$(Q)tests/run-unit $(UNIT)

.PHONY: clean
clean:			## remove what was built
	$(Q)rm -rf $(BUILD)

-include $(OBJ:.o=.d) $(BUILD)/tap.bpf.d $(UNIT:%=%.d)
