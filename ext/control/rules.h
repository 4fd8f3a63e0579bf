/* rules.h - which rule decides about a trace point.
**
** A rule names trace points by the text of `tracepoint`:
**     /regex/      a Perl-compatible regular expression, found anywhere in the name
**     otherwise    SQLite's GLOB over the whole name, where *, ? and [ have a meaning
** and a text that equals a trace point's name, letter for letter, names it exactly, whatever
** characters it is made of.
**
** Among the rules that match a trace point and a request type and have not expired the most specific
** one decides: exact name over pattern, then a request type over all, then the larger id. A trace point
** that is always on takes no notice of rules that would switch it off.
**
** Nothing here touches a database; time is an argument. */
#ifndef PYTHIA_CONTROL_RULES_H
#define PYTHIA_CONTROL_RULES_H

#include "ext/base/match.h"
#include "ext/store/rules.h"

enum { PYTHIA_PATTERN_BYTES = 1000 }; /* the longest `tracepoint` of a rule */

enum { PYTHIA_NAME_PLAIN, PYTHIA_NAME_GLOB, PYTHIA_NAME_REGEX };

/* The form of a rule's `tracepoint`. */
int pythia_name_form(PythiaText text);

/* Whether a rule can be written at all: SQLITE_OK, or SQLITE_CONSTRAINT with a message that says what
** is wrong and, in a pattern, at which byte. */
int pythia_rule_check(const PythiaRuleRow *row, char **error);

/* A rule ready to be matched. */
typedef struct PythiaRule {
    const PythiaRuleRow *row; /* borrowed */
    int form;                 /* PYTHIA_NAME_* */
    PythiaMatch *match;       /* REGEX */
    char *error;              /* why it matches nothing, or not everything; NULL: all is well */
} PythiaRule;

typedef struct PythiaRules {
    PythiaRule *rules; /* in order of id, as the rows */
    size_t n;
} PythiaRules;

/* Compiles stored rules. A row that cannot be used becomes a rule with an error that matches nothing.
** The rows must outlive the rules. */
int pythia_rules_compile(const PythiaRuleRows *rows, PythiaRules *rules);
void pythia_rules_clear(PythiaRules *rules);

enum { PYTHIA_NO_MATCH = 0, PYTHIA_PATTERN_MATCH = 1, PYTHIA_EXACT_MATCH = 2 };

/* How a rule matches a trace point's name. The name must be zero-terminated as well. A search that hits
** a limit of the regular expression counts as no match and leaves its message in rule->error. */
int pythia_rule_match(PythiaRule *rule, PythiaText name);

int pythia_rule_expired(const PythiaRuleRow *row, int64_t now_ns);

/* Whether a rule that matches in way `a_match` goes before another one, for the same trace point and a
** request type to which both apply. */
int pythia_rule_before(const PythiaRuleRow *a, int a_match, const PythiaRuleRow *b, int b_match);

/* The rule that decides about one trace point for a request type (p NULL: for those that no rule names),
** NULL: its own default does. The name must be zero-terminated. */
const PythiaRuleRow *pythia_rules_decide(PythiaRules *rules, PythiaText name,
                                         PythiaText request_type, int always_on, int64_t now_ns);

/* Appends the parameters that go with a rule's switch, a JSON object: sample, predicate, aggregate, group_by,
** window_ms and expires_ns where given, and "then":1 where the rule expires and the trace point is on after that
** (then_on), for all hits. row NULL: an empty object. */
void pythia_rule_parameters(const PythiaRuleRow *row, int then_on, PythiaBuf *out);

#endif
