/* http.c - the receiver's server, on libmicrohttpd with one thread of its own.
**
** libmicrohttpd calls answer() several times for a request: first with its header alone, where everything that a
** header can be wrong in is answered at once (the body is then not read, and the connection closes); then with
** the body in pieces; last without a piece, when the body is judged, queued and answered. What a request holds
** is given back in completed(), which comes exactly once, also for senders that go away. */
#include "ext/base/mem.h"
#include "ext/receive/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

/* A sender that stops sending is dropped after so long; more senders at once have to wait. */
enum { IDLE_SECONDS = 20, SENDERS = 64, DEFAULT_BUDGET = 64 * 1024 * 1024 };

struct PythiaReceiver {
    struct MHD_Daemon *daemon;
    ReceiveQueue queue;
    int remote;
    char address[INET6_ADDRSTRLEN + 16];
};

/* What is known of a request. */
typedef struct Request {
    int media_type, gzip;
    int refused; /* status that the body came to, once it is too long or there is no room: the rest is
                        ** read and forgotten */
    PythiaBuf body;
    size_t reserved; /* of the budget */
} Request;

/* ---- answers -------------------------------------------------------------------------------------------- */

static enum MHD_Result send_answer(PythiaReceiver *receiver, struct MHD_Connection *connection,
                                   const BodyVerdict *verdict, int media_type) {
    PythiaBuf text = {0};
    receive_answer(media_type, verdict, &text);
    struct MHD_Response *response =
        text.rc ? NULL
                : MHD_create_response_from_buffer(text.n, text.n ? text.data : (void *)"",
                                                  MHD_RESPMEM_MUST_COPY);
    pythia_buf_clear(&text);
    if (!response) return MHD_NO;
    MHD_add_response_header(response, "Content-Type",
                            media_type == RECEIVE_PROTOBUF ? "application/x-protobuf"
                                                           : "application/json");
    if (verdict->status == 405) MHD_add_response_header(response, "Allow", "POST");
    if (verdict->status == 503) MHD_add_response_header(response, "Retry-After", "1");
    receive_queue_answered(&receiver->queue, verdict->status);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)verdict->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(PythiaReceiver *receiver, struct MHD_Connection *connection,
                              int status, int media_type) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {404, "traces are received at /v1/traces, and nothing else is"},
        {405, "traces are sent by POST"},
        {411, "the request says neither how long its body is nor that it is chunked"},
        {413, "the body is larger than the receiver takes"},
        {415, "application/x-protobuf and application/json are received, plain or as gzip"},
        {500, "no memory"},
        {503, "what came in has not been collected yet; come again"},
    };
    BodyVerdict verdict = {.status = status};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            sqlite3_snprintf((int)sizeof verdict.reason, verdict.reason, "%s", reasons[i].reason);
    return send_answer(receiver, connection, &verdict, media_type);
}

/* ---- requests --------------------------------------------------------------------------------------------- */

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* The header alone: 200 when the body may come. */
static int judge_header(struct MHD_Connection *connection, const char *url, const char *method,
                        Request *request) {
    request->media_type = receive_media_type(header(connection, "Content-Type"));
    if (strcmp(url, "/v1/traces") != 0) return 404;
    if (strcmp(method, "POST") != 0) return 405;
    int encoding = receive_encoding(header(connection, "Content-Encoding"));
    if (request->media_type == RECEIVE_OTHER || !encoding) return 415;
    request->gzip = encoding == 2;
    const char *length = header(connection, "Content-Length");
    if (!length) return header(connection, "Transfer-Encoding") ? 200 : 411;
    return strtoull(length, NULL, 10) > PYTHIA_RECEIVE_BODY ? 413 : 200;
}

static void take_piece(PythiaReceiver *receiver, Request *request, const char *piece, size_t n) {
    if (request->refused) return;
    if (request->body.n + n > PYTHIA_RECEIVE_BODY) {
        request->refused = 413;
    } else if (!receive_queue_reserve(&receiver->queue, n)) {
        request->refused = 503;
    } else {
        request->reserved += n;
        pythia_buf_bytes(&request->body, piece, n);
        if (request->body.rc) request->refused = 500;
    }
}

/* The body is whole. */
static enum MHD_Result finish(PythiaReceiver *receiver, struct MHD_Connection *connection,
                              Request *request) {
    if (request->refused)
        return refuse(receiver, connection, request->refused, request->media_type);
    BodyVerdict verdict;
    size_t n = request->body.n;
    receive_judge((PythiaText){(const char *)request->body.data, n}, request->gzip, &verdict);
    if (verdict.status == 200 && n && (verdict.spans || verdict.rejected)) {
        unsigned char *data = (unsigned char *)pythia_buf_take(&request->body);
        if (!data || receive_queue_put(&receiver->queue, data, n)) {
            pythia_free(data);
            return refuse(receiver, connection, 500, request->media_type);
        }
        request->reserved -= n; /* the queue's now */
    }
    return send_answer(receiver, connection, &verdict, request->media_type);
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *piece, size_t *n,
                              void **state) {
    PythiaReceiver *receiver = context;
    Request *request = *state;
    (void)version;
    if (!request) {
        request = pythia_alloc_zero(sizeof *request);
        if (!request) return MHD_NO;
        *state = request;
        int status = judge_header(connection, url, method, request);
        return status == 200 ? MHD_YES : refuse(receiver, connection, status, request->media_type);
    }
    if (*n) {
        take_piece(receiver, request, piece, *n);
        *n = 0;
        return MHD_YES;
    }
    return finish(receiver, connection, request);
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode why) {
    PythiaReceiver *receiver = context;
    Request *request = *state;
    (void)connection;
    (void)why;
    if (!request) return;
    receive_queue_release(&receiver->queue, request->reserved);
    pythia_buf_clear(&request->body);
    pythia_free(request);
    *state = NULL;
}

/* ---- addresses ----------------------------------------------------------------------------------------------- */

typedef union Address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} Address;

/* "host:port", "[host]:port", ":port", "port". */
static int split_address(const char *text, char *host, size_t capacity, unsigned *port) {
    const char *colon = strrchr(text, ':');
    const char *digits = colon ? colon + 1 : text, *from = text;
    size_t n = colon ? (size_t)(colon - text) : 0;
    if (n && text[0] == '[') {
        if (text[n - 1] != ']') return 0;
        from++;
        n -= 2;
    }
    if (n >= capacity) return 0;
    memcpy(host, from, n);
    host[n] = 0;
    if (!n || sqlite3_stricmp(host, "localhost") == 0)
        sqlite3_snprintf((int)capacity, host, "127.0.0.1");
    *port = 0;
    for (n = 0; digits[n]; n++) {
        if (digits[n] < '0' || digits[n] > '9' || n == 5) return 0;
        *port = *port * 10 + (unsigned)(digits[n] - '0');
    }
    return n > 0 && *port < 65536;
}

static int read_address(const char *text, int remote, Address *address, char **error) {
    char host[INET6_ADDRSTRLEN];
    unsigned port;
    memset(address, 0, sizeof *address);
    if (!split_address(text, host, sizeof host, &port))
        return pythia_fail(error, SQLITE_ERROR,
                           "'%s' is no address: host:port or port, such as 127.0.0.1:4318", text);
    int loopback;
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        loopback = ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
    } else if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
        loopback = IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    } else {
        return pythia_fail(error, SQLITE_ERROR, "'%s' is no IP address", host);
    }
    if (loopback || remote) return SQLITE_OK;
    return pythia_fail(error, SQLITE_ERROR,
                       "'%s' can be reached from other machines: say {\"remote\":1} in the options "
                       "if that is meant",
                       host);
}

static void write_address(PythiaReceiver *receiver, const Address *address, unsigned port) {
    char host[INET6_ADDRSTRLEN] = "";
    int v6 = address->any.sa_family == AF_INET6;
    inet_ntop(address->any.sa_family,
              v6 ? (const void *)&address->v6.sin6_addr : (const void *)&address->v4.sin_addr, host,
              sizeof host);
    sqlite3_snprintf((int)sizeof receiver->address, receiver->address, v6 ? "[%s]:%u" : "%s:%u",
                     host, port);
}

/* ---- open and close -------------------------------------------------------------------------------------------- */

static int start(PythiaReceiver *receiver, const Address *address, char **error) {
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO |
                     (address->any.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    errno = 0;
    receiver->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, answer, receiver, MHD_OPTION_SOCK_ADDR, &address->any,
        MHD_OPTION_NOTIFY_COMPLETED, completed, receiver, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)SENDERS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_END);
    if (receiver->daemon) {
        const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(receiver->daemon, MHD_DAEMON_INFO_BIND_PORT);
        write_address(receiver, address, info ? info->port : 0);
        return SQLITE_OK;
    }
    int why = errno;
    write_address(
        receiver, address,
        ntohs(address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port));
    return pythia_fail(error, SQLITE_CANTOPEN, "cannot listen on %s: %s", receiver->address,
                       why ? strerror(why) : "libmicrohttpd does not say why");
}

int pythia_receiver_open(const PythiaReceiveOptions *options, PythiaReceiver **receiver) {
    size_t budget = options && options->queue_bytes ? options->queue_bytes : (size_t)DEFAULT_BUDGET;
    *receiver = pythia_alloc_zero(sizeof **receiver);
    if (!*receiver) return SQLITE_NOMEM;
    int rc = receive_queue_open(&(*receiver)->queue, budget);
    if (rc) {
        pythia_free(*receiver);
        *receiver = NULL;
        return rc;
    }
    (*receiver)->remote = options && options->remote;
    return SQLITE_OK;
}

void pythia_receiver_close(PythiaReceiver *receiver) {
    if (!receiver) return;
    pythia_receiver_stop(receiver);
    receive_queue_close(&receiver->queue);
    pythia_free(receiver);
}

int pythia_receiver_listen(PythiaReceiver *receiver, const char *address, char **error) {
    Address where;
    /* The thread allocates through SQLite, too. */
    if (!sqlite3_threadsafe())
        return pythia_fail(error, SQLITE_ERROR, "this SQLite is built without threads");
    int rc = read_address(address, receiver->remote, &where, error);
    return rc ? rc : start(receiver, &where, error);
}

void pythia_receiver_stop(PythiaReceiver *receiver) {
    if (receiver->daemon) MHD_stop_daemon(receiver->daemon);
    receiver->daemon = NULL;
}

const char *pythia_receiver_address(const PythiaReceiver *receiver) {
    return receiver->daemon ? receiver->address : NULL;
}

/* ---- taking out ------------------------------------------------------------------------------------------------- */

void pythia_receiver_take(PythiaReceiver *receiver, PythiaReceived *received) {
    ReceiveQueue *queue = &receiver->queue;
    memset(received, 0, sizeof *received);
    pthread_mutex_lock(&queue->lock);
    QueuedBody *body = queue->untaken;
    if (body) {
        *received = (PythiaReceived){{(const char *)body->data, body->n}, "otlp", body->number};
        queue->untaken = body->next;
    }
    pthread_mutex_unlock(&queue->lock);
}

void pythia_receiver_done(PythiaReceiver *receiver, int stored) {
    ReceiveQueue *queue = &receiver->queue;
    pthread_mutex_lock(&queue->lock);
    QueuedBody *gone = stored ? queue->first : NULL;
    QueuedBody *stays = queue->untaken;
    if (!stored) {
        queue->untaken = queue->first;
    } else {
        queue->first = stays;
        if (!stays) queue->last = NULL;
        for (QueuedBody *body = gone; body != stays; body = body->next) {
            queue->used -= body->n;
            queue->counts.queued--;
            queue->counts.queued_bytes -= (int64_t)body->n;
        }
    }
    pthread_mutex_unlock(&queue->lock);
    while (gone && gone != stays) {
        QueuedBody *next = gone->next;
        pythia_free(gone->data);
        pythia_free(gone);
        gone = next;
    }
}

void pythia_receiver_counts(PythiaReceiver *receiver, PythiaReceiverCounts *counts) {
    pthread_mutex_lock(&receiver->queue.lock);
    *counts = receiver->queue.counts;
    pthread_mutex_unlock(&receiver->queue.lock);
}
