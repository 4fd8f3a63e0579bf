/* receive.h - an OTLP/HTTP receiver in the background of a connection.
**
** One thread (libmicrohttpd's) accepts POST /v1/traces as OpenTelemetry's exporters send it: protobuf or JSON,
** plain or gzip. A body is looked through at once, so that the sender learns what is wrong with it, and is
** then kept as it came until the connection's own thread collects it: the receiver touches no database.
**
** What it answers (OTLP specification, section "OTLP/HTTP"):
**
**   200  taken in; where single spans cannot be used, with their number and a reason (partial success)
**   400  the body is no OTLP, is cut off, or does not decompress: sending it again will not help
**   404  another path; metrics and logs are not received
**   405  another method
**   411  no length (and no chunked body)
**   413  more than PYTHIA_RECEIVE_BODY bytes, compressed or not
**   415  another content type or encoding
**   503  the queue is full, with Retry-After: the sender is to come again
**
** Memory is bounded: bodies that are being read and bodies that wait count against one budget, and a
** request that would exceed it is answered 503. Nothing that was answered 200 is dropped, but by
** pythia_receiver_close(). Bodies leave the queue when the caller says that they are stored. */
#ifndef PYTHIA_RECEIVE_RECEIVE_H
#define PYTHIA_RECEIVE_RECEIVE_H

#include "ext/base/error.h"
#include "ext/base/text.h"

#include <stdint.h>

enum { PYTHIA_RECEIVE_BODY = 16 * 1024 * 1024, PYTHIA_RECEIVE_UNPACKED = 64 * 1024 * 1024 };

typedef struct PythiaReceiver PythiaReceiver;

typedef struct PythiaReceiveOptions {
    size_t queue_bytes; /* the budget; 0: 64 MB */
    int remote;         /* addresses other than loopback may be listened on */
} PythiaReceiveOptions;

/* A receiver that does not listen yet. options may be NULL. */
int pythia_receiver_open(const PythiaReceiveOptions *options, PythiaReceiver **receiver);
/* Stops listening and drops what is queued. NULL is harmless. */
void pythia_receiver_close(PythiaReceiver *receiver);

/* Listens on `address`: "host:port", "[host]:port", ":port" or "port"; without a host 127.0.0.1; port 0: a free
** one. The host is an IP address or localhost. Errors name the address and say what is the matter: a host that
** is not loopback while `remote` is not set, a port that is taken. */
int pythia_receiver_listen(PythiaReceiver *receiver, const char *address, char **error);
/* Stops listening and waits for the thread. What is queued stays. */
void pythia_receiver_stop(PythiaReceiver *receiver);
/* Where it listens, "127.0.0.1:4318"; NULL when it does not. */
const char *pythia_receiver_address(const PythiaReceiver *receiver);

/* The oldest body that has not been taken; n 0: there is none. It is borrowed: it stays, and counts as queued,
** until pythia_receiver_done(). format is for pythia_read_text(). */
typedef struct PythiaReceived {
    PythiaText body; /* as it came, maybe compressed */
    const char *format;
    int64_t number; /* 1, 2, 3 ... */
} PythiaReceived;
void pythia_receiver_take(PythiaReceiver *receiver, PythiaReceived *received);
/* All bodies taken so far are stored (stored 1) and go, or are to be taken again (0). */
void pythia_receiver_done(PythiaReceiver *receiver, int stored);

typedef struct PythiaReceiverCounts {
    int64_t requests; /* answered, whatever the answer */
    int64_t accepted; /* with 200 */
    int64_t refused;  /* with 503 */
    int64_t queued;   /* bodies waiting now */
    int64_t queued_bytes;
} PythiaReceiverCounts;
void pythia_receiver_counts(PythiaReceiver *receiver, PythiaReceiverCounts *counts);

#endif
