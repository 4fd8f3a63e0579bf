/* flood.c - more records than a ring holds.
**
**     build/probe/flood N [overwrite] */
#include "ext/pythia_probe.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    PythiaProbeOptions options = {.service = "flood", .ring_bytes = 65536, .overwrite = argc > 2};
    int n = argc > 1 ? atoi(argv[1]) : 1;
    if (pythia_probe_start(&options)) return 1;
    puts("started");
    fflush(stdout);
    for (int i = 0; i < n; i++)
        PYTHIA_POINT_WITH(PYTHIA_PROBE_ALWAYS_ON, "drop", "i", i);
    return 0;
}
