# Redcard. `make help` lists the targets. MODE is release, debug, asan, tsan, cover or fuzz; V=1 shows the commands.
MODE ?= release
CORPORA ?= ../shared/corpora
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
ifneq ($(filter default undefined,$(origin CC)),)
CC := $(if $(filter fuzz,$(MODE)),clang,gcc)
endif
B := build/$(MODE)$(if $(filter gcc,$(CC))$(filter fuzz,$(MODE)),,-$(notdir $(CC)))
Q := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-5s %s\n' $(1) $(2))
export CORPORA MODE

# Foreign libraries; the flags a compiler takes are probed once and kept.
LIBS := liburing libllhttp openssl libhs libpcre2-8 yyjson yaml-0.1 zlib libbrotlidec libzstd
PROBE := build/probe-$(notdir $(CC)).mk
OUTER := demo test asan tsan fuzz bench cover setup clean help format lint uninstall
ifneq ($(filter-out $(OUTER),$(or $(MAKECMDGOALS),all)),)
include $(PROBE)
endif

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 -Wundef -Wcast-qual -Wwrite-strings $(if $(CI)$(WERROR),-Werror)
SAN := -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=
FLAGS_release = -O2 $(FORTIFY) $(if $(LTO),-flto=auto)
FLAGS_debug := -O0
FLAGS_asan := -O1 $(SAN)address,undefined
FLAGS_tsan := -O1 $(SAN)thread
FLAGS_cover := -O0 --coverage
FLAGS_fuzz := -O1 $(SAN)fuzzer-no-link,address,undefined
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -I. -g -fPIE $(WARN) $(HARDEN) $(FLAGS_$(MODE)) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = $(FLAGS_$(MODE)) $(HARDEN_LD) $(LDFLAGS)

TEST_SRC := $(wildcard tests/lib/*.c tests/policy/*.c tests/proxy/*.c)
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
GRAMMARS := build/grammars/libgrammars.a
LIB := $(B)/lib.a
POLICY := $(B)/policy.a $(LIB) $(GRAMMARS)
PROXY := $(B)/proxy.a $(POLICY)
BIN := $(if $(wildcard proxy/main.c),$(B)/redcard)
UNIT := $(if $(TEST_SRC),$(B)/unit)
link = $(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o %.a,$^) $(PKG_LIBS) -lm

all: $(PROXY) $(BIN)
tests: all $(UNIT) $(FUZZ:%=$(B)/replay/%)
fuzzers: $(FUZZ:%=$(B)/fuzz_%)
unit: $(UNIT)

$(PROBE): deploy/probe
	$(Q)mkdir -p $(@D) && deploy/probe $(CC) $(LIBS) >$@.tmp && mv $@.tmp $@

$(B)/obj/%.o: %.c $(PROBE)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(EXTRA) -MMD -MP -c -o $@ $<

# One archive a layer: a test of lib/ links against lib/ alone.
$(B)/lib.a: $(call obj,$(wildcard lib/*.c))
$(B)/policy.a: $(call obj,$(wildcard policy/*.c))
$(B)/proxy.a: $(call obj,$(filter-out proxy/main.c,$(wildcard proxy/*.c)))
$(B)/lib.a $(B)/policy.a $(B)/proxy.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/redcard: $(call obj,proxy/main.c) $(PROXY)
	$(call say,LD,$@)
	$(link)
$(B)/unit: $(call obj,$(TEST_SRC)) $(PROXY)
	$(call say,LD,$@)
	$(link) -lcriterion
# One test file alone: make MODE=asan build/asan/one/lib/test_buf
$(B)/one/lib/%: $(B)/obj/tests/lib/%.o $(LIB)
	$(call say,LD,$@)
	$(link) -lcriterion
$(B)/one/policy/%: $(B)/obj/tests/policy/%.o $(POLICY)
	$(call say,LD,$@)
	$(link) -lcriterion
$(B)/one/proxy/%: $(B)/obj/tests/proxy/%.o $(PROXY)
	$(call say,LD,$@)
	$(link) -lcriterion
$(B)/replay/%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o $(PROXY)
	$(call say,LD,$@)
	$(link)
$(B)/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(PROXY)
	$(call say,LD,$@)
	$(link) -fsanitize=fuzzer
$(B)/bench/%: $(B)/obj/bench/%.o $(PROXY)
	$(call say,LD,$@)
	$(link)

# The rule packs are taken into the binary; the version is compiled only into the files that name it.
$(B)/obj/policy/builtin.o: $(wildcard policy/rules/*)
VERSION := $(shell git describe --always --dirty 2>/dev/null || sed -n 's/^## \[*\([0-9][^] ]*\).*/\1/p;T;q' CHANGELOG.md)
VERSION_OBJ := $(call obj,$(shell grep -ls REDCARD_VERSION lib/*.c policy/*.c proxy/*.c))
$(VERSION_OBJ): EXTRA += -DREDCARD_VERSION='"$(or $(VERSION),unknown)"'
$(VERSION_OBJ): $(B)/version
$(B)/version: FORCE
	$(Q)mkdir -p $(@D) && echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@

# tree-sitter's core and grammars: foreign code, compiled once for every mode, their warnings are not ours.
NPM := build/npm/grammars/node_modules
TS := $(NPM)/tree-sitter/vendor/tree-sitter/lib
TS_SRC := $(TS)/src/lib.c $(wildcard $(NPM)/tree-sitter-*/src/*.c $(NPM)/tree-sitter-typescript/*/src/*.c)
TS_OBJ := $(TS_SRC:$(NPM)/%.c=build/grammars/%.o)
$(B)/obj/policy/syntax.o: EXTRA += -I$(TS)/include
build/grammars/%.o: $(NPM)/%.c
	$(call say,CC,$(<:$(NPM)/%=%))
	$(Q)mkdir -p $(@D) && $(CC) -w -std=c11 -D_GNU_SOURCE -O2 -g1 -fPIE -I$(TS)/include -I$(TS)/src -I$(<D) -c -o $@ $<
$(GRAMMARS): $(TS_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^
$(TS)/src/lib.c:
	@echo 'the grammars are not here; run deploy/setup first' >&2; exit 1

setup:
	@deploy/setup build test

clean:
	$(Q)find build -mindepth 1 -maxdepth 1 ! -name npm -exec rm -rf {} + 2>/dev/null || true

FORCE:
.PHONY: all tests fuzzers unit setup clean $(OUTER) FORCE
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
