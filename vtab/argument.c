/* argument.c - bound values, and hidden arguments as bound (vtab.h). A join hands over event ids, and the same texts
** again and again: neither is copied. */
#include "ext/base/hash.h"
#include "vtab/vtab.h"

PythiaText pythia_value_text(sqlite3_value *value) {
    const char *p = (const char *)sqlite3_value_text(value);
    return (PythiaText){p, p ? (size_t)sqlite3_value_bytes(value) : 0};
}

void pythia_argument_clear(PythiaArgument *argument) {
    sqlite3_value_free(argument->value);
    *argument = (PythiaArgument){0};
}

int pythia_argument_set(PythiaArgument *argument, sqlite3_value *value) {
    int type = sqlite3_value_type(value);
    argument->given = 1;
    argument->is_integer = type == SQLITE_INTEGER;
    if (argument->is_integer) {
        argument->integer = sqlite3_value_int64(value);
        return SQLITE_OK;
    }
    if (type == SQLITE_TEXT && argument->value &&
        sqlite3_value_type(argument->value) == SQLITE_TEXT &&
        pythia_text_equal(pythia_value_text(value), pythia_value_text(argument->value)))
        return SQLITE_OK;
    sqlite3_value_free(argument->value);
    argument->value = sqlite3_value_dup(value);
    return argument->value ? SQLITE_OK : SQLITE_NOMEM;
}

PythiaText pythia_argument_text(const PythiaArgument *argument,
                                char buffer[PYTHIA_ARGUMENT_CHARS]) {
    if (!argument->is_integer) return pythia_value_text(argument->value);
    sqlite3_snprintf(PYTHIA_ARGUMENT_CHARS, buffer, "%lld", (sqlite3_int64)argument->integer);
    return pythia_text(buffer);
}

void pythia_argument_result(const PythiaArgument *argument, sqlite3_context *context) {
    if (argument->given && argument->is_integer)
        sqlite3_result_int64(context, argument->integer);
    else if (argument->given)
        sqlite3_result_value(context, argument->value);
}

uint64_t pythia_arguments_hash(const PythiaArgument *arguments, int n, uint64_t seed) {
    uint64_t h = seed;
    for (int i = 0; i < n; i++) {
        char buffer[PYTHIA_ARGUMENT_CHARS];
        if (!arguments[i].given) continue;
        PythiaText text = pythia_argument_text(&arguments[i], buffer);
        h = pythia_hash_mix(h + (uint64_t)i + 1, pythia_hash64(text.p ? text.p : "", text.n));
    }
    return h;
}
