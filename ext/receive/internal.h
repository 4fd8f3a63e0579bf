/* internal.h - what the files of ext/receive share: the queue, and the look at a body.
**
** queue.c  bodies that wait, under one lock, with the budget
** body.c   what a body is worth: media types, decompression, a trial reading
** http.c   the server: the only file that names libmicrohttpd */
#ifndef PYTHIA_RECEIVE_INTERNAL_H
#define PYTHIA_RECEIVE_INTERNAL_H

#include "ext/base/buf.h"
#include "ext/receive/receive.h"

#include <pthread.h>

/* ---- queue.c -------------------------------------------------------------------------------------- */

typedef struct QueuedBody {
    struct QueuedBody *next;
    unsigned char *data; /* owned */
    size_t n;
    int64_t number;
} QueuedBody;

typedef struct ReceiveQueue {
    pthread_mutex_t lock;
    QueuedBody *first, *last, *untaken; /* oldest first; untaken: the first not taken yet */
    size_t budget, used;                /* bytes, of queued bodies and of those being read */
    PythiaReceiverCounts counts;
    int64_t next_number;
} ReceiveQueue;

int receive_queue_open(ReceiveQueue *queue, size_t budget);
void receive_queue_close(ReceiveQueue *queue);
/* Sets bytes of the budget aside for a body that is being read; 0: there is no room. */
int receive_queue_reserve(ReceiveQueue *queue, size_t bytes);
void receive_queue_release(ReceiveQueue *queue, size_t bytes);
/* Takes a body over, whose bytes were reserved. SQLITE_OK or NOMEM (the body is still the caller's). */
int receive_queue_put(ReceiveQueue *queue, unsigned char *data, size_t n);
void receive_queue_answered(ReceiveQueue *queue, int status);

/* ---- body.c ------------------------------------------------------------------------------------------ */

enum { RECEIVE_PROTOBUF, RECEIVE_JSON, RECEIVE_OTHER };
/* The kind that a Content-Type names, parameters aside. */
int receive_media_type(const char *content_type);
/* 1: plain, 2: gzip, 0: something else. encoding may be NULL. */
int receive_encoding(const char *encoding);

typedef struct BodyVerdict {
    int status;       /* 200, 400, 413; 500: no memory */
    int64_t spans;    /* that can be used */
    int64_t rejected; /* spans or parts that cannot */
    char reason[200]; /* why, for the first of them */
} BodyVerdict;
/* Reads a body on trial. */
void receive_judge(PythiaText body, int gzip, BodyVerdict *verdict);
/* The answer's body, in the sender's own encoding: ExportTraceServiceResponse, or google.rpc.Status. */
void receive_answer(int media_type, const BodyVerdict *verdict, PythiaBuf *out);

#endif
