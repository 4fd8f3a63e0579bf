/* writer.h - the columns that a segment is collected in; shared by segment_write.c, which fills them,
** and segment_encode.c, which turns them into blocks. */
#ifndef PYTHIA_STORE_WRITER_H
#define PYTHIA_STORE_WRITER_H

#include "ext/base/intern.h"
#include "ext/store/pack.h"
#include "ext/store/segment.h"

enum {
    WRITER_STAGES_KEPT = 2048,                 /* from segment to segment */
    WRITER_TEXTS_KEPT_BYTES = 8 * 1024 * 1024, /* likewise */
    WRITER_BYTES = 64 * 1024 * 1024,           /* texts of one segment, about */
    WRITER_RESOURCES = 256,                    /* sets that a new one is compared with */
    WRITER_RESOURCE_GUESSES = 256,             /* a power of two */
    WRITER_PARENT_COLUMNS = 4
};

/* Values of spans with one key and type. */
typedef struct PythiaStage {
    uint32_t key, type;
    uint32_t n;
    uint32_t next;     /* the stage that was asked for after this one: a guess; below nstages */
    uint32_t last_row; /* UINT32_MAX: none */
    int64_t *rows;     /* ascending */
    int64_t *codes;    /* numbers as they are, texts as ids of the writer's table */
    size_t capacity;   /* of both */
} PythiaStage;

/* A value that found no column. Its text, if any, is interned. */
typedef struct PythiaRestValue {
    uint32_t row;
    PythiaValue value;
} PythiaRestValue;

typedef struct PythiaWriterLists {
    uint32_t n;
    int64_t *rows, *ends;
    size_t rows_capacity, ends_capacity;
    PythiaBuf bytes;
} PythiaWriterLists;

struct PythiaWriter {
    PythiaSegmentInfo info;
    int64_t *columns[PYTHIA_COL_STORED];
    size_t capacities[PYTHIA_PER_COUNT];

    PythiaStage *stages; /* the first nstages are in use, stages_made have memory */
    uint32_t nstages, stages_made;
    size_t stages_capacity;
    uint32_t *stage_slots, stage_mask; /* 0 empty, else index + 1 */
    uint32_t last_stage;

    PythiaRestValue *rest;
    uint32_t nrest;
    size_t rest_capacity;
    PythiaWriterLists points, links, rest_lists;

    int64_t *parents[WRITER_PARENT_COLUMNS]; /* rows, form, hi, lo */
    size_t parents_capacity[WRITER_PARENT_COLUMNS];
    uint32_t nparents;

    PythiaResourceSet *resources;
    uint32_t nresources;
    size_t resources_capacity;
    const PythiaValue *
        *resource_sources; /* [code]: where the values of the set were, when it was added */
    size_t resource_sources_capacity;
    uint32_t resource_guesses[WRITER_RESOURCE_GUESSES]; /* by hash: the code asked for last */
    uint32_t *resource_codes; /* of the trace being added: code of each of its sets */
    size_t resource_codes_capacity;
    uint32_t resource_none; /* code + 1 of the empty set, 0: not yet known */
    PythiaArena arena;      /* values of the sets */

    PythiaIntern texts;
    uint32_t *atom_texts; /* [atom]: id of the text, 0: not asked yet; NULL: none was ever asked */
    uint32_t stamp;       /* of the column being written */
    uint32_t *text_stamps, *text_codes; /* by id of a text */
    size_t text_stamps_capacity, text_codes_capacity, text_stamps_n;
    uint32_t *texts_used; /* id by code */
    size_t texts_used_capacity;
    int64_t *scratch;
    size_t scratch_capacity;
    PythiaValue *scratch_values;
    size_t scratch_values_capacity;
    uint32_t *places;
    size_t places_capacity;
    PythiaBlockWriter block;
    PythiaBuf bytes; /* of a part, before it is packed */
    PythiaPacker packer;
};

/* Appends a list of values for a row, which must be above those before. */
int pythia_writer_list(PythiaWriterLists *lists, uint32_t row, const PythiaValue *values,
                       uint32_t n);

#endif
