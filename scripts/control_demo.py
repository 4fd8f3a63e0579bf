#!/usr/bin/python3
"""A program that is switched by SQL: the control plane in a hundred lines of Python.

    scripts/control_demo.py [pythia.so]
    scripts/control_demo.py --serve DATABASE [pythia.so]

The program below serves requests and has five trace points, each a span. It writes its traces to a file,
imports them, and registers one function by which rows of pythia_control reach it: nothing else is needed.
Switching by pattern, transactions and going back to the defaults are shown; what the program records
before and after is printed and checked.

With --serve it runs the SQL on standard input in a database, as a host that only prints what it is told: SQL there
can name the function `program` as the target of a back end of kind sql."""

import json
import os
import sqlite3
import sys
import tempfile

# ---- the program -------------------------------------------------------------------------------------

POINTS = [("shop", "checkout"), ("shop", "cart"), ("bank", "pay"), ("bank", "audit"), ("bank", "lock")]
switched_on = {f"{service}/{operation}": True for service, operation in POINTS}
clock = 1700000000000000000


def serve(number):
    """One request: the spans of those of its trace points that are on, as OTLP."""
    global clock
    spans = []
    for depth, (service, operation) in enumerate(POINTS):
        if not switched_on[f"{service}/{operation}"]:
            continue
        span = {"traceId": "%032x" % number, "spanId": "%016x" % (number * 16 + depth + 1), "name": operation,
                "parentSpanId": spans[-1][1]["spanId"] if spans else "",
                "startTimeUnixNano": str(clock + depth * 1000), "endTimeUnixNano": str(clock + 90000 - depth * 1000)}
        spans.append((service, span))
    clock += 100000
    return {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                               "scopeSpans": [{"spans": [span]}]} for service, span in spans]}


# ---- the control plane -------------------------------------------------------------------------------

def program(phase, tracepoint, request_type, enabled, parameters):
    """Called for every change: first to be asked ('prepare', an exception refuses the COMMIT), and when the
    transaction is durable to do it ('apply')."""
    if phase == "prepare" and tracepoint not in switched_on:
        raise KeyError(tracepoint)
    if phase == "apply":
        switched_on[tracepoint] = bool(enabled)
        print(f"    program: {tracepoint} {'on' if enabled else 'off'}")


def printer(phase, tracepoint, request_type, enabled, parameters):
    """Prints what a program would do."""
    if phase == "apply":
        print(f"    program: {tracepoint} {'on' if enabled else 'off'}{f' for {request_type}' if request_type else ''}")


def connect(database, arguments):
    """Opens a database with the extension loaded, whose path may be the first of the arguments."""
    db = sqlite3.connect(database, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(os.path.abspath(arguments[0] if arguments else "pythia.so"))
    db.enable_load_extension(False)
    return db


def main():
    if sys.argv[1:2] == ["--serve"]:
        db = connect(sys.argv[2], sys.argv[3:])
        db.create_function("program", 5, printer)
        db.executescript(sys.stdin.read())
        return 0
    db = connect(":memory:", sys.argv[1:])
    served = 0

    def spans_per_request():
        """Serves ten requests, imports them, and counts."""
        nonlocal served
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            for _ in range(10):
                served += 1
                file.write(json.dumps(serve(served)) + "\n")
            file.flush()
            db.execute("SELECT pythia_import(?)", (file.name,)).fetchall()
        return db.execute("SELECT count(*) / 10 FROM pythia_spans WHERE start_ns >= ?", (clock - 1000000,)).fetchone()[0]

    before = spans_per_request()
    db.create_function("program", 5, program)
    db.execute("INSERT INTO pythia_backends(name, kind, target) VALUES('shop', 'sql', 'program')")

    print("everything of the bank off, and the cart:")
    db.execute("BEGIN")
    db.execute("INSERT INTO pythia_control(tracepoint, enabled, reason) VALUES('bank/*', 0, 'too much detail')")
    db.execute("INSERT INTO pythia_control(tracepoint, enabled) VALUES('shop/cart', 0)")
    db.execute("INSERT INTO pythia_control(tracepoint, enabled) VALUES('bank/pay', 1)")
    print("    nothing has happened yet")
    db.execute("COMMIT")
    off = spans_per_request()

    state = dict(switched_on)
    db.execute("BEGIN")
    db.execute("INSERT INTO pythia_control(tracepoint, enabled) VALUES('/./', 0)")
    db.execute("ROLLBACK")
    if switched_on == state:
        print("ROLLBACK: the program was told nothing")

    print("back to the defaults:")
    db.execute("DELETE FROM pythia_control")
    after = spans_per_request()

    print("the journal:")
    for row in db.execute("SELECT rule_id, tracepoint, old, new, backend, result FROM pythia_control_log"):
        print("   ", *row)
    print(f"spans per request: {before}, then {off}, then {after}")
    return 0 if (before, off, after) == (5, 2, 5) else 1


if __name__ == "__main__":
    sys.exit(main())
