/* fn_control.h - SQL functions of trace point control. */
#ifndef PYTHIA_SQL_FN_CONTROL_H
#define PYTHIA_SQL_FN_CONTROL_H

#include "ext/host.h"

/* Registers on the host's connection, both for direct use only:
**
**   pythia_control_api(pointer)  takes over the PythiaControlHost that is bound as a pointer value of type
**                                "pythia-control-callback"; see ext/pythia.h. Gives 1
**   pythia_reconcile([schema])   brings the programs to the rules: tells every back end all that the rules
**                                say. Gives the number of changes told; inside a transaction 0, and they
**                                are told at its COMMIT
**
** The host must live as long as the functions: they go when the connection closes or they are
** registered again. */
int pythia_fn_control_register(PythiaHost *host, char **error);

#endif
