/* layers.c - which layer of a system a trace point belongs to; see loop.h.
**
** The first rule of pythia_layers, in order of its rows, whose pattern is found in the name decides;
** without one it is "application". */
#include "ext/loop/internal.h"

#include "ext/base/match.h"

typedef struct LayerRule {
    PythiaMatch *match;
    PythiaText layer;
} LayerRule;

typedef struct LayerRules {
    LayerRule *rules;
    size_t n, capacity;
} LayerRules;

static int rules_load(PythiaStore *store, PythiaArena *arena, LayerRules *list, char **error) {
    sqlite3_stmt *s = NULL;
    int rc = pythia_store_prepare(
        store, &s, "SELECT pattern, layer FROM \"%w\".pythia_xlayer ORDER BY id", error);
    while (!rc && sqlite3_step(s) == SQLITE_ROW) {
        const char *pattern = (const char *)sqlite3_column_text(s, 0);
        const char *layer = (const char *)sqlite3_column_text(s, 1);
        size_t n = layer ? (size_t)sqlite3_column_bytes(s, 1) : 0;
        rc = pythia_grow((void **)&list->rules, &list->capacity, list->n + 1, sizeof *list->rules);
        if (rc) break;
        LayerRule *rule = &list->rules[list->n];
        rule->match = NULL;
        rule->layer = (PythiaText){pythia_arena_copy(arena, layer ? layer : "", n), n};
        rc = rule->layer.p ? pythia_match_compile(pythia_text(pattern), &rule->match, error)
                           : SQLITE_NOMEM;
        if (!rc) list->n++;
    }
    int last = sqlite3_finalize(s);
    if (!rc && last)
        rc = pythia_fail(error, last, "pythia_xlayer: %s", sqlite3_errmsg(pythia_store_db(store)));
    return rc;
}

static void rules_clear(LayerRules *list) {
    for (size_t i = 0; i < list->n; i++)
        pythia_match_free(list->rules[i].match);
    pythia_free(list->rules);
}

int pythia_layers_load(PythiaCapture *capture, const PythiaIntern *names, PythiaLayers *layers,
                       char **error) {
    LayerRules list = {0};
    layers->of = pythia_alloc_array((size_t)names->n + 1, sizeof *layers->of);
    int rc = layers->of ? SQLITE_OK : SQLITE_NOMEM;
    if (!rc && capture)
        rc = rules_load(pythia_capture_store(capture), &layers->arena, &list, error);
    for (uint32_t text = 0; !rc && text <= names->n; text++) {
        layers->of[text] = PYTHIA_TEXT("application");
        for (size_t i = 0; !rc && i < list.n; i++) {
            int matched = 0;
            rc = pythia_match_test(list.rules[i].match, pythia_intern_text(names, text), &matched,
                                   error);
            if (!matched) continue;
            layers->of[text] = list.rules[i].layer;
            break;
        }
    }
    rules_clear(&list);
    if (rc) pythia_layers_clear(layers);
    return rc;
}

void pythia_layers_clear(PythiaLayers *layers) {
    pythia_free(layers->of);
    pythia_arena_clear(&layers->arena);
    memset(layers, 0, sizeof *layers);
}
