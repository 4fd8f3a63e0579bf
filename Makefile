# Makefile of Pythia: `make` leaves ./pythia.so, build/libpythia_probe.* and build/pythia-names; objects go below build/<variant>/.
#
#   make            the loadable extension
#   make test       installs what is missing, builds, runs all tests; last line: N passed, N failed, N skipped
#   make demo       installs what is missing, builds, runs scripts/demo
#   make bench      runs scripts/bench
#   make lint       clang-format, clang-tidy, cppcheck, and the project's own rules (scripts/lint)
#   make asan       unit tests and SQL scripts under AddressSanitizer and UBSan
#   make tsan       the probe's stress program under ThreadSanitizer
#   make valgrind   unit tests under valgrind
#   make oom        fails every n-th allocation of every script in tests/oom
#   make kills      kill -9 at 200 moments of an import (make test: at 20)
#   make fuzz       every fuzz target for FUZZ_SECONDS
#   make install    PREFIX=/usr/local DESTDIR=: lib/pythia/pythia.so, lib/libpythia_probe.*, include/pythia*.h,
#                   bin/pythia-names, share/doc/pythia/
#   make format     clang-format in place
#   make clean
#
# V=1 shows the commands. Sources are found by wildcard; a new file in its folder is built without being listed here.

# ---- configuration ----------------------------------------------------------------------------------

ifeq ($(origin CC),default)
CC = gcc
endif
ifeq ($(origin CXX),default)
CXX = g++
endif
CLANG        = clang
PREFIX       = /usr/local
DESTDIR      =
BUILD        = build
SO           = pythia.so
JOBS        := $(shell nproc 2>/dev/null || echo 1)
FUZZ_SECONDS = 60
OPTIMISE     = -O2 -g
PACKAGES     = sqlite3 lapacke lapack blas libpcre2-8 zlib libzstd simdjson libxxhash libmicrohttpd
TESTPACKAGES = cunit

# ---- flags ------------------------------------------------------------------------------------------

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef -Wvla -Wformat=2 \
           -Wwrite-strings -Werror
CWARNINGS = $(WARNINGS) -Wstrict-prototypes -Wmissing-prototypes
# Values must be the same on every machine: no -ffast-math, no contraction into fused operations.
CODEGEN  = -fvisibility=hidden -fno-common -fno-math-errno -ffp-contract=off
CPPFLAGS_ALL = -I. $(CPPFLAGS)
CFLAGS_ALL   = -std=gnu11 $(CWARNINGS) $(CODEGEN) $(CFLAGS)
CXXFLAGS_ALL = -std=gnu++17 $(WARNINGS) $(CODEGEN) -fvisibility-inlines-hidden -fno-exceptions -fno-rtti $(CXXFLAGS)

PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PACKAGE_LIBS   := $(shell pkg-config --libs $(filter-out sqlite3,$(PACKAGES)) 2>/dev/null)
TEST_LIBS      := $(shell pkg-config --libs $(TESTPACKAGES) sqlite3 2>/dev/null)

# libstdc++ stays a shared library, because simdjson brings it anyway; exports.map hides what the
# C++ file and the static parts of libraries would export.
SOLINK = -shared -Wl,-z,relro,-z,now -Wl,-z,nodelete -Wl,--exclude-libs,ALL -Wl,--as-needed \
         -Wl,--no-undefined -Wl,--version-script=scripts/exports.map
EXELINK = -Wl,--as-needed -Wl,-z,relro,-z,now

SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# pic: what is installed. core: linked with SQLite, constants shrunk (PYTHIA_TEST) so that small inputs
# meet the edges; assertions on. asan, asanso: the same two under the sanitizers.
VARIANTS = pic core asan asanso fuzz
FLAGS_pic    = $(OPTIMISE) -fPIC -DNDEBUG
FLAGS_core   = -O1 -g -DSQLITE_CORE -DPYTHIA_TEST
FLAGS_asan   = -O1 -g -DSQLITE_CORE -DPYTHIA_TEST $(SANITIZE)
FLAGS_asanso = -O1 -g -fPIC $(SANITIZE)
FLAGS_fuzz   = -O1 -g -DSQLITE_CORE -DPYTHIA_TEST $(SANITIZE) -fsanitize=fuzzer-no-link
fuzz_CC = $(CLANG)
fuzz_CXX = $(CLANG)++

# ---- files ------------------------------------------------------------------------------------------

SOURCES   = $(sort $(wildcard ext/*.c ext/*/*.c vtab/*.c sql/*.c))
# The library for programs with trace points. The extension has of it what looks at a page, and nothing else.
PROBESOURCES = $(sort $(wildcard ext/probe/*.c))
PROBEONLY = $(filter-out ext/probe/page.c,$(PROBESOURCES))
PROBELIBS = $(BUILD)/libpythia_probe.a $(BUILD)/libpythia_probe.so
PROBESO   = libpythia_probe.so.0
PROBETESTS = $(patsubst tests/probe/%.c,$(BUILD)/probe/%,$(sort $(wildcard tests/probe/*.c))) \
             $(patsubst tests/probe/%.cpp,$(BUILD)/probe/%_cpp,$(sort $(wildcard tests/probe/*.cpp)))
CXXSOURCES = $(sort $(wildcard ext/read/*.cpp))
SQLFILES  = $(sort $(wildcard sql/*.sql))
UNITTESTS = $(sort $(wildcard tests/unit/*.c))
FUZZERS   = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard tests/fuzz/*.c)))
HEADERS   = $(wildcard ext/pythia.h ext/pythia_probe.h)
MANUAL    = $(wildcard README.md pythia.sqlite.md LICENSE)
OBJECTS   = $(SOURCES:.c=.o) $(CXXSOURCES:.cpp=.cpp.o) $(if $(SQLFILES),embedded_sql.o)
objects   = $(addprefix $(BUILD)/$(1)/,$(OBJECTS))
shared    = $(addprefix $(BUILD)/$(1)/,$(filter-out $(PROBEONLY:.c=.o),$(OBJECTS)))

# ---- targets ----------------------------------------------------------------------------------------

.PHONY: all test check check-built demo bench lint asan tsan valgrind oom kills fuzz install clean format
.DELETE_ON_ERROR:
.SUFFIXES:

all: $(SO) $(PROBELIBS) $(BUILD)/pythia-names

test:
	@scripts/setup
	@+$(MAKE) --no-print-directory -j$(JOBS) check-built
	@BUILD=$(BUILD) SO=$(SO) tests/run

# The tests without the look at the installed packages.
check: check-built
	@BUILD=$(BUILD) SO=$(SO) tests/run

check-built: all $(BUILD)/unit $(BUILD)/oom $(BUILD)/security $(PROBETESTS)

demo:
	@scripts/setup
	@+$(MAKE) --no-print-directory -j$(JOBS) all $(BUILD)/probe/service
	@BUILD=$(BUILD) scripts/demo

bench: all
	@scripts/bench

lint: $(SO)
	@scripts/setup lint
	@SO=$(SO) scripts/lint

asan: $(BUILD)/asan/unit $(BUILD)/asanso/pythia.so
	ASAN_OPTIONS=detect_leaks=1 $(BUILD)/asan/unit
	SO=$(BUILD)/asanso/pythia.so SQLITE3="env LD_PRELOAD=$$($(CC) -print-file-name=libasan.so) \
	    ASAN_OPTIONS=detect_leaks=0 sqlite3" tests/run_sql

# Forked children have threads of their parent that never end: they are no leak. Another 100 threads run in the
# tests, without a sanitizer.
tsan:
	@mkdir -p $(BUILD)/tsan
	$(CC) -I. -std=gnu11 -O1 -g -fsanitize=thread -o $(BUILD)/tsan/stress $(PROBESOURCES) tests/probe/stress.c -pthread
	PYTHIA_PAGE=$(abspath $(BUILD))/tsan/page TSAN_OPTIONS='halt_on_error=1 report_thread_leaks=0' $(BUILD)/tsan/stress 40 300
	rm -f $(BUILD)/tsan/page
	PYTHIA_PAGE=$(abspath $(BUILD))/tsan/page TSAN_OPTIONS='halt_on_error=1 report_thread_leaks=0' $(BUILD)/tsan/stress 40 300 reduce
	rm -f $(BUILD)/tsan/page

valgrind: $(BUILD)/unit
	@scripts/setup valgrind
	PYTHIA_NO_JIT=1 valgrind -q --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite,possible $(BUILD)/unit

oom: $(BUILD)/oom
	$(BUILD)/oom

kills: $(SO)
	PYTHIA_KILLS=200 SO=$(SO) tests/run_python test_locking.Kills

fuzz:
	@scripts/setup fuzz
	@+$(MAKE) --no-print-directory $(FUZZERS)
	@for f in $(FUZZERS); do mkdir -p $(BUILD)/corpus/$${f##*/}; \
	    seeds=; [ $${f##*/} != read ] || seeds=fixtures/formats; \
	    $$f -max_total_time=$(FUZZ_SECONDS) -timeout=20 -print_final_stats=0 \
	    $(BUILD)/corpus/$${f##*/} $$seeds || exit 1; done

install: all
	install -d $(DESTDIR)$(PREFIX)/lib/pythia $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/doc/pythia $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BUILD)/pythia-names $(DESTDIR)$(PREFIX)/bin
	install -m 644 scripts/switch_tracer_provider.js $(DESTDIR)$(PREFIX)/lib/pythia
	install -m 755 $(SO) $(DESTDIR)$(PREFIX)/lib/pythia/pythia.so
	$(if $(HEADERS),install -m 644 $(HEADERS) $(DESTDIR)$(PREFIX)/include)
	$(if $(MANUAL),install -m 644 $(MANUAL) $(DESTDIR)$(PREFIX)/share/doc/pythia)

clean:
	rm -rf $(BUILD) $(SO)

format:
	scripts/setup lint
	git ls-files -co --exclude-standard '*.c' '*.h' '*.cpp' | xargs clang-format-14 -i

# ---- rules ------------------------------------------------------------------------------------------

# Shows what is made instead of how; V=1 shows the commands.
say = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)'; )

# Says what is missing before the compiler does.
$(BUILD)/packages:
	@mkdir -p $(BUILD)
	@pkg-config --print-errors --exists $(PACKAGES) $(TESTPACKAGES) || \
	    { echo 'Packages are missing: run scripts/setup (or make test, which does).' >&2; exit 1; }
	@touch $@

# Relinks when a source file is gone.
$(BUILD)/sources: FORCE
	@mkdir -p $(BUILD)
	@echo '$(OBJECTS) $(UNITTESTS)' | cmp -s - $@ || echo '$(OBJECTS) $(UNITTESTS)' > $@
FORCE:

$(BUILD)/embedded_sql.c: scripts/embed_sql $(SQLFILES) $(BUILD)/sources
	$(call say,embed,$@)scripts/embed_sql $(SQLFILES) > $@

# $(1): the variant
define VARIANT
$(BUILD)/$(1)/%.o: %.c Makefile | $(BUILD)/packages
	@mkdir -p $$(@D)
	$$(call say,$(1),$$<)$$(or $$($(1)_CC),$$(CC)) $$(CPPFLAGS_ALL) $$(PACKAGE_CFLAGS) $$(CFLAGS_ALL) $$(FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
$(BUILD)/$(1)/%.cpp.o: %.cpp Makefile | $(BUILD)/packages
	@mkdir -p $$(@D)
	$$(call say,$(1),$$<)$$(or $$($(1)_CXX),$$(CXX)) $$(CPPFLAGS_ALL) $$(PACKAGE_CFLAGS) $$(CXXFLAGS_ALL) $$(FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
$(BUILD)/$(1)/embedded_sql.o: $(BUILD)/embedded_sql.c Makefile | $(BUILD)/packages
	@mkdir -p $$(@D)
	$$(call say,$(1),$$<)$$(or $$($(1)_CC),$$(CC)) $$(CFLAGS_ALL) $$(FLAGS_$(1)) -c -o $$@ $$<
endef
$(foreach v,$(VARIANTS),$(eval $(call VARIANT,$(v))))

$(SO): $(call shared,pic) $(BUILD)/sources scripts/exports.map
	$(call say,link,$@)$(CXX) $(LDFLAGS) $(SOLINK) -o $@ $(filter %.o,$^) $(PACKAGE_LIBS) -lm

$(BUILD)/asanso/pythia.so: $(call shared,asanso) $(BUILD)/sources scripts/exports.map
	$(call say,link,$@)$(CXX) $(LDFLAGS) $(SANITIZE) $(filter-out -Wl$(comma)--no-undefined,$(SOLINK)) -o $@ $(filter %.o,$^) $(PACKAGE_LIBS) -lm

$(BUILD)/libpythia_probe.a: $(PROBESOURCES:%.c=$(BUILD)/pic/%.o)
	$(call say,ar,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libpythia_probe.so: $(PROBESOURCES:%.c=$(BUILD)/pic/%.o)
	$(call say,link,$@)$(CC) $(LDFLAGS) -shared -Wl,-soname,$(PROBESO) -Wl,-z,relro,-z,now -Wl,--no-undefined -o $@ $^ -pthread
	@ln -sf libpythia_probe.so $(BUILD)/$(PROBESO)

# For programs that cannot write to shared memory themselves.
$(BUILD)/pythia-names: $(BUILD)/pic/scripts/pythia_names.o $(BUILD)/libpythia_probe.a
	$(call say,link,$@)$(CC) $(LDFLAGS) $(EXELINK) -o $@ $^ -pthread

# Programs with trace points: what the tests start. One of them is built against the shared library.
$(BUILD)/probe/%: $(BUILD)/core/tests/probe/%.o $(BUILD)/libpythia_probe.a
	@mkdir -p $(@D)
	$(call say,link,$@)$(CC) $(LDFLAGS) $(EXELINK) -o $@ $^ -pthread

$(BUILD)/probe/%_cpp: $(BUILD)/core/tests/probe/%.cpp.o $(BUILD)/libpythia_probe.so
	@mkdir -p $(@D)
	$(call say,link,$@)$(CXX) $(LDFLAGS) $(EXELINK) -o $@ $< -L$(BUILD) -lpythia_probe -Wl,-rpath,'$$ORIGIN/..' -pthread

$(BUILD)/unit: $(call objects,core) $(UNITTESTS:%.c=$(BUILD)/core/%.o) $(BUILD)/sources
	$(call say,link,$@)$(CXX) $(LDFLAGS) $(EXELINK) -o $@ $(filter %.o,$^) $(PACKAGE_LIBS) $(TEST_LIBS) -lm

$(BUILD)/asan/unit: $(call objects,asan) $(UNITTESTS:%.c=$(BUILD)/asan/%.o) $(BUILD)/sources
	$(call say,link,$@)$(CXX) $(LDFLAGS) $(SANITIZE) $(EXELINK) -o $@ $(filter %.o,$^) $(PACKAGE_LIBS) $(TEST_LIBS) -lm

$(BUILD)/oom: $(BUILD)/core/tests/oom.o $(call objects,core) $(BUILD)/sources
	$(call say,link,$@)$(CXX) $(LDFLAGS) $(EXELINK) -o $@ $(filter %.o,$^) $(PACKAGE_LIBS) $(TEST_LIBS) -lm

$(BUILD)/security: $(BUILD)/core/tests/security.o
	$(call say,link,$@)$(CC) $(LDFLAGS) $(EXELINK) -o $@ $< $(TEST_LIBS)

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o $(call objects,fuzz) $(BUILD)/sources
	$(call say,link,$@)$(CLANG)++ $(SANITIZE) -fsanitize=fuzzer $(EXELINK) -o $@ $(filter %.o,$^) $(PACKAGE_LIBS) $(TEST_LIBS) -lm

comma := ,
-include $(foreach v,$(VARIANTS),$(patsubst %.o,$(BUILD)/$(v)/%.d,$(OBJECTS))) \
         $(foreach v,core asan,$(UNITTESTS:%.c=$(BUILD)/$(v)/%.d)) \
         $(patsubst %.c,$(BUILD)/core/%.d,$(wildcard tests/*.c tests/probe/*.c)) $(BUILD)/pic/scripts/pythia_names.d \
         $(patsubst %.cpp,$(BUILD)/core/%.cpp.d,$(wildcard tests/probe/*.cpp)) \
         $(patsubst %.c,$(BUILD)/fuzz/%.d,$(wildcard tests/fuzz/*.c))
