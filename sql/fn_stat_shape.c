/* fn_stat_shape.c - dip, dip_p, modes, multimodality, mixture, folding_ratio, histogram,
** histogram_json. */
#include <math.h>

#include "ext/base/mem.h"
#include "ext/stat/dip.h"
#include "ext/stat/histogram.h"
#include "ext/stat/mixture.h"
#include "ext/stat/modes.h"
#include "ext/stat/moments.h"
#include "ext/stat/order.h"
#include "sql/fn_stat_parts.h"

enum { DIP, DIP_P, MODES, MULTIMODALITY, MIXTURE, FOLDING_RATIO, HISTOGRAM, HISTOGRAM_JSON };

/* The scale of a mixture: 1 for 'linear', 0 for 'log', -1 for anything else. */
static int scale_read(sqlite3_value *value) {
    const char *name = (const char *)sqlite3_value_text(value);
    return name && sqlite3_stricmp(name, "linear") == 0 ? 1
           : name && sqlite3_stricmp(name, "log") == 0  ? 0
                                                        : -1;
}

/* The second argument: a resolution, a number of bins, or a scale. */
static int parameter_read(sqlite3_context *context, PythiaStatValues *values, int n_args,
                          sqlite3_value **args) {
    int what = pythia_stat_function(context)->what;
    int bins = what == HISTOGRAM || what == HISTOGRAM_JSON;
    double parameter = bins ? PYTHIA_HISTOGRAM_BINS : 0;
    int kind = n_args > 1 ? sqlite3_value_numeric_type(args[1]) : SQLITE_NULL;
    if (kind != SQLITE_NULL) {
        parameter = what == MIXTURE ? scale_read(args[1]) : sqlite3_value_double(args[1]);
        int number = kind == SQLITE_INTEGER || (kind == SQLITE_FLOAT && !bins);
        if (what == MIXTURE) {
            if (parameter < 0) {
                pythia_stat_error(context, "the scale must be 'log' or 'linear'");
                return 1;
            }
        } else if (bins) {
            if (!(number && parameter >= 1 && parameter <= PYTHIA_HISTOGRAM_BINS_MAX)) {
                pythia_stat_error(context, "the number of bins must be an integer from 1 to %d",
                                  PYTHIA_HISTOGRAM_BINS_MAX);
                return 1;
            }
        } else if (!(number && parameter >= 0 && parameter <= 1e300)) {
            pythia_stat_error(context, "the resolution must be a number, not negative");
            return 1;
        }
    }
    if (values->given && parameter != values->parameter[0]) {
        pythia_stat_error(context, "the second argument must be the same for all rows");
        return 1;
    }
    values->given = 1;
    values->parameter[0] = parameter;
    return 0;
}

static void shape_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    PythiaStatValues *values = pythia_stat_values(context);
    if (!values || parameter_read(context, values, n_args, args)) return;
    pythia_stat_values_add(context, values, args[0]);
}

static void json_number(PythiaBuf *buf, const char *key, double value) {
    pythia_buf_format(buf, "\"%s\":", key);
    pythia_buf_json_double(buf, value);
}

static void multimodality_text(const PythiaModes *modes, const PythiaDip *dip, size_t n,
                               const PythiaShift *shift, PythiaBuf *buf) {
    pythia_buf_format(buf, "{\"n\":%lld,", (sqlite3_int64)n);
    json_number(buf, "dip", dip->dip);
    pythia_buf_byte(buf, ',');
    json_number(buf, "dip_p", dip->p);
    pythia_buf_byte(buf, ',');
    json_number(buf, "modal_low", pythia_shift_back(shift, dip->modal_low));
    pythia_buf_byte(buf, ',');
    json_number(buf, "modal_high", pythia_shift_back(shift, dip->modal_high));
    pythia_buf_format(buf, ",\"modes\":[");
    for (int i = 0; i < modes->n; i++) {
        const PythiaMode *mode = &modes->mode[i];
        pythia_buf_format(buf, i ? ",{" : "{");
        json_number(buf, "location", mode->location);
        pythia_buf_byte(buf, ',');
        json_number(buf, "low", mode->low);
        pythia_buf_byte(buf, ',');
        json_number(buf, "high", mode->high);
        pythia_buf_byte(buf, ',');
        json_number(buf, "mass", mode->mass);
        pythia_buf_format(buf, ",\"n\":%lld}", (sqlite3_int64)mode->count);
    }
    pythia_buf_format(buf, "]}");
}

static void mixture_text(const PythiaMixture *mixture, size_t n, PythiaBuf *buf) {
    pythia_buf_format(buf, "{\"n\":%lld,\"scale\":\"%s\",\"variance\":\"%s\",", (sqlite3_int64)n,
                      mixture->log_scale ? "log" : "linear", mixture->equal ? "equal" : "own");
    json_number(buf, "loglik", mixture->n ? mixture->loglik : NAN);
    pythia_buf_byte(buf, ',');
    json_number(buf, "bic", mixture->n ? mixture->bic : NAN);
    pythia_buf_format(buf, ",\"bic_of\":[");
    for (int k = 0; k < mixture->tried; k++) {
        pythia_buf_str(buf, k ? "," : "");
        pythia_buf_json_double(buf, mixture->bic_of[k]);
    }
    pythia_buf_format(buf, "],\"components\":[");
    for (int i = 0; i < mixture->n; i++) {
        const PythiaComponent *c = &mixture->component[i];
        pythia_buf_format(buf, i ? ",{" : "{");
        json_number(buf, "weight", c->weight);
        pythia_buf_byte(buf, ',');
        json_number(buf, "location", c->location);
        pythia_buf_byte(buf, ',');
        json_number(buf, "mean", c->mean);
        pythia_buf_byte(buf, ',');
        json_number(buf, "sd", c->sd);
        pythia_buf_byte(buf, '}');
    }
    pythia_buf_format(buf, "]}");
}

/* x is sorted. */
static int histogram_text(const double *x, size_t n, int bins, const PythiaShift *shift,
                          PythiaBuf *buf) {
    double low = x[0], high = x[n - 1], width = (high / bins - low / bins);
    uint64_t *counts = pythia_alloc_array((size_t)bins, sizeof *counts);
    if (!counts) return SQLITE_NOMEM;
    pythia_histogram_count(x, n, low, high, bins, counts);
    pythia_buf_format(buf, "{\"n\":%lld,", (sqlite3_int64)n);
    json_number(buf, "low", pythia_shift_back(shift, low));
    pythia_buf_byte(buf, ',');
    json_number(buf, "high", pythia_shift_back(shift, high));
    pythia_buf_format(buf, ",\"bins\":[");
    for (int i = 0; i < bins; i++) {
        pythia_buf_format(buf, i ? ",{" : "{");
        json_number(buf, "low", pythia_shift_back(shift, low + i * width));
        pythia_buf_byte(buf, ',');
        json_number(buf, "high",
                    pythia_shift_back(shift, i == bins - 1 ? high : low + (i + 1) * width));
        pythia_buf_format(buf, ",\"n\":%lld}", (sqlite3_int64)counts[i]);
    }
    pythia_buf_format(buf, "]}");
    pythia_free(counts);
    return buf->rc;
}

static int shape_compute(sqlite3_context *context, const PythiaStatValues *values, double *x,
                         size_t n, PythiaPoll *poll) {
    int what = pythia_stat_function(context)->what;
    double parameter = values->parameter[0];
    if (what == FOLDING_RATIO) {
        pythia_stat_result(context, pythia_folding_ratio(x, n));
        return SQLITE_OK;
    }
    PythiaBuf buf = {0};
    PythiaDip dip = {0};
    PythiaModes modes = {0};
    /* The sort and the dip share their memory: most of the time of either goes into getting it. */
    double *scratch = what == HISTOGRAM ? NULL : pythia_alloc_array(n, sizeof *scratch);
    if (what != HISTOGRAM && !scratch) return SQLITE_NOMEM;
    int rc = what == HISTOGRAM ? SQLITE_OK : pythia_sort_with(x, n, scratch, poll);
    if (rc == SQLITE_OK && (what == DIP || what == DIP_P || what == MULTIMODALITY))
        rc = pythia_dip_with(x, n, parameter, scratch, &dip, poll);
    pythia_free(scratch);
    /* The scale of modes is logarithmic, from zero. */
    int logarithmic = what == MODES || what == MULTIMODALITY || what == MIXTURE;
    for (size_t i = 0; logarithmic && values->shift.base != 0 && i < n; i++)
        x[i] = pythia_shift_back(&values->shift, x[i]);
    if (rc == SQLITE_OK && (what == MODES || what == MULTIMODALITY))
        rc = pythia_modes(x, n, &modes, poll);
    if (rc == SQLITE_OK && what == MIXTURE) {
        PythiaMixture mixture;
        rc = pythia_mixture(x, n, parameter > 0, PYTHIA_MIXTURE_MAX, &mixture, poll);
        if (rc == SQLITE_OK) mixture_text(&mixture, n, &buf);
    }
    if (rc == SQLITE_OK && what == HISTOGRAM) rc = pythia_histogram(x, n, (int)parameter, &buf);
    if (rc == SQLITE_OK && what == HISTOGRAM_JSON)
        rc = histogram_text(x, n, (int)parameter, &values->shift, &buf);
    if (rc) {
        pythia_buf_clear(&buf);
        return rc;
    }
    switch (what) {
    case DIP:
        pythia_stat_result(context, dip.dip);
        break;
    case DIP_P:
        pythia_stat_result(context, dip.p);
        break;
    case MODES:
        sqlite3_result_int(context, modes.n);
        break;
    case MULTIMODALITY:
        multimodality_text(&modes, &dip, n, &values->shift, &buf);
        /* fall through */
    default:
        pythia_stat_result_text(context, &buf, what != HISTOGRAM);
    }
    return SQLITE_OK;
}

static void shape_result(sqlite3_context *context, int last) {
    PythiaStatValues *values;
    PythiaPoll poll = {.db = sqlite3_context_db_handle(context)};
    double *x;
    size_t n;
    if (pythia_stat_values_take(context, last, &values, &x, &n)) {
        int rc = shape_compute(context, values, x, n, &poll);
        if (rc) pythia_stat_error_code(context, rc);
    }
    pythia_poll_close(&poll);
    pythia_stat_values_done(values, last, x);
}

static void shape_value(sqlite3_context *context) {
    shape_result(context, 0);
}

static void shape_final(sqlite3_context *context) {
    shape_result(context, 1);
}

#define SHAPE(name, n_args, what, flags)                                                           \
    { name, n_args, what, flags, shape_step, shape_final, shape_value, pythia_stat_values_inverse }

const PythiaStatFunction pythia_fn_stat_shape[] = {
    SHAPE("dip", 1, DIP, 0),
    SHAPE("dip", 2, DIP, 0),
    SHAPE("dip_p", 1, DIP_P, 0),
    SHAPE("dip_p", 2, DIP_P, 0),
    SHAPE("modes", 1, MODES, 0),
    SHAPE("multimodality", 1, MULTIMODALITY, PYTHIA_STAT_JSON),
    SHAPE("multimodality", 2, MULTIMODALITY, PYTHIA_STAT_JSON),
    SHAPE("mixture", 1, MIXTURE, PYTHIA_STAT_JSON),
    SHAPE("mixture", 2, MIXTURE, PYTHIA_STAT_JSON),
    SHAPE("folding_ratio", 1, FOLDING_RATIO, 0),
    SHAPE("histogram", 1, HISTOGRAM, 0),
    SHAPE("histogram", 2, HISTOGRAM, 0),
    SHAPE("histogram_json", 1, HISTOGRAM_JSON, PYTHIA_STAT_JSON),
    SHAPE("histogram_json", 2, HISTOGRAM_JSON, PYTHIA_STAT_JSON),
    {0}};
