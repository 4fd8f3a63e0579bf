/* match.h - regular expressions; the one place that names PCRE2.
**
** Patterns are Perl-compatible, UTF-8 (invalid sequences in a subject simply do not match), compiled
** once and JIT-compiled where the machine allows. Memory comes from sqlite3_malloc64(). Match, depth
** and heap limits bound what a hostile pattern can cost: beyond them the result is an error, not a
** long wait. A PythiaMatch is used by one thread at a time. */
#ifndef PYTHIA_BASE_MATCH_H
#define PYTHIA_BASE_MATCH_H

#include "ext/base/buf.h"

typedef struct PythiaMatch PythiaMatch;

/* Compiles. On failure SQLITE_ERROR, with a message that gives PCRE2's words and the offset into the
** pattern in bytes, or SQLITE_NOMEM. */
int pythia_match_compile(PythiaText pattern, PythiaMatch **match, char **error);
/* NULL is fine. */
void pythia_match_free(PythiaMatch *match);

/* Sets *matched to 1 where the pattern is found anywhere in the subject. SQLITE_OK; SQLITE_ERROR with
** a message when a limit was hit. */
int pythia_match_test(PythiaMatch *match, PythiaText subject, int *matched, char **error);

/* Where capture group `group` (0: the whole match) lies in the subject of the first match. *found is
** 0 when there is no match or the group took no part; then *out is empty. SQLITE_RANGE with a message
** when the pattern has no such group. */
int pythia_match_group(PythiaMatch *match, PythiaText subject, unsigned group, PythiaText *out,
                       int *found, char **error);

/* Replaces every match. In the replacement $1 or ${name} stand for groups, $$ for a dollar sign
** (PCRE2's extended substitution). Appends the result to *out; *replaced counts the matches. */
int pythia_match_replace(PythiaMatch *match, PythiaText subject, PythiaText replacement,
                         PythiaBuf *out, int *replaced, char **error);

#endif
