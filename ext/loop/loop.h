/* loop.h - the loop: from requests that vary to trace points that are switched on, and back.
**
** Here the search space (ext/search), the traces (ext/capture) and the switches (ext/control) meet. A
** connection has one PythiaLoop; it keeps the search space of the schema it was last asked about, and while
** a strategy runs the question that the strategy is to answer. Time is an argument everywhere, so that
** decisions can be replayed. */
#ifndef PYTHIA_LOOP_LOOP_H
#define PYTHIA_LOOP_LOOP_H

#include "ext/capture/capture.h"
#include "ext/control/control.h"
#include "ext/search/candidates.h"

int pythia_loop_open(PythiaHost *host, PythiaLoop **loop);
/* Safe with NULL. */
void pythia_loop_close(PythiaLoop *loop);

/* The search space of a capture's schema, borrowed until the next call; an empty one where nothing was
** learned. capture NULL: the same. */
int pythia_loop_space(PythiaLoop *loop, PythiaCapture *capture, PythiaPoll *poll,
                      const PythiaSpace **space, char **error);

/* ---- learning (learning.c) ------------------------------------------------------------------------- */

/* Learns the search space of main: from all traces that take part in groups, or from those whose ids are
** in the first column of a query. Request types met are learned anew, the others stay. *traces: how many
** were learned from. One transaction. */
int pythia_loop_learn(PythiaLoop *loop, const char *query, int64_t *traces, char **error);

/* ---- layers (layers.c) ----------------------------------------------------------------------------- */

/* The layer of each of some names: [id], borrowed texts. */
typedef struct PythiaLayers {
    PythiaText *of; /* [0 .. names->n] */
    PythiaArena arena;
} PythiaLayers;
int pythia_layers_load(PythiaCapture *capture, const PythiaIntern *names, PythiaLayers *layers,
                       char **error);
void pythia_layers_clear(PythiaLayers *layers);

/* ---- what may be switched (switches.c) ------------------------------------------------------------- */

/* A row of pythia_xloop: a rule of pythia_control that is the loop's. */
typedef struct PythiaOwned {
    int64_t rule_id, cycle, at_ns, idle;
    PythiaText tracepoint, request_type, group_id; /* request_type p NULL: all */
    int enabled;
} PythiaOwned;

typedef struct PythiaSwitches {
    PythiaOwned *owned; /* in order of rule_id; those whose rule is gone or changed are left out */
    size_t n, capacity;
    PythiaArena arena;
    PythiaControlState state;
    int loaded;
} PythiaSwitches;

int pythia_switches_load(PythiaLoop *loop, PythiaCapture *capture, const char *schema,
                         int64_t now_ns, PythiaPoll *poll, PythiaSwitches *switches, char **error);
void pythia_switches_clear(PythiaSwitches *switches);

/* How a trace point stands for a request type. OPEN: off, and the loop may switch it on. */
enum { PYTHIA_SWITCH_OPEN = 0, PYTHIA_SWITCH_ON, PYTHIA_SWITCH_ALWAYS, PYTHIA_SWITCH_USER };
int pythia_switch_of(const PythiaSwitches *switches, PythiaText tracepoint,
                     PythiaText request_type);
/* The row of a rule, or NULL. */
const PythiaOwned *pythia_owned_find(const PythiaSwitches *switches, int64_t rule_id);
/* closed[text] for candidates: 1 for all that are not OPEN. pythia_free(). */
int pythia_switches_closed(const PythiaSwitches *switches, const PythiaSpace *space,
                           PythiaText request_type, unsigned char **closed);

/* ---- questions (question.c) ------------------------------------------------------------------------ */

/* An edge of a group, and what could say more about it. */
typedef struct PythiaQuestion {
    uint64_t group;
    uint32_t position; /* among the group's edges, from 1 */
    PythiaText request_type, source, destination;
    int source_phase, destination_phase;
    PythiaCandidates candidates; /* over the loop's space */
    PythiaArena arena;           /* the texts */
} PythiaQuestion;
void pythia_question_clear(PythiaQuestion *question);

/* Collects, from the members of a group, the path on which one of its edges took longest, and what the edge
** has in common with the others. */
typedef struct PythiaPick {
    const PythiaSpace *space;
    const PythiaNames *names;
    PythiaGroup *group;
    PythiaGroupEdge edge_of; /* the edge */
    double mean;             /* of its values */
    double *products;        /* [edge of the group]: sum of (value - mean) * value of that edge */
    int64_t best;            /* -1: none yet */
    uint32_t *events;
    uint32_t n, edge;
    size_t capacity;
    uint32_t *texts; /* [trace point]: text + 1 */
    size_t texts_capacity;
    uint32_t ntexts;
} PythiaPick;
/* For the edge with that index in group->edges. Clear it, also after a failure. */
int pythia_pick_open(PythiaPick *pick, const PythiaSpace *space, const PythiaNames *names,
                     PythiaGroup *group, uint32_t edge);
int pythia_pick_see(PythiaPick *pick, const PythiaTrace *trace, const PythiaPath *path,
                    const PythiaPathEdges *edges);
void pythia_pick_clear(PythiaPick *pick);

/* Fills the texts of a question about an edge, and its candidates from what was picked. */
int pythia_question_make(PythiaQuestion *question, const PythiaPick *pick, uint32_t position,
                         const PythiaSwitches *switches, PythiaPoll *poll);

/* The question about an edge of a stored group. position 0: the edge with the largest share of the
** variance. *found 0: there is no such group or edge. */
int pythia_question_of_group(PythiaLoop *loop, PythiaCapture *capture,
                             const PythiaSwitches *switches, uint64_t group, uint32_t position,
                             PythiaPoll *poll, PythiaQuestion *question, int *found, char **error);

/* The question that a strategy is being asked, or NULL. */
const PythiaQuestion *pythia_loop_question(const PythiaLoop *loop);

/* ---- strategies (strategy.c) ----------------------------------------------------------------------- */

/* The strategies that come with Pythia; NULL past the last. */
const char *pythia_strategy_shipped(int index, const char **sql);
/* Whether a text can be a strategy: one statement that reads, gives rows, takes only the parameters that
** there are and calls nothing that acts. SQLITE_CONSTRAINT with a message. */
int pythia_strategy_check(PythiaLoop *loop, const char *name, const char *sql, char **error);
/* The SQL of a strategy, the user's or shipped; sqlite3_free(). SQLITE_ERROR when there is none. */
int pythia_strategy_sql(PythiaCapture *capture, const char *name, char **sql, char **error);

typedef struct PythiaChoice {
    PythiaText tracepoint, layer, reason; /* layer p NULL: not known */
} PythiaChoice;
typedef struct PythiaChoices {
    PythiaChoice *list;
    size_t n, capacity;
    PythiaArena arena;
} PythiaChoices;
void pythia_choices_clear(PythiaChoices *choices);

/* Asks a strategy: at most `budget` trace points that are open, each once, in its order. */
int pythia_strategy_ask(PythiaLoop *loop, PythiaCapture *capture, const char *name,
                        const PythiaQuestion *question, const PythiaSwitches *switches,
                        const PythiaLayers *layers, int64_t budget, PythiaChoices *choices,
                        char **error);

/* ---- cycles (step.c) ------------------------------------------------------------------------------- */

/* One cycle at a time: collect, judge, choose, switch, retire. *decisions: how many were made, waiting left
** out. A back end that refuses makes the whole cycle fail, with its message, and nothing has happened. */
int pythia_loop_step(PythiaLoop *loop, int64_t now_ns, int64_t *decisions, char **error);
/* Switches off all that the loop switched on. */
int pythia_loop_shutdown(PythiaLoop *loop, int64_t now_ns, int64_t *decisions, char **error);

#endif
