"""bench_interrupt.py - how soon an interrupted import returns, and what it leaves."""
from common import *


def run(b):
    path = generated(b.traces, b.seed)
    seconds = b.import_seconds.get("plain") or pythia_import(fresh("interrupt.db"), path).seconds
    delays = [f"{seconds * 1000 * share:.0f}" for share in (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)]
    other = generated(100, b.seed + 1)
    for name, prepare in (("empty database", None), ("traces there", other)):
        database = fresh("interrupt.db")
        if prepare:
            pythia_import(database, prepare)
        lines = measure(SO, database, "interrupt", path, *delays)
        times = [ms for _, ms, left in lines if left != 2]
        if not times:
            b.results.absent("interrupt of an import", "pythia", name, "every import was done before")
            continue
        b.results.add("interrupt of an import, longest", "pythia", name, max(times), "ms", at_most=100,
                      note=f"{len(times)} interrupted")
        b.results.add("left after an interrupt", "pythia", name, sum(left == 1 for _, _, left in lines), "times",
                      at_most=0)
