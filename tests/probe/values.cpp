/* values.cpp - trace points in C++, every type of value, against the shared library.
**
**     PYTHIA_PAGE=/dev/shm/values build/probe/values_cpp */
#include "ext/pythia_probe.h"

#include <cstdio>
#include <string>

namespace {

void pass(const std::string &text) {
    PYTHIA_POINT_WITH(PYTHIA_PROBE_ALWAYS_ON, "work/numbers", "int", -1, "long", 2L, "unsigned", 3U,
                      "huge", ~0ULL, "real", 0.5, "float", 0.25F, "bool", true, "text",
                      text.c_str());
    PYTHIA_POINT_WITH(PYTHIA_PROBE_ALWAYS_ON, "work/none");
}

} // namespace

int main() {
    PythiaProbeOptions options = {};
    options.service = "values";
    int error = pythia_probe_start(&options);
    if (error) {
        std::printf("no control page: error %d\n", error);
        return 1;
    }
    PYTHIA_SPAN_WITH(span, PYTHIA_PROBE_ALWAYS_ON | PYTHIA_PROBE_SERVER, "work");
    pass("a text of more than eight bytes, \xc3\xa9");
    pass("");
    PYTHIA_SPAN_END(span, "done", true, "eight888", "12345678");
    return 0;
}
