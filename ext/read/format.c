/* format.c - see format.h. */
#include "ext/read/format.h"

/* In the order of detection: from the most telling keys to the least. */
static const PythiaFormat *const formats[] = {
    &pythia_format_otlp,   &pythia_format_osprofiler, &pythia_format_jaeger, &pythia_format_zipkin,
    &pythia_format_xtrace, &pythia_format_chrome,     &pythia_format_csv,
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

const PythiaFormat *pythia_format_named(const char *name) {
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(formats[i]->name, name) == 0) return formats[i];
    return NULL;
}

const PythiaFormat *pythia_format_detect(const PythiaJson *json, uint32_t root) {
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i]->detect && formats[i]->detect(json, root)) return formats[i];
    return NULL;
}

const PythiaFormat *pythia_format_sniff(PythiaText start) {
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i]->sniff && formats[i]->sniff(start)) return formats[i];
    return NULL;
}

int pythia_format_known(const char *name) {
    return pythia_format_named(name) != NULL;
}

const char *pythia_format_names(void) {
    return "chrome, csv, jaeger, osprofiler, otlp, xtrace, zipkin";
}
