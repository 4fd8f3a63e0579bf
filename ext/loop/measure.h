/* measure.h - what programs count between two cycles: the cost of trace points, and what was lost. For this room.
**
** Programs count from the beginning of their page on; the difference to the reading of the cycle before is what
** matters here. A first reading, or one of a page that was made anew, has nothing to be compared with. */
#ifndef PYTHIA_LOOP_MEASURE_H
#define PYTHIA_LOOP_MEASURE_H

#include "ext/control/control.h"

typedef struct PythiaReading {
    int64_t hits, bytes, cost_ns;
} PythiaReading;

typedef struct PythiaMeasures {
    PythiaIntern names;          /* of trace points */
    PythiaReading *last, *since; /* [name]: the last reading; what came since the one before */
    unsigned char *known;        /* [name]: since is */
    size_t last_capacity, since_capacity, known_capacity;
    PythiaReading all;      /* sum of since */
    int64_t at_ns;          /* of the last reading; 0: there was none */
    double seconds;         /* between the last two; 0: not known */
    PythiaReading *reading; /* [name]: being made */
    size_t reading_capacity;
    struct PythiaLoss {
        int64_t backend, lost;
    } * losses;
    size_t nlosses, losses_capacity;
    int asked;       /* the receiver was */
    int64_t refused; /* by the receiver, ever */
    int64_t
        congested_ns; /* when something was last found lost: requests before it are not judged */
} PythiaMeasures;

/* Reads the counters of all back ends, and of the receiver of the connection. *lost, *turned_away: records of programs,
** and requests of exporters, that were lost since the last reading. */
int pythia_measures_read(PythiaMeasures *measures, PythiaControlState *state, sqlite3 *db,
                         int64_t now_ns, int64_t *lost, int64_t *turned_away, char **error);
/* What a trace point cost since the reading before; NULL: not known. */
const PythiaReading *pythia_measured(const PythiaMeasures *measures, PythiaText tracepoint);
void pythia_measures_clear(PythiaMeasures *measures);

#endif
