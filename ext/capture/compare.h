/* compare.h - two sets of stored traces, of one store or of two, given to a comparison (ext/group/compare.h). */
#ifndef PYTHIA_CAPTURE_COMPARE_H
#define PYTHIA_CAPTURE_COMPARE_H

#include "ext/capture/select.h"
#include "ext/group/compare.h"

typedef struct PythiaSide {
    PythiaCapture *capture; /* NULL: a schema without a store, and no traces */
    PythiaSelection places;
} PythiaSide;

/* Compares the traces that are in groups. Both captures must be settled (pythia_capture_settle()) before the
** places are found. What does not need the traces themselves is read from columns; a trace is read where
** both sets have some of its type. Finishes the comparison but for pythia_comparison_finish(). */
int pythia_compare_sides(const PythiaSide sides[2], PythiaComparison *comparison, PythiaPoll *poll,
                         char **error);

#endif
