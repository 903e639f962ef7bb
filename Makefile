# Redcard. `make help` lists the targets. MODE is release, debug, asan, tsan, cover or fuzz; V=1 shows the commands.
#? make [all]        build build/release/redcard            make demo      see it stop a stream
#? make run           serve with CONFIG=FILE                make test      every suite; ends `N passed, M failed`
#? make asan, tsan    the suites under a sanitizer          make fuzz      each target for FUZZ_SECONDS=60
#? make bench         nginx, HAProxy; -distance, -pairs,  make cover     lines that the tests reach
#?                    -shadow                             make shadows   the mirror's tests in full size
#? make lint, format  the house rules                       make install, uninstall   PREFIX=/usr/local DESTDIR=
#? make kills, table  kill -9 it 300 times, count findings make clean   forget the builds; SUITES="unit lint", CC=clang
#? make drill         bad canaries, from byte to restore   ARGS='--type secret --count 100'
MODE ?= release
CORPORA ?= ../shared/corpora
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
ifneq ($(filter default undefined,$(origin CC)),)
CC := $(if $(filter fuzz,$(MODE)),clang,gcc)
endif
B := build/$(MODE)$(if $(filter gcc,$(CC))$(filter fuzz,$(MODE)),,-$(notdir $(CC)))
Q := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-5s %s\n' $(1) $(2))
export CORPORA MODE

# Foreign libraries; the flags a compiler takes are probed once and kept.
LIBS := liburing libllhttp openssl libhs libpcre2-8 yyjson yaml-0.1 zlib libbrotlidec libzstd sqlite3 libcurl
PROBE := build/probe-$(notdir $(CC)).mk
OUTER := demo test asan tsan fuzz bench cover setup clean help format lint uninstall
ifneq ($(filter-out $(OUTER),$(or $(MAKECMDGOALS),all)),)
include $(PROBE)
endif

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wcast-qual -Wwrite-strings \
	$(if $(findstring clang,$(CC)),-Wno-string-conversion) $(if $(CI)$(WERROR),-Werror) # CHECK(!"why")
SAN := -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=
FLAGS_release = -O2 $(FORTIFY) $(if $(LTO),-flto=auto)
FLAGS_debug := -O0
FLAGS_asan := -O1 $(SAN)address,undefined
FLAGS_tsan := -O1 $(SAN)thread -isystem tests/tsan
FLAGS_cover := -O0 --coverage
FLAGS_fuzz := -O1 $(SAN)fuzzer-no-link,address,undefined
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -I. -g$(if $(CI),1) -fPIE $(WARN) $(HARDEN) $(FLAGS_$(MODE)) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = $(FLAGS_$(MODE)) $(HARDEN_LD) $(LDFLAGS)

src = $(wildcard $(1)/*.c $(1)/*/*.c)
TEST_SRC := $(call src,tests/lib) $(call src,tests/proxy) $(if $(filter tsan,$(MODE)),,$(call src,tests/policy))
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
RUNNER := $(if $(filter tsan,$(MODE)),$(call obj,tests/tsan/runner.c))
GRAMMARS := build/grammars/libgrammars.a
POLICY := $(B)/policy.a $(B)/lib.a $(GRAMMARS)
PROXY := $(B)/proxy.a $(POLICY)
define link
$(call say,LD,$@)
$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o %.a,$^) $(PKG_LIBS) -lm $(1)
endef

all: $(B)/redcard
tests: all $(B)/unit $(FUZZ:%=$(B)/replay/%)
fuzzers: $(FUZZ:%=$(B)/fuzz_%)
objects: $(call obj,$(call src,lib) $(call src,policy) $(call src,proxy) $(TEST_SRC) $(wildcard tests/fuzz/*.c))

$(PROBE): deploy/probe deploy/skeleton Makefile
	$(Q)mkdir -p $(@D) && deploy/probe $(CC) $(LIBS) >$@.tmp && mv $@.tmp $@

$(B)/obj/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(EXTRA) -MMD -MP -c -o $@ $<

# One archive a layer: a test of lib/ links against lib/ alone.
$(B)/lib.a: $(call obj,$(call src,lib))
$(B)/policy.a: $(call obj,$(call src,policy))
$(B)/proxy.a: $(call obj,$(filter-out proxy/main.c,$(call src,proxy)))
$(B)/lib.a $(B)/policy.a $(B)/proxy.a $(GRAMMARS):
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/redcard: $(call obj,proxy/main.c) $(PROXY); $(call link)
$(B)/unit: $(RUNNER) $(call obj,$(TEST_SRC)) $(PROXY); $(call link,$(if $(RUNNER),,-lcriterion))
# One test file alone: make MODE=asan build/asan/one/lib/test_buf
$(B)/one/lib/%: $(RUNNER) $(B)/obj/tests/lib/%.o $(B)/lib.a; $(call link,$(if $(RUNNER),,-lcriterion))
$(B)/one/policy/%: $(RUNNER) $(B)/obj/tests/policy/%.o $(POLICY); $(call link,$(if $(RUNNER),,-lcriterion))
$(B)/one/proxy/%: $(RUNNER) $(B)/obj/tests/proxy/%.o $(PROXY); $(call link,$(if $(RUNNER),,-lcriterion))
$(B)/replay/%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o $(PROXY); $(call link)
$(B)/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(PROXY); $(call link,-fsanitize=fuzzer)
$(B)/bench/%: $(B)/obj/bench/%.o $(PROXY); $(call link)

# The eBPF taps, where they can be built; without them the proxy copies by itself.
$(B)/obj/proxy/%_bpf.o: EXTRA += $(if $(BPF),-DREDCARD_BPF -isystem $(BPF))
$(B)/obj/proxy/mirror_bpf.o $(B)/obj/proxy/attach_bpf.o: $(if $(BPF),build/bpf/attach.skel.h)
build/bpf/attach.skel.h: $(wildcard bpf/*.[ch]) deploy/skeleton; $(call say,BPF,bpf)
	$(Q)deploy/skeleton $(@D)

# Rule packs and queries are taken into the binary; the version is compiled only into the files that name it.
$(B)/obj/policy/builtin.o $(B)/obj/policy/sharp_query.o: $(wildcard policy/rules/* policy/sharp/*)
VERSION := $(or $(shell git describe --always --dirty 2>/dev/null || sed -n 's/^## *//p;T;q' CHANGELOG.md),unknown)
VERSION_OBJ := $(call obj,$(shell grep -ls REDCARD_VERSION proxy/*.c))
$(VERSION_OBJ): EXTRA += -DREDCARD_VERSION='"$(VERSION)"'
$(VERSION_OBJ): $(B)/version
stamp = $(Q)mkdir -p $(@D) && echo '$(1)' | cmp -s - $@ || echo '$(1)' >$@
$(B)/version: FORCE; $(call stamp,$(VERSION))
$(B)/flags: FORCE; $(call stamp,$(CC) $(CFLAGS_ALL))

# tree-sitter's core and grammars: foreign code, compiled once for every mode, their warnings are not ours.
NPM := build/npm/grammars/node_modules
TS := $(NPM)/tree-sitter/vendor/tree-sitter/lib
TS_SRC := $(TS)/src/lib.c $(wildcard $(NPM)/tree-sitter-*/src/*.c $(NPM)/tree-sitter-typescript/*/src/*.c)
$(patsubst %,$(B)/obj/policy/syntax%.o,_query _tree) $(B)/obj/policy/syntax.o: EXTRA += -I$(TS)/include
TS_FLAGS := -w -std=c11 -D_GNU_SOURCE -O2 -fPIE -DTREE_SITTER_REUSE_ALLOCATOR -I$(TS)/include -I$(TS)/src
build/grammars/tree-sitter-%: OWN := -include deploy/grammars/alloc.h
build/grammars/%.o: $(NPM)/%.c build/grammars/flags deploy/grammars/alloc.h
	$(call say,CC,$(<:$(NPM)/%=%))
	$(Q)mkdir -p $(@D) && $(CC) $(TS_FLAGS) $(OWN) -I$(<D) -c -o $@ $<
build/grammars/flags: FORCE; $(call stamp,$(TS_FLAGS))
$(GRAMMARS): $(TS_SRC:$(NPM)/%.c=build/grammars/%.o)
$(TS)/src/lib.c:; @echo 'the grammars are not here; run deploy/setup first' >&2; exit 1

# What people type. Most of it sets the machine up first, which is quick and silent when nothing is missing.
TYPED := all drill table kills shadows bench-shadow bench-distance bench-pairs tests objects check fuzzers run install
sub = +$(Q)$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
setup:; @deploy/setup build test
run: all; $(Q)$(B)/redcard serve -c $(or $(CONFIG),deploy/redcard.yaml) $(ARGS)
demo: setup; $(sub) all && REDCARD=$(CURDIR)/$(B)/redcard tests/demo/run
asan tsan: setup; $(sub) MODE=$@ check
test: setup; $(sub) check
check: tests; $(Q)BUILD=$(B) $(if $(filter tsan,$(MODE)),setarch -R) tests/run $(SUITES)
fuzz: setup
	$(sub) MODE=fuzz fuzzers
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run
bench:; @deploy/setup build test bench
	$(sub) all $(patsubst %.c,$(B)/%,$(shell grep -ls '^int main' bench/*.c))
	$(Q)BUILD=$(B) bench/distance_cases; tests/drill/run -- --type secret --count 100; bench/run $(ARGS)
	$(Q)bench/shadow
kills: all; $(Q)for s in kills rollbacks wishes; do tests/$$s/run $(or $(KILLS),300) || exit; done
drill: all; $(Q)REDCARD=$(CURDIR)/$(B)/redcard tests/drill/run -- $(ARGS)
bench-distance: $(B)/bench/distance; $(Q)BUILD=$(B) bench/distance_cases
bench-shadow: all $(B)/bench/load $(B)/bench/origin; $(Q)bench/shadow $(ARGS)
shadows: all; $(Q)tests/mirror/full && REDCARD_TEST_FULL=1 tests/mirror/run -v && KILLS=50 tests/shadow/run kill_9
table bench-pairs: all; $(Q)REDCARD=$(CURDIR)/$(B)/redcard bench/$(if $(filter table,$@),insecure,pair_tables)
cover: setup; $(Q)find build/cover -name '*.gcda' -delete 2>/dev/null || true
	$(sub) MODE=cover SUITES='$(or $(SUITES),unit fuzz scenarios)' check
	$(Q)tests/cover build/cover
lint: setup; $(Q)tests/lint/run
format:; $(Q)clang-format -i $(wildcard $(addsuffix /*.[ch],lib policy proxy bpf bench lib/* tests/* tests/*/*))

install: all
install uninstall:; $(Q)PREFIX='$(PREFIX)' deploy/install $@ '$(DESTDIR)$(PREFIX)' $(B)/redcard
clean:; $(Q)find build -mindepth 1 -maxdepth 1 ! -name npm -exec rm -rf {} + 2>/dev/null || true
help:; @sed -n 's/^#? //p' Makefile
.PHONY: $(TYPED) $(OUTER) FORCE
.SECONDARY .DELETE_ON_ERROR FORCE:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
