/* store.h - the virtual table `pythia`, which owns the shadow tables. */
#ifndef PYTHIA_VTAB_STORE_H
#define PYTHIA_VTAB_STORE_H

#include "ext/host.h"

/* Registers the module `pythia`. destroy (may be NULL) is called with host when the module goes, and
** also when this fails. */
int pythia_store_table_register(PythiaHost *host, void (*destroy)(void *));

#endif
