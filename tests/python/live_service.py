"""The loop on running programs: the service of tests/probe/service.c, with a fault that is to be found.

A `Hunt` first runs the service healthy, with everything on, and learns from it; then `find()` runs it with a fault,
from the skeleton, and steps until the culprit is localized."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SERVICE = os.path.join(ROOT, os.environ.get("BUILD", "build"), "probe", "service")
VARIABLES = {"semaphore": "waiters", "cache": "hit", "host": "host"}


def faults():
    """All of them, as kind:service/operation."""
    return subprocess.run([SERVICE, "--list"], stdout=subprocess.PIPE, check=True, text=True).stdout.split()


class Found:
    """What a hunt came to: whether the culprit was found and its variable named, in how many cycles that decided, with
    how many trace points switched on in all and at most at one moment."""

    def __init__(self):
        self.culprit = self.variable = False
        self.cycles = self.switched = self.most = 0
        self.sentence = None
        self.decisions = []

    def __repr__(self):
        return f"{self.cycles} cycles, {self.switched} switched, {self.most} at most: {self.sentence} {self.decisions}"


class Hunt:
    def __init__(self, so=None):
        self.so = os.path.abspath(so or os.environ["SO"])
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.learned = self.path("learned.db")
        self.n = 0
        self.points = self.learn()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def close(self):
        self.folder.cleanup()

    def connect(self, name):
        db = sqlite3.connect(name, isolation_level=None)
        db.enable_load_extension(True)
        db.load_extension(self.so)
        db.enable_load_extension(False)
        return db

    def learn(self):
        """Learns from healthy requests; returns the number of trace points."""
        page = self.path("profile")
        subprocess.run([SERVICE, "--requests", "40"], check=True,
                       env={**os.environ, "PYTHIA_PAGE": page, "PYTHIA_DEFAULT": "on"})
        db = self.connect(self.learned)
        db.execute("INSERT INTO pythia_backends(name, kind, target) VALUES('profile', 'page', ?)", (page,))
        db.execute("SELECT pythia_collect()").fetchall()
        db.execute("SELECT pythia_learn()").fetchall()
        points, = db.execute("SELECT count(DISTINCT tracepoint) FROM pythia_search_space").fetchone()
        db.execute("DELETE FROM pythia_backends")
        db.execute("DELETE FROM pythia_traces")
        db.close()
        os.unlink(page)
        return points

    def find(self, fault, strategy="binary", most_cycles=40, requests=40, after=None):
        """Runs the service with a fault, and the loop until the culprit is found. after: a strategy by which it was found
        before; the database remembers the decisions of that time, and everything else is as at first."""
        self.n += 1
        name = self.path(f"hunt{self.n}.db")
        shutil.copy(self.learned, name)
        try:
            if after:
                self.hunt(name, fault, after, most_cycles, requests)
                self.forget(name)
            return self.hunt(name, fault, strategy, most_cycles, requests)
        finally:
            os.unlink(name)

    def forget(self, name):
        db = self.connect(name)
        for table in "control", "backends", "traces":
            db.execute(f"DELETE FROM pythia_{table}")
        db.close()

    def hunt(self, name, fault, strategy, most_cycles, requests):
        page = self.path(f"page{self.n}")
        db = self.connect(name)
        service = subprocess.Popen([SERVICE, "--fault", fault], env={**os.environ, "PYTHIA_PAGE": page})
        try:
            while not os.path.exists(page):
                time.sleep(0.01)
            db.execute("INSERT INTO pythia_backends(name, kind, target) VALUES('service', 'page', ?)", (page,))
            db.execute("UPDATE pythia_settings SET value = ? WHERE key = 'strategy'", (strategy,))
            return self.loop(db, fault, most_cycles, requests)
        finally:
            service.terminate()
            service.wait()
            db.close()
            os.unlink(page)

    def wait_for(self, db, requests, seconds=60):
        """Collects until so many requests have come in since the last change."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.2)
            db.execute("SELECT pythia_collect()").fetchall()
            n, = db.execute("SELECT count(*) FROM pythia_traces WHERE status = 'complete' AND start_ns >="
                            " (SELECT coalesce(max(at_ns), 0) FROM pythia_decisions WHERE action <> 'wait')").fetchone()
            if n >= requests:
                return

    def loop(self, db, fault, most_cycles, requests):
        found, on, waits = Found(), set(), 0
        while found.cycles < most_cycles and waits < 10 * most_cycles:
            self.wait_for(db, requests * (1 + waits))
            db.execute("SELECT pythia_step()").fetchall()
            decisions = db.execute("SELECT action, tracepoint, reason FROM pythia_decisions"
                                   " WHERE cycle = (SELECT max(cycle) FROM pythia_decisions) ORDER BY action").fetchall()
            waited = all(action == "wait" for action, _, _ in decisions)
            waits = waits + 1 if waited else 0  # in a row: the more requests there must be
            found.cycles += not waited
            for action, tracepoint, reason in decisions:
                found.decisions.append((action, tracepoint, reason))
                if action == "enable":
                    on.add(tracepoint)
                    found.switched += 1
                if action in ("retire", "disable"):
                    on.discard(tracepoint)
                if action == "localized":
                    kind, place = fault.split(":")
                    found.sentence = reason
                    found.culprit = tracepoint == place
                    found.variable = f"it goes with {VARIABLES[kind]} " in reason or f":{VARIABLES[kind]} " in reason
            found.most = max(found.most, len(on))
            if found.sentence:
                break
        return found
