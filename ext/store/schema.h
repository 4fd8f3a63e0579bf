/* schema.h - the shadow tables, listed once.
**
** One list of suffixes drives creation, dropping, xShadowName and the integrity check. A table is
** named pythia_<suffix>. Suffixes begin with x, so that no table has the name of a module, and hold no
** underscore, because SQLite protects a shadow table only by the part behind the last one. */
#ifndef PYTHIA_STORE_SCHEMA_H
#define PYTHIA_STORE_SCHEMA_H

#include "ext/base/error.h"

typedef struct PythiaShadow {
    const char *suffix; /* "xblock" */
    const char *body;   /* what follows the name in CREATE TABLE */
    int data;           /* emptied by delete-all; the others hold settings, rules and the journal */
} PythiaShadow;

/* The shadow tables in order of creation; *n of them. */
const PythiaShadow *pythia_schema_tables(int *n);

/* Rows of pythia_xconfig that the store itself keeps or obeys. */
#define PYTHIA_CONFIG_FORMAT  "format" /* version of the format, an integer */
#define PYTHIA_CONFIG_COOKIE  "cookie" /* see pythia_store_cookie() */
#define PYTHIA_CONFIG_EPOCH   "epoch"  /* raised when names may mean something else than before */
#define PYTHIA_CONFIG_SEGMENT "next_segment"        /* the id that the next segment gets */
#define PYTHIA_CONFIG_CACHE   "setting.cache_bytes" /* budget for segments in memory, a setting */

/* Runs sql with every %w replaced by the schema's name, statement after statement; at most three
** appear in one call. */
int pythia_schema_exec(sqlite3 *db, const char *schema, const char *sql, char **error);

#endif
