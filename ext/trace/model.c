/* model.c - see model.h. */
#include "ext/trace/model.h"

int64_t pythia_tolerance_of_ns(int64_t resolution_ns) {
    return resolution_ns > 1000 ? 2 * resolution_ns : 0;
}

int64_t pythia_model_tolerance_ns(const PythiaModel *model, const PythiaNames *names,
                                  uint32_t service_a, uint32_t service_b) {
    if (model->order_tolerance_ns >= 0) return model->order_tolerance_ns;
    int64_t a = pythia_names_resolution_ns(names, service_a);
    int64_t b = service_a == service_b ? a : pythia_names_resolution_ns(names, service_b);
    return pythia_tolerance_of_ns(a > b ? a : b);
}
