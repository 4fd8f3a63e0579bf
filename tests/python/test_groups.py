"""Group ids depend on what was imported, not on the order in which it came."""

import gzip
import json
import os
import random
import sqlite3
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SO = os.path.abspath(os.environ.get("SO", os.path.join(ROOT, "pythia.so")))
FIXTURES = os.path.join(ROOT, "fixtures")
GROUPINGS = ["type", "services", "structure", "critical_path", "dag"]


def groups(paths, grouping):
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(SO)
    db.execute("SELECT pythia_init()")
    db.execute("UPDATE pythia_settings SET value = ? WHERE key = 'grouping'", (grouping,))
    for path in paths:
        db.execute("SELECT pythia_import(?)", (path,))
    rows = db.execute("SELECT group_id, request_type, signature, traces, round(mean_ns, 3), round(stddev_ns, 3) FROM pythia_groups"
                      " ORDER BY 1").fetchall()
    members = db.execute("SELECT trace_id, group_id FROM pythia_traces ORDER BY 1").fetchall()
    db.close()
    return rows, members


class Order(unittest.TestCase):
    def check(self, pieces, write):
        rng = random.Random(7)
        with tempfile.TemporaryDirectory() as folder:
            def files(pieces):
                """The pieces spread over three files, in their order."""
                paths = []
                for i in range(3):
                    paths.append(os.path.join(folder, f"{i}.json"))
                    write(paths[-1], pieces[i * len(pieces) // 3:(i + 1) * len(pieces) // 3])
                return paths

            for grouping in GROUPINGS:
                expected = groups(files(pieces), grouping)
                self.assertGreater(len(expected[0]), 1)
                for _ in range(2):
                    shuffled = rng.sample(pieces, len(pieces))
                    self.assertEqual(groups(files(shuffled), grouping), expected, grouping)

    def test_spans_in_any_order(self):
        """Every line is a part of some traces: parents come after children, traces in pieces from several files."""
        with gzip.open(os.path.join(FIXTURES, "otel-shop", "cache.otlp.jsonl.gz"), "rt") as file:
            lines = file.read().splitlines()

        def write(path, pieces):
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(pieces) + "\n")

        self.check(lines, write)

    def test_event_graphs(self):
        with open(os.path.join(FIXTURES, "causal", "printshop.xtrace.json"), encoding="utf-8") as file:
            traces = json.load(file)

        def write(path, pieces):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(pieces, file)

        self.check(traces, write)
