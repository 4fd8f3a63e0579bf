/* long.c - a span that lasts until something is read from standard input, with points passed before.
**
**     build/probe/long             points inside of the span
**     build/probe/long outside     a point outside of any trace, and nothing else */
#include "ext/pythia_probe.h"

#include <stdio.h>

int main(int argc, char **argv) {
    (void)argv;
    PythiaProbeOptions options = {.service = "long"};
    if (pythia_probe_start(&options)) return 1;
    if (argc > 1) {
        PYTHIA_POINT_WITH(PYTHIA_PROBE_ALWAYS_ON, "outside", "n", 1);
        puts("outside");
        return 0;
    }
    PYTHIA_SPAN_ALWAYS(task, "task");
    PYTHIA_POINT_WITH(PYTHIA_PROBE_ALWAYS_ON, "task/step", "n", 7);
    PYTHIA_POINT_WITH(PYTHIA_PROBE_ALWAYS_ON, "elsewhere");
    puts("waiting");
    fflush(stdout);
    getchar();
    PYTHIA_SPAN_END(task);
    return 0;
}
