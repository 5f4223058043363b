# SPDX-License-Identifier: GPL-2.0-only
# `make help` says what there is.

O ?= build
PREFIX ?= /usr/local
DESTDIR ?=
CLANG ?= clang
BPFTOOL ?= $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool)
ARCH ?= $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
JOBS := $(shell nproc)
FUZZ_SECONDS ?= 30
SUITES ?=
KERNELS ?=

ifeq ($(V),)
  Q := @
  say = @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,printf '  %-7s %s\n' "$(1)" "$(2:$(O)/%=%)";)
else
  say =
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
	-Wformat=2 -Wundef -Werror
OPT ?= -O2 -g
pkg = $(shell pkg-config $(1) 2>/dev/null)
# libdbus, for notifications on a desktop, is loaded when they are asked for: only the tests are linked with it.
DBUS := $(shell pkg-config --exists dbus-1 2>/dev/null && echo 1)
LIBS := -pthread -lbpf -lelf -lz $(or $(call pkg,--libs libev),-lev) -ljson-c -lidn2 -ldl $(if $(DBUS),$(call pkg,--libs dbus-1))
LIB_CFLAGS := $(call pkg,--cflags libev) $(if $(DBUS),-DCGW_DBUS $(patsubst -I%,-isystem %,$(call pkg,--cflags dbus-1)))
CGW_CFLAGS = -std=gnu11 $(OPT) $(WARN) -D_GNU_SOURCE -Iinclude -isystem $(O) -isystem $(@D) $(LIB_CFLAGS) $(CFLAGS)
CGW_LDFLAGS = -Wl,--as-needed $(LDFLAGS)
BPF_CFLAGS = -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Wshadow -Werror -D__TARGET_ARCH_$(ARCH) -Iinclude \
	-idirafter /usr/include/$(shell uname -m)-linux-gnu

SAN ?=
ifeq ($(SAN),1)
  override O := $(if $(filter build,$(O)),build/san,$(O))
  sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ifeq ($(SAN),fuzz)
  sanitize := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
CGW_CFLAGS += $(sanitize)
CGW_LDFLAGS += $(sanitize)

# One program from every user/*/*.c; all but its main() also stand in an archive, for the tests.
MAIN := user/cli/main.c
SRC := $(filter-out $(MAIN),$(sort $(wildcard user/*/*.c)))
OBJ := $(SRC:%.c=$(O)/%.o)
# The minimal program stands alone: kernels load it that refuse the others.
BPF_ALONE := bpf/closed.bpf.c
BPF_SRC := $(filter-out $(BPF_ALONE),$(sort $(wildcard bpf/*.bpf.c)))
SKEL := $(if $(BPF_SRC),$(O)/cgwall.skel.h) $(BPF_ALONE:%.bpf.c=$(O)/%.skel.h)

# Below tests/ a file with a main() is a program; the folder's other files are linked into each of them.
TEST_BPF := $(sort $(wildcard tests/*/*.bpf.c))
TEST_SRC := $(filter-out $(TEST_BPF),$(sort $(wildcard tests/*/*.c)))
TEST_MAIN := $(if $(TEST_SRC),$(shell grep -lE '^int main\b' $(TEST_SRC)))
FUZZ_SRC := $(if $(TEST_SRC),$(shell grep -l LLVMFuzzerTestOneInput $(TEST_SRC)))
TEST_LIB := $(filter-out $(TEST_MAIN) $(FUZZ_SRC),$(TEST_SRC))
TEST_BIN := $(TEST_MAIN:%.c=$(O)/%)
TEST_SKEL := $(TEST_BPF:%.bpf.c=$(O)/%.skel.h)

all: $(O)/cgwall
tests: $(TEST_BIN) $(TEST_SKEL) all
fuzzers: $(FUZZ_SRC:%.c=$(O)/%)

$(O)/cgwall: $(MAIN:%.c=$(O)/%.o) $(O)/libcgwall.a
	$(call say,LINK,$@)$(CC) $(CGW_LDFLAGS) -o $@ $^ $(LIBS)

$(O)/libcgwall.a: $(OBJ)
	$(call say,AR,$@)rm -f $@ && $(AR) qcs $@ $^

$(O)/%.o: %.c | $(O)/.tools
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) $(CGW_CFLAGS) -MD -MP -c -o $@ $<

# Only what loads the programs waits for them.
$(filter $(O)/user/kernel/%,$(OBJ)): | $(SKEL)
$(filter $(O)/tests/kernel/% $(O)/tests/bench/%,$(TEST_SRC:%.c=$(O)/%.o)): | $(SKEL) $(TEST_SKEL)

$(O)/%.bpf.o: %.bpf.c | $(O)/.tools
	$(call say,BPF,$@)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -MD -MP -c -o $@ $<

$(O)/cgwall.bpf.o: $(BPF_SRC:%.c=$(O)/%.o)
	$(call say,BPFLINK,$@)$(BPFTOOL) gen object $@ $^

$(O)/%.skel.h: $(O)/%.bpf.o
	$(call say,SKEL,$@){ echo '/* NOLINTBEGIN: bpftool wrote this */'; $(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf && \
		echo '/* NOLINTEND */'; } >$@.new && mv $@.new $@

# What goes into test program $(1); those that the kernel tests copy about stand alone.
mates = $(filter $(O)/$(dir $(1))%,$(TEST_LIB:%.c=$(O)/%.o)) $(if $(filter tests/kernel/%,$(1)),,$(O)/libcgwall.a)
.SECONDEXPANSION:
$(TEST_BIN): $(O)/%: $(O)/%.o $$(call mates,$$*)
	$(call say,LINK,$@)$(CC) $(CGW_LDFLAGS) -o $@ $^ $(LIBS)
$(FUZZ_SRC:%.c=$(O)/%): $(O)/%: $(O)/%.o $$(call mates,$$*)
	$(call say,LINK,$@)$(CC) $(CGW_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# Says in one sentence what is missing, before the compiler says it in fifty. (Made once per folder.)
$(O)/.tools:
	@mkdir -p $(O); missing=; \
	for t in $(firstword $(CC)) $(CLANG) "$(BPFTOOL)"; do \
		command -v "$$t" >/dev/null || missing="$$missing $${t:-bpftool}"; done; \
	for h in bpf/libbpf.h bpf/bpf_helpers.h libelf.h zlib.h ev.h json-c/json.h idn2.h; do \
		echo "#include <$$h>" | $(CC) $(CGW_CFLAGS) -E -o /dev/null - 2>/dev/null || missing="$$missing $$h"; done; \
	[ -z "$$missing" ] || { echo "cgwall needs these to be built and does not find them:$$missing."; \
		echo "'sudo make deps' installs them."; exit 1; } >&2
	@touch $@

deps:
	$(Q)scripts/deps.sh build test

# Both start on a bare machine: what is missing is installed before anything is built.
demo:
	$(Q)scripts/deps.sh build demo
	$(Q)$(MAKE) -j$(JOBS) --no-print-directory all
	$(Q)scripts/demo.sh $(O)/cgwall

check:
	$(Q)scripts/deps.sh build test
	$(Q)$(MAKE) -j$(JOBS) --no-print-directory tests
	$(Q)tests/run.sh $(SUITES)

check-vm:
	$(Q)scripts/deps.sh build test
	$(Q)$(MAKE) -j$(JOBS) --no-print-directory tests
	$(Q)O=$(O) tests/vm/run.sh $(KERNELS)

bench: tests
	$(Q)python3 tests/bench/run.py $(O)

fuzz:
	$(Q)$(MAKE) --no-print-directory O=$(O)/fuzz CC=$(CLANG) SAN=fuzz OPT="-O1 -g" -j$(JOBS) fuzzers
	$(Q)O=$(O)/fuzz tests/fuzz/run.sh $(FUZZ_SECONDS)

lint:
	$(Q)O=$(O) tests/lint.sh

MAN := $(wildcard user/man/*.[1-8])
PRESETS := $(wildcard user/presets/*.conf)
UNITS := cgwall.service cgwall-boot.service
UNIT_DIR := $(DESTDIR)$(PREFIX)/lib/systemd/system
AUTOSTART := $(DESTDIR)/etc/xdg/autostart/cgwall-ask.desktop
# The units name the program where a package has it.
placed = sed 's|/usr/sbin/cgwall|$(PREFIX)/bin/cgwall|'
install: all
	$(Q)install -Dm755 $(O)/cgwall $(DESTDIR)$(PREFIX)/bin/cgwall
	$(Q)for m in $(MAN); do install -Dm644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done
	$(Q)for p in $(PRESETS); do install -Dm644 $$p $(DESTDIR)$(PREFIX)/share/cgwall/presets/$${p##*/}; done
	$(Q)install -d $(UNIT_DIR)/service.d && install -m644 scripts/50-cgwall.conf $(UNIT_DIR)/service.d/
	$(Q)for u in $(UNITS); do $(placed) scripts/$$u >$(UNIT_DIR)/$$u && chmod 644 $(UNIT_DIR)/$$u || exit 1; done
	$(Q)install -d $(dir $(AUTOSTART)) && $(placed) scripts/cgwall-ask.desktop >$(AUTOSTART) && chmod 644 $(AUTOSTART)

# For OpenRC, after install.
install-openrc:
	$(Q)install -d $(DESTDIR)/etc/init.d
	$(Q)for s in cgwall cgwall-boot; do $(placed) scripts/$$s.initd >$(DESTDIR)/etc/init.d/$$s && \
		chmod 755 $(DESTDIR)/etc/init.d/$$s || exit 1; done

uninstall:
	$(Q)rm -f $(DESTDIR)$(PREFIX)/bin/cgwall
	$(Q)for m in $(MAN); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done
	$(Q)rm -rf $(DESTDIR)$(PREFIX)/share/cgwall
	$(Q)rm -f $(UNITS:%=$(UNIT_DIR)/%) $(UNIT_DIR)/service.d/50-cgwall.conf $(AUTOSTART) $(DESTDIR)/etc/init.d/cgwall $(DESTDIR)/etc/init.d/cgwall-boot

clean:
	$(Q)rm -rf $(O)

help:
	@echo 'make            build/cgwall            (V=1 loud, O=DIR elsewhere, CC=clang, CLANG=clang-19 for BPF)'
	@echo 'make SAN=1      the same with address and undefined-behaviour sanitizers, in build/san'
	@echo 'make demo       as root: shows it at work on a scratch cgroup, installs what that needs'
	@echo 'make check      as root: all tests, installs what they need (SUITES="unit golden": some of them)'
	@echo 'make check-vm   the kernel-side tests in virtual machines with other kernels (KERNELS="6.1 newest": some)'
	@echo 'make fuzz       the fuzzers, FUZZ_SECONDS each'
	@echo 'make bench      what it costs'
	@echo 'make lint       formatting, clang-tidy, cppcheck, shell scripts, manual pages'
	@echo 'make deps       as root: installs what building and testing need'
	@echo 'make install    below PREFIX=/usr/local (DESTDIR for packages); uninstall takes it away again'
	@echo 'make install-openrc  and the scripts for OpenRC'
	@echo 'make clean      removes $(O)'

.PHONY: all tests fuzzers deps demo check check-vm bench fuzz lint install install-openrc uninstall clean help
.DELETE_ON_ERROR:
.SECONDARY:
-include $(OBJ:.o=.d) $(O)/user/cli/main.d $(TEST_SRC:%.c=$(O)/%.d) $(BPF_SRC:%.c=$(O)/%.d) $(BPF_ALONE:%.c=$(O)/%.d)
