/* fn_order.c - SQL functions on causal order; see fn_order.h.
**
** The trace of the first event is held by the capture, so calls for events of one trace read it once. */
#include "sql/fn_order.h"

#include "ext/capture/capture.h"
#include "sql/result.h"

/* How two events stand to each other. */
enum { ORDER_UNKNOWN = -1, ORDER_APART, ORDER_SAME, ORDER_BEFORE, ORDER_AFTER, ORDER_CONCURRENT };

/* Both events are known to exist. */
static int order_within(PythiaCapture *capture, PythiaHeld *held, uint32_t x, uint32_t y,
                        int *order, char **error) {
    int before = 0, after = 0;
    int rc = pythia_held_order(capture, held, error);
    if (!rc) rc = pythia_before_test(&held->before, x, y, &before);
    if (!rc && !before) rc = pythia_before_test(&held->before, y, x, &after);
    *order = x == y ? ORDER_SAME : before ? ORDER_BEFORE : after ? ORDER_AFTER : ORDER_CONCURRENT;
    return rc;
}

static int order_of(PythiaHost *host, const char *schema, int64_t x_id, int64_t y_id, int *order,
                    char **error) {
    PythiaCapture *capture;
    PythiaHeld *held = NULL, *other = NULL;
    uint32_t x, y;
    *order = ORDER_UNKNOWN;
    int rc = pythia_session_capture(host->session, schema, 0, &capture, error);
    if (!rc && capture) rc = pythia_capture_hold_event(capture, x_id, 0, &held, &x, error);
    if (rc || !held) return rc;
    if (pythia_held_event(held, y_id, &y)) {
        rc = order_within(capture, held, x, y, order, error);
    } else {
        rc = pythia_capture_hold_event(capture, y_id, 0, &other, &y, error);
        if (other) *order = ORDER_APART;
    }
    pythia_held_release(other);
    pythia_held_release(held);
    return rc;
}

/* Integers, or what is converted to one without loss; anything else is no event. */
static int argument_event(sqlite3_value *value, int64_t *id) {
    *id = sqlite3_value_int64(value);
    return sqlite3_value_numeric_type(value) == SQLITE_INTEGER;
}

static void order_call(sqlite3_context *context, int argc, sqlite3_value **argv, int *order) {
    PythiaHost *host = sqlite3_user_data(context);
    const char *schema = argc > 2 ? (const char *)sqlite3_value_text(argv[2]) : "main";
    int64_t x, y;
    char *error = NULL;
    *order = ORDER_UNKNOWN;
    if (!argument_event(argv[0], &x) || !argument_event(argv[1], &y) || !schema) return;
    int rc = order_of(host, schema, x, y, order, &error);
    if (!rc) return;
    *order = ORDER_UNKNOWN;
    pythia_result_failure(context, rc, error);
}

static void fn_happened_before(sqlite3_context *context, int argc, sqlite3_value **argv) {
    int order;
    order_call(context, argc, argv, &order);
    if (order != ORDER_UNKNOWN) sqlite3_result_int(context, order == ORDER_BEFORE);
}

static void fn_concurrent(sqlite3_context *context, int argc, sqlite3_value **argv) {
    int order;
    order_call(context, argc, argv, &order);
    if (order != ORDER_UNKNOWN) sqlite3_result_int(context, order == ORDER_CONCURRENT);
}

int pythia_fn_order_register(PythiaHost *host, char **error) {
    static const struct {
        const char *name;
        void (*function)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{"pythia_happened_before", fn_happened_before},
                     {"pythia_concurrent", fn_concurrent}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        for (int arguments = 2; arguments <= 3; arguments++) {
            int rc = sqlite3_create_function_v2(host->db, functions[i].name, arguments, SQLITE_UTF8,
                                                host, functions[i].function, NULL, NULL, NULL);
            if (rc)
                return pythia_fail(error, rc, "could not register %s: %s", functions[i].name,
                                   sqlite3_errmsg(host->db));
        }
    return SQLITE_OK;
}
