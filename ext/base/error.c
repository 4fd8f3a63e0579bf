/* error.c - see error.h. */
#include "ext/base/error.h"

#include <stdarg.h>

int pythia_fail(char **error, int rc, const char *format, ...) {
    if (!error || *error) return rc;
    va_list arguments;
    va_start(arguments, format);
    *error = sqlite3_vmprintf(format, arguments);
    va_end(arguments);
    return *error ? rc : SQLITE_NOMEM;
}
