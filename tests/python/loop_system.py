"""A simulated system for the tests of the loop: it replays requests that were traced in full detail, and records
of them what is switched on.

`System` is a control plane: registered as the target of a back end of kind sql it hears which trace points are on, for
which request types. `serve()` replays requests; spans of trace points that are off are left out, their children belong
to the nearest span that is on, and the clock of the simulation goes on."""

import json
import os
import sqlite3
import tempfile

SECOND = 1000000000


def connect(name=":memory:"):
    db = sqlite3.connect(name, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(os.environ["SO"])
    db.enable_load_extension(False)
    return db


class Request:
    """A request in full detail: its type, and its spans in preorder as dictionaries with id, parent, service, name,
    tracepoint, start, end (ns since its beginning), attributes, and points (name, tracepoint, time, attributes)."""

    def __init__(self, request_type, spans):
        self.request_type, self.spans = request_type, spans


def requests_of(path, types=()):
    """The complete requests of a file of traces; types: (pattern, request_type) for pythia_request_types."""
    db = connect()
    db.execute("SELECT pythia_import(?)", (path,)).fetchall()
    db.executemany("INSERT INTO pythia_request_types(pattern, request_type) VALUES(?, ?)", types)
    requests = []
    for trace, kind, start in db.execute(
            "SELECT trace_id, request_type, start_ns FROM pythia_traces WHERE status = 'complete' ORDER BY start_ns").fetchall():
        spans = []
        for row in db.execute("SELECT span_id, parent_id, service, operation, tracepoint, start_ns, duration_ns, attributes"
                              " FROM pythia_spans WHERE trace_id = ?", (trace,)):
            spans.append({"id": row[0], "parent": row[1], "service": row[2], "name": row[3], "tracepoint": row[4],
                          "start": row[5] - start, "end": row[5] - start + row[6], "attributes": json.loads(row[7] or "{}"),
                          "points": []})
        requests.append(Request(kind, spans))
    db.close()
    return requests


class System:
    """Programs whose trace points can be switched, and the database in which the loop runs."""

    def __init__(self, default=True, always_on=()):
        self.default, self.always_on = default, set(always_on)
        self.switches = {}
        self.clock = 1700000000 * SECOND
        self.served = 0
        self.folder = tempfile.TemporaryDirectory()
        self.db = connect()
        self.db.create_function("program", 5, self.program)
        self.most_on = 0

    def close(self):
        self.db.close()
        self.folder.cleanup()

    def program(self, phase, tracepoint, request_type, enabled, parameters):
        if phase == "apply":
            self.switches[tracepoint, request_type] = bool(enabled)

    def is_on(self, tracepoint, request_type):
        if tracepoint in self.always_on:
            return True
        for key in (tracepoint, request_type), (tracepoint, None):
            if key in self.switches:
                return self.switches[key]
        return self.default

    def on(self):
        """The trace points that are on for some type and that the defaults leave off, or switches."""
        return sorted({point for (point, _), enabled in self.switches.items() if enabled})

    def recorded(self, request):
        """A request as OTLP, with the spans that are on."""
        self.served += 1
        kept, resources = {}, []
        for span in request.spans:
            on = span["parent"] is None or self.is_on(span["tracepoint"], request.request_type)
            parent = kept.get(span["parent"])
            kept[span["id"]] = span["id"] if on else parent
            if not on:
                continue
            attributes = [{"key": key, "value": otlp_value(value)} for key, value in span["attributes"].items()
                          if key not in ("service.name", "raw_name")]
            resources.append({
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": span["service"]}}]},
                "scopeSpans": [{"spans": [{
                    "traceId": "%032x" % self.served, "spanId": span_id(span["id"]),
                    "parentSpanId": span_id(parent) if parent else "", "name": span["name"],
                    "startTimeUnixNano": str(self.clock + span["start"]),
                    "endTimeUnixNano": str(self.clock + span["end"]), "attributes": attributes}]}]})
        self.clock += 100 * SECOND
        return json.dumps({"resourceSpans": resources})

    def serve(self, requests):
        path = os.path.join(self.folder.name, "traces%d.jsonl" % self.served)
        with open(path, "w", encoding="utf-8") as file:
            for request in requests:
                file.write(self.recorded(request) + "\n")
        self.db.execute("SELECT pythia_import(?)", (path,)).fetchall()
        os.unlink(path)

    def step(self):
        """A cycle; its decisions as (action, tracepoint, reason)."""
        self.clock += SECOND
        self.db.execute("SELECT pythia_step(?)", (self.clock,)).fetchall()
        self.clock += SECOND
        self.most_on = max(self.most_on, len(self.on()))
        return self.db.execute("SELECT action, tracepoint, reason FROM pythia_decisions"
                               " WHERE cycle = (SELECT max(cycle) FROM pythia_decisions)").fetchall()


def span_id(text):
    """Sixteen hexadecimal digits for an id of whatever form."""
    return "%016x" % (int.from_bytes(__import__("hashlib").blake2b(text.encode(), digest_size=8).digest(), "big"))


def otlp_value(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value if isinstance(value, str) else json.dumps(value)}
