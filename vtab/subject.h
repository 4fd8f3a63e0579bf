/* subject.h - whose requests a table is about: the members of a group, or of all groups of a request type; and
** their variables with the response that is to be explained. What pythia_cca, pythia_split and the tables about single
** groups share. */
#ifndef PYTHIA_VTAB_SUBJECT_H
#define PYTHIA_VTAB_SUBJECT_H

#include "ext/capture/capture.h"
#include "ext/group/variables.h"
#include "vtab/vtab.h"

/* Reads all members into *variables, finished. group: a group's id or, where it is none, a request type; type: a
** request type. Exactly one of them is given. response: 'duration' (NULL, too) or the position of an edge of the
** group. *found is 0, and *variables NULL, when there is no such group or type. pythia_variables_close(). */
int pythia_subject_read(PythiaCursor *cursor, const PythiaBound *group, const PythiaBound *type,
                        const PythiaBound *response, PythiaVariables **variables, int *found);

/* For PythiaTable.plan: a plan with not exactly one of the two arguments is the last resort, so that an error in
** fill comes only where there is no other. */
int pythia_subject_plan(sqlite3_index_info *info, int group_column, int type_column);
/* In fill: SQLITE_ERROR with a message when not exactly one is given. */
int pythia_subject_check(PythiaCursor *cursor, const PythiaBound *group, const PythiaBound *type);

/* Calls `each` for every group that has members, or for that of the bound id; a non-zero return stops and is
** returned. group_id may be NULL. In fill. */
int pythia_each_group(PythiaCursor *cursor, const PythiaBound *group_id,
                      int (*each)(PythiaCursor *cursor, PythiaGroup *group, void *context),
                      void *context);

#endif
