/* capability.c - see capability.h. Rights and files: Linux 5.8 and later, capabilities(7), perf_event_open(2), the
** kernel's Documentation/trace. */
#include "ext/control/capability.h"

#include "ext/base/buf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    CAP_ADMIN = 21,
    CAP_PERFORMANCE = 38,
    CAP_PROGRAMS = 39
}; /* CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF */

typedef struct Kind {
    const char *name;
    const char *what; /* what the kernel offers */
    const char *signs
        [3]; /* files of which one is there where it does; the first are perf's, "tracing/" tracefs' */
    int capability;
    const char *capability_name;
    int traced; /* driven by way of tracefs or perf events */
} Kind;

static const Kind kinds[] = {
    {"uprobe",
     "uprobes",
     {"/sys/bus/event_source/devices/uprobe/type", "tracing/uprobe_events", NULL},
     CAP_PERFORMANCE,
     "CAP_PERFMON",
     1},
    {"usdt",
     "the uprobes that USDT probes are reached by",
     {"/sys/bus/event_source/devices/uprobe/type", "tracing/uprobe_events", NULL},
     CAP_PERFORMANCE,
     "CAP_PERFMON",
     1},
    {"tracepoint",
     "tracepoints",
     {"/sys/bus/event_source/devices/tracepoint/type", "tracing/available_events", NULL},
     CAP_PERFORMANCE,
     "CAP_PERFMON",
     1},
    {"bpf",
     "BPF programs",
     {"/proc/sys/kernel/unprivileged_bpf_disabled", "/sys/kernel/btf/vmlinux", NULL},
     CAP_PROGRAMS,
     "CAP_BPF",
     0},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Where tracefs can be mounted. */
static const char *const mounts[] = {"/sys/kernel/tracing/", "/sys/kernel/debug/tracing/"};

static int is_there(const char *root, const char *folder, const char *name) {
    char path[300];
    sqlite3_snprintf(sizeof path, path, "%s%s%s", root, folder, name);
    return access(path, F_OK) == 0;
}

/* The directory of tracefs, or NULL. A process without rights cannot look into it, and finds none. */
static const char *tracing(const char *root) {
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++)
        if (is_there(root, mounts[i], "events")) return mounts[i];
    return NULL;
}

static int has_sign(const char *root, const Kind *kind) {
    static const char below[] = "tracing/";
    const char *mount = tracing(root);
    for (int i = 0; kind->signs[i]; i++) {
        const char *sign = kind->signs[i];
        int traced = strncmp(sign, below, strlen(below)) == 0;
        if (!traced && is_there(root, "", sign)) return 1;
        if (traced && mount && is_there(root, mount, sign + strlen(below))) return 1;
    }
    return 0;
}

/* The beginning of a file, as a string; 0 when it cannot be read. */
static int read_text(const char *root, const char *name, char *text, size_t bytes) {
    char path[300];
    sqlite3_snprintf(sizeof path, path, "%s%s", root, name);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, bytes - 1);
    if (fd >= 0) close(fd);
    text[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* Whether this process has a capability, or the one that stands for all; -1: cannot be told. */
static int is_capable(const char *root, int capability) {
    char text[4096];
    if (!read_text(root, "/proc/self/status", text, sizeof text)) return -1;
    const char *line = strstr(text, "CapEff:");
    if (!line) return -1;
    unsigned long long have = strtoull(line + strlen("CapEff:"), NULL, 16);
    return (have >> capability & 1) || (have >> CAP_ADMIN & 1);
}

/* The kernel's lockdown, when it is one. */
static const char *lockdown(const char *root) {
    char text[200];
    if (!read_text(root, "/sys/kernel/security/lockdown", text, sizeof text)) return NULL;
    if (strstr(text, "[confidentiality]")) return "confidentiality";
    return strstr(text, "[integrity]") ? "integrity" : NULL;
}

static void say_rights(const char *root, const Kind *kind, PythiaBuf *out) {
    char text[40];
    int capable = is_capable(root, kind->capability);
    if (capable > 0)
        pythia_buf_str(out, "; this process has the right to them");
    else if (capable == 0)
        pythia_buf_format(out, "; this process lacks %s", kind->capability_name);
    if (kind->traced && !capable &&
        read_text(root, "/proc/sys/kernel/perf_event_paranoid", text, sizeof text))
        pythia_buf_format(out, " (perf_event_paranoid is %d)", atoi(text));
    if (kind->traced && !tracing(root))
        pythia_buf_str(out, "; tracefs is not mounted, or not to be seen by this process");
    const char *locked = lockdown(root);
    if (locked) pythia_buf_format(out, "; the kernel is locked down (%s)", locked);
}

const char *pythia_capability(const char *root, int index, char **detail) {
    PythiaBuf out = {0};
    *detail = NULL;
    if (index < 0 || index >= KINDS) return NULL;
    const Kind *kind = &kinds[index];
    pythia_buf_format(&out,
                      has_sign(root, kind) ? "the kernel offers %s" : "%s are not to be seen here",
                      kind->what);
    if (has_sign(root, kind)) say_rights(root, kind, &out);
    pythia_buf_str(&out, "; this version does not drive them yet");
    *detail = pythia_buf_take(&out);
    pythia_buf_clear(&out);
    return kind->name;
}
