/* service.c - a small distributed service with trace points everywhere, and faults to be found.
**
**     service [--fault KIND:SERVICE/OPERATION] [--requests N] [--pause MICROSECONDS]
**     service --list                             the faults there are, one a line
**
** Six processes: a client that sends requests, an api, a scheduler, three workers; they talk over Unix sockets.
** What a process does for a request is a tree of operations, each of them a span (`api/policy`), nested up to
** six deep in a service and sixteen in a request. The entries of the services are always on; the others are off
** until a rule switches them on. Every span ends with a number that means nothing, and some with a variable:
**
**   ~ semaphore  `waiters`: how many wait before. Faulty, every one of them costs 4 ms
**   ? cache      `hit`. Faulty, a miss costs 25 ms
**   @ host       `host`: which of the three workers. Faulty, the third takes 25 ms longer
**
** PYTHIA_PAGE names the control page; see ext/pythia_probe.h. SIGTERM or SIGINT ends all of it. */
#include "ext/pythia_probe.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- what is done ------------------------------------------------------------------------------------------ */

/* name(children...); a sign before a name as above, > calls the next service. */
static const char *const trees[][2] = {
    {"client", "request(prepare(encode sign) connect(resolve reuse) >wait verify(decode check))"},
    {"api", "handle(parse(line headers(read_headers decode_headers(split trim validate))"
            " body(read_body inflate))"
            " auth(token(?lookup verify_token(digest compare_digest)) ~policy(load match(expand "
            "evaluate)))"
            " quota(~acquire(count compare_count) record)"
            " session(?fetch_session(hash_key probe_table) refresh)"
            " route(?find_route(walk resolve_name) rewrite) >call_scheduler"
            " store(begin ~write(serialize append(block flush)) ~commit(log_commit ack))"
            " respond(?render(template escape) compress send))"},
    {"scheduler",
     "schedule(unpack(split_fields check_fields) ~queue(enter order(compare_keys swap) leave)"
     " filter(hosts(?list_hosts(read_cache parse_hosts) select_up)"
     " capacity(cpu memory disk(volumes inodes))) weigh(?history(load_history smooth)"
     " score(sum normalise)) >call_worker confirm(~lock_claim(take_lock write_claim) release)"
     " publish(event ~notify))"},
    {"worker",
     "build(accept(unpack_task check_task) ~slots(wait_slot take_slot)"
     " image(?cached_image(find_image verify_image(hash_image compare_hash))"
     " @copy_image(open_image read_blocks write_blocks))"
     " network(@plug(allocate(pick_address mark) bind) rules(compile_rules @apply_rules))"
     " storage(@attach(discover(scan match_disk) map) @format_disk)"
     " boot(define(render_xml validate_xml) @start_vm(load_kernel run)) report(gather post))"}};
enum { SERVICES = 4, WORKERS = 3, OPERATIONS = 80, NAME_BYTES = 24 };

typedef struct Operation {
    char name[NAME_BYTES];
    char sign; /* 0: none */
    int parent, depth;
    PythiaProbeSite begin, end;
} Operation;

static Operation operations[OPERATIONS]; /* of this process, in preorder */
static int noperations;
static int faulty = -1; /* the operation that has the fault */

static void operation_add(const char *name, size_t n, char sign, int parent) {
    Operation *o = &operations[noperations++];
    memcpy(o->name, name, n);
    o->sign = sign;
    o->parent = parent;
    o->depth = parent < 0 ? 0 : operations[parent].depth + 1;
    o->begin.slot = o->end.slot = &pythia_probe_unregistered;
    o->begin.name = o->name;
    o->begin.flags = parent < 0 ? (uint32_t)PYTHIA_PROBE_ALWAYS_ON | PYTHIA_PROBE_SERVER : 0;
    o->end.n = sign && sign != '>' ? 2 : 1;
    o->end.keys[0] = "number";
    o->end.keys[1] = sign == '~' ? "waiters" : sign == '?' ? "hit" : "host";
}

static void operations_read(const char *tree) {
    int parent = -1;
    noperations = 0;
    memset(operations, 0, sizeof operations);
    for (const char *p = tree; *p;) {
        char sign = 0;
        if (*p == ' ' || *p == '(' || *p == ')') {
            if (*p == '(') parent = noperations - 1;
            if (*p++ == ')') parent = operations[parent].parent;
            continue;
        }
        if (strchr("~?@>", *p)) sign = *p++;
        size_t n = strcspn(p, " ()");
        operation_add(p, n, sign, parent);
        p += n;
    }
}

/* ---- doing it ---------------------------------------------------------------------------------------------- */

static uint32_t random_state;
static int host; /* of a worker, 1 .. 3 */

static unsigned below(unsigned n) {
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % n;
}

static void pause_us(long us) {
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    if (us > 0) nanosleep(&time, NULL);
}

static void work(void) {
    for (volatile int i = 0; i < 500; i++) {
    }
}

static int calls[WORKERS]; /* sockets to the next service */
static int ncalls;
static void call_next(void);

typedef struct Variable {
    unsigned waiters;
    int miss;
} Variable;

/* The part of an operation that its variable stands for. */
static void own_part(int i, Variable *v) {
    Operation *o = &operations[i];
    v->waiters = below(i == faulty ? 10 : 3);
    v->miss = below(10) < 4;
    if (i == faulty)
        pause_us(o->sign == '~'   ? (long)v->waiters * 4000
                 : o->sign == '?' ? v->miss * 25000L
                                  : (host == WORKERS) * 25000L);
    work();
}

static void operation_end(int i, PythiaProbeSpan *span, const Variable *v) {
    static const char *const hosts[] = {"", "worker-1", "worker-2", "worker-3"};
    Operation *o = &operations[i];
    PythiaProbeValue values[2] = {pythia_probe_int(below(1000)), pythia_probe_text(hosts[host])};
    if (o->sign == '~') values[1] = pythia_probe_int(v->waiters);
    if (o->sign == '?') values[1] = pythia_probe_bool(!v->miss);
    if (span->site) pythia_probe_end(span, &o->end, values);
}

/* Runs operation i and what lies below it, which is in preorder: open[] has those that are not done. */
static void run_all(void) {
    PythiaProbeSpan open[OPERATIONS];
    Variable variables[OPERATIONS];
    int stack[OPERATIONS], top = 0;
    for (int i = 0; i <= noperations; i++) {
        while (top &&
               (i == noperations || operations[i].depth <= operations[stack[top - 1]].depth)) {
            int done = stack[--top];
            operation_end(done, &open[done], &variables[done]);
        }
        if (i == noperations) break;
        open[i].site = NULL;
        if (pythia_probe_is_on(&operations[i].begin))
            pythia_probe_begin(&operations[i].begin, &open[i]);
        own_part(i, &variables[i]);
        if (operations[i].sign == '>') call_next();
        stack[top++] = i;
    }
}

/* ---- talking ----------------------------------------------------------------------------------------------- */

typedef struct Message {
    char traceparent[PYTHIA_PROBE_TRACEPARENT_BYTES];
    char baggage[PYTHIA_PROBE_HEADER_BYTES];
} Message;

static int transfer(int socket, void *bytes, size_t n, int sending) {
    for (size_t done = 0; done < n;) {
        ssize_t k = sending ? send(socket, (char *)bytes + done, n - done, MSG_NOSIGNAL)
                            : recv(socket, (char *)bytes + done, n - done, 0);
        if (k <= 0) return 0;
        done += (size_t)k;
    }
    return 1;
}

static void call_next(void) {
    Message message;
    char reply;
    int socket = calls[ncalls > 1 ? below((unsigned)ncalls) : 0];
    memset(&message, 0, sizeof message);
    pythia_probe_write(message.traceparent, message.baggage);
    if (!transfer(socket, &message, sizeof message, 1) || !transfer(socket, &reply, 1, 0)) exit(0);
}

static void serve(int socket) {
    Message message;
    char reply = 1;
    while (transfer(socket, &message, sizeof message, 0)) {
        PythiaProbeContext context;
        message.traceparent[sizeof message.traceparent - 1] = 0;
        message.baggage[sizeof message.baggage - 1] = 0;
        pythia_probe_read(&context, message.traceparent, NULL, message.baggage);
        pythia_probe_enter(&context, NULL);
        run_all();
        pythia_probe_enter(NULL, NULL);
        if (!transfer(socket, &reply, 1, 1)) break;
    }
}

/* ---- the processes ------------------------------------------------------------------------------------------ */

/* Sets up what a process is; fault: "kind:service/operation" or NULL. 1, or 0 when the fault is not its own. */
static int become(int service, int number, const char *fault) {
    operations_read(trees[service][1]);
    random_state = 12345u + 1000u * (unsigned)service + (unsigned)number;
    host = service == SERVICES - 1 ? number : 0;
    faulty = -1;
    for (int i = 0; fault && i < noperations; i++) {
        char name[100];
        const char *kind = operations[i].sign == '~'   ? "semaphore"
                           : operations[i].sign == '?' ? "cache"
                                                       : "host";
        snprintf(name, sizeof name, "%s:%s/%.*s", kind, trees[service][0], NAME_BYTES - 1,
                 operations[i].name);
        if (operations[i].sign && operations[i].sign != '>' && strcmp(name, fault) == 0) faulty = i;
    }
    return faulty >= 0;
}

static void probe_start(int service) {
    PythiaProbeOptions options = {.service = trees[service][0]};
    int error = pythia_probe_start(&options);
    if (!error) return;
    fprintf(stderr, "service: no control page: %s\n", strerror(error));
    exit(1);
}

static void end_quietly(int signal_number) {
    (void)signal_number;
    _exit(0);
}

/* Closes the sockets to the next service, and waits for its processes, if they are children, to end. */
static void hang_up(void) {
    while (ncalls)
        close(calls[--ncalls]);
    while (wait(NULL) > 0) {
    }
}

/* Forks a process that serves one end of a new pair of sockets; returns the other. */
static int start(int service, int number, const char *fault) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) exit(1);
    pid_t child = fork();
    if (child < 0) exit(1);
    if (child) {
        close(pair[1]);
        return pair[0];
    }
    close(pair[0]);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    hang_up(); /* what was inherited is the parent's */
    if (service + 1 < SERVICES)
        for (int i = 0; i < (service + 2 == SERVICES ? WORKERS : 1); i++)
            calls[ncalls++] = start(service + 1, i + 1, fault);
    become(service, number, fault);
    probe_start(service);
    serve(pair[1]);
    hang_up();
    exit(0);
}

static int list_faults(void) {
    for (int s = 0; s < SERVICES; s++) {
        become(s, 0, NULL);
        for (int i = 0; i < noperations; i++)
            if (operations[i].sign && operations[i].sign != '>')
                printf("%s:%s/%s\n",
                       operations[i].sign == '~'   ? "semaphore"
                       : operations[i].sign == '?' ? "cache"
                                                   : "host",
                       trees[s][0], operations[i].name);
    }
    return 0;
}

int main(int argc, char **argv) {
    const char *fault = NULL;
    long requests = 0, pause = 1000;
    if (argc == 2 && strcmp(argv[1], "--list") == 0) return list_faults();
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--fault") == 0) fault = argv[i + 1];
        if (strcmp(argv[i], "--requests") == 0) requests = atol(argv[i + 1]);
        if (strcmp(argv[i], "--pause") == 0) pause = atol(argv[i + 1]);
    }
    int known = !fault;
    for (int s = 0; s < SERVICES && !known; s++)
        known = become(s, 0, fault);
    if (!known || argc % 2 == 0) {
        fprintf(stderr, "service: bad arguments; the faults that there are: service --list\n");
        return 2;
    }
    signal(SIGTERM, end_quietly);
    signal(SIGINT, end_quietly);
    calls[0] = start(1, 0, fault);
    ncalls = 1;
    become(0, 0, fault);
    probe_start(0);
    for (long i = 0; !requests || i < requests; i++) {
        run_all();
        pause_us(pause);
    }
    hang_up();
    return 0;
}
