/* page.c - fuzz target: a damaged control page, from the side of the program and of the session. See
** tests/hostile_page.h for what the input means. */
#include "tests/hostile_page.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static Hostile hostile;

static void hostile_end(void) {
    hostile_close(&hostile);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    static int opened;
    if (!opened) {
        if (!hostile_open(&hostile) || !hostile_connect(&hostile)) abort();
        atexit(hostile_end);
        opened = 1;
    }
    hostile_round(&hostile, data, size < 640 ? size : 640);
    return 0;
}
