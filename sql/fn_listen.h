/* fn_listen.h - pythia_listen(): the OTLP/HTTP receiver of a connection.
**
**   pythia_listen(address [, options])  begins to listen; returns where, 'host:port'. options is JSON:
**                                       remote 1: also on addresses that other machines can reach;
**                                       queue_mb: bytes that may wait to be collected (64);
**                                       schema: whose pythia_collect() takes them ('main')
**   pythia_listen(NULL)                 stops. What waits can still be collected
**   pythia_listen()                     where it listens and what it counted, as JSON; NULL: it never did
**
** A connection has one receiver. What it received is a source of pythia_collect(). */
#ifndef PYTHIA_SQL_FN_LISTEN_H
#define PYTHIA_SQL_FN_LISTEN_H

#include "ext/base/error.h"
#include "ext/host.h"

int pythia_fn_listen_register(PythiaHost *host, char **error);

#endif
