/* test_capability.c - what a machine offers of the kinds that this version does not drive, on file trees made for it. */
#include "ext/base/sqlite.h"
#include "ext/control/capability.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { UPROBE, USDT, TRACEPOINT, BPF };

static char root[40];

/* Writes a file of the tree, and the folders that it lies in. */
static void put(const char *name, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static void begin(void) {
    strcpy(root, "/tmp/pythia-capability-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
}

static void end(void) {
    char command[100];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void says(int index, const char *kind, const char *expected) {
    char *detail;
    const char *name = pythia_capability(root, index, &detail);
    CU_ASSERT_STRING_EQUAL(name, kind);
    CU_ASSERT_STRING_EQUAL(detail, expected);
    if (strcmp(detail, expected) != 0) printf("    %s: %s\n", kind, detail);
    sqlite3_free(detail);
}

static void test_nothing(void) {
    char *detail;
    begin();
    says(UPROBE, "uprobe", "uprobes are not to be seen here; this version does not drive them yet");
    says(BPF, "bpf", "BPF programs are not to be seen here; this version does not drive them yet");
    CU_ASSERT_PTR_NULL(pythia_capability(root, BPF + 1, &detail));
    CU_ASSERT_PTR_NULL(detail);
    CU_ASSERT_PTR_NULL(pythia_capability(root, -1, &detail));
    end();
}

static void test_perf_alone(void) {
    begin();
    put("/sys/bus/event_source/devices/uprobe/type", "8\n");
    put("/proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
    put("/proc/sys/kernel/perf_event_paranoid", "2\n");
    says(UPROBE, "uprobe",
         "the kernel offers uprobes; this process has the right to them; tracefs is not mounted, "
         "or not to be "
         "seen by this process; this version does not drive them yet");
    says(USDT, "usdt",
         "the kernel offers the uprobes that USDT probes are reached by; this process has the "
         "right to them; tracefs "
         "is not mounted, or not to be seen by this process; this version does not drive them yet");
    says(TRACEPOINT, "tracepoint",
         "tracepoints are not to be seen here; this version does not drive them yet");
    end();
}

static void test_without_rights(void) {
    begin();
    put("/sys/kernel/tracing/events/enable", "0");
    put("/sys/kernel/tracing/uprobe_events", "");
    put("/sys/kernel/tracing/available_events", "");
    put("/sys/kernel/btf/vmlinux", "");
    put("/proc/self/status", "CapEff:\t0000000000000000\n");
    put("/proc/sys/kernel/perf_event_paranoid", "3");
    put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    says(UPROBE, "uprobe",
         "the kernel offers uprobes; this process lacks CAP_PERFMON (perf_event_paranoid is 3); "
         "the kernel is locked "
         "down (integrity); this version does not drive them yet");
    says(TRACEPOINT, "tracepoint",
         "the kernel offers tracepoints; this process lacks CAP_PERFMON (perf_event_paranoid is "
         "3); the kernel is "
         "locked down (integrity); this version does not drive them yet");
    says(BPF, "bpf",
         "the kernel offers BPF programs; this process lacks CAP_BPF; the kernel is locked down "
         "(integrity); this "
         "version does not drive them yet");
    end();
}

static void test_odd_files(void) {
    begin();
    put("/sys/kernel/btf/vmlinux", "");
    put("/proc/self/status", "Name:\tno such line\n");
    put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
    says(BPF, "bpf", "the kernel offers BPF programs; this version does not drive them yet");
    put("/proc/self/status", "CapEff:\t0000008000000000\n"); /* CAP_BPF alone */
    says(BPF, "bpf",
         "the kernel offers BPF programs; this process has the right to them; this version does "
         "not drive them yet");
    end();
}

PYTHIA_SUITE(capability, {"nothing", test_nothing},
             {"perf events without tracefs", test_perf_alone},
             {"without rights", test_without_rights}, {"odd files", test_odd_files})
