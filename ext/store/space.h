/* space.h - the search space on disk: rows in and out; what they mean is the business of ext/search.
**
** Lists are read by calling a function for each row, in order of the key; its texts are borrowed for the
** call, and a non-zero return ends the reading and is returned. Messages name the table. */
#ifndef PYTHIA_STORE_SPACE_H
#define PYTHIA_STORE_SPACE_H

#include "ext/store/store.h"

typedef struct PythiaSpaceRow {
    int64_t id, parent;
    PythiaText request_type, tracepoint;
    int single, skeleton;
    int64_t count, traces, on_path;
} PythiaSpaceRow;

typedef struct PythiaSpacePathRow {
    int64_t id;
    PythiaText request_type;
    int64_t count;
    PythiaText steps; /* bytes */
} PythiaSpacePathRow;

typedef int (*PythiaEachSpaceRow)(void *context, const PythiaSpaceRow *row);
typedef int (*PythiaEachSpacePathRow)(void *context, const PythiaSpacePathRow *row);
int pythia_store_space_nodes(PythiaStore *store, PythiaEachSpaceRow each, void *context,
                             char **error);
int pythia_store_space_paths(PythiaStore *store, PythiaEachSpacePathRow each, void *context,
                             char **error);

/* Writing: begin empties both tables. A zeroed writer; end it also after a failure. */
typedef struct PythiaSpaceWriter {
    PythiaStore *store;
    sqlite3_stmt *node, *path;
} PythiaSpaceWriter;
int pythia_store_space_begin(PythiaStore *store, PythiaSpaceWriter *writer, char **error);
int pythia_store_space_node_put(PythiaSpaceWriter *writer, const PythiaSpaceRow *row, char **error);
int pythia_store_space_path_put(PythiaSpaceWriter *writer, const PythiaSpacePathRow *row,
                                char **error);
void pythia_store_space_end(PythiaSpaceWriter *writer);

#endif
