"""bench_loop.py - the loop on a running service: every fault at every place, with every strategy.

The service is tests/probe/service.c; a healthy run of it is learned from first. A fault is found when the loop
localizes it: the culprit's trace point is on, and the variable that the fault stands for ranks first. Cycles are those
that decided, those that waited for more requests left out; trace points count beside those that are always on. historic is a baseline that does not look at the
stretch in question; it is measured after a run in which binary found the same fault, and what it found is remembered. With --quick the strategies other than binary get every fifth fault."""
import math
import os
import statistics
import sys

from common import HERE, SO

sys.path.insert(0, os.path.join(HERE, "tests", "python"))
from live_service import SERVICE, Hunt, faults  # noqa: E402

STRATEGIES = ["binary", "flat", "hierarchical", "skip", "cross_layer", "covariance", "historic"]


def run(b):
    if not os.path.exists(SERVICE):
        b.results.absent("loop", "pythia", "", "build/probe/service is not there; make check-built")
        return
    hunt = Hunt(SO)
    try:
        for strategy in STRATEGIES:
            measure(b, hunt, strategy, faults()[::5 if b.quick and strategy != "binary" else 1])
    finally:
        hunt.close()


def measure(b, hunt, strategy, chosen):
    after = "binary" if strategy == "historic" else None
    found = [hunt.find(fault, strategy, 20, after=after) for fault in chosen]
    good = [f for f in found if f.culprit and f.variable]
    missed = [fault for fault, f in zip(chosen, found) if not (f.culprit and f.variable)]
    goal = strategy == "binary"
    cycles = math.ceil(math.log2(hunt.points)) + 3
    b.results.add("faults found", "pythia", strategy, len(good) / len(found), "of all",
                  at_least=1 if goal else None, note=f"of {len(found)}" + (f"; not {', '.join(missed)}" if missed else ""))
    if not good:
        return
    b.results.add("cycles, at most", "pythia", strategy, max(f.cycles for f in good), "", at_most=cycles if goal else None,
                  note=f"median {statistics.median(f.cycles for f in good):g}")
    b.results.add("trace points on at one moment, at most", "pythia", strategy,
                  max(f.most for f in good) / hunt.points, "of all", at_most=0.15 if goal else None,
                  note=f"of {hunt.points}; {statistics.median(f.switched for f in good):g} switched in the median")
