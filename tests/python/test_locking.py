"""Transactions, locks and interrupts as a program meets them: imports, settings and deletions happen as a whole
or not at all, and the connection stays usable whatever happened."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SO = os.path.abspath(os.environ.get("SO", os.path.join(ROOT, "pythia.so")))
CAPTURE = os.path.join(ROOT, "fixtures", "openstack", "B_nosql.jsonl.gz")
SHOP = os.path.join(ROOT, "fixtures", "otel-shop", "pool.otlp.jsonl.gz")
SMALL = os.path.join(ROOT, "fixtures", "formats", "otlp.jsonl")


def connect(path, uri=False):
    db = sqlite3.connect(path, isolation_level=None, timeout=0, uri=uri)
    db.enable_load_extension(True)
    db.load_extension(SO)
    db.enable_load_extension(False)
    return db


def one(db, sql, *arguments):
    return db.execute(sql, arguments).fetchone()[0]


def state(db):
    """What a capture looks like from outside."""
    return (
        db.execute("SELECT count(*), sum(spans), sum(duration_ns) FROM pythia_traces").fetchone(),
        db.execute("SELECT group_id, traces, mean_ns FROM pythia_groups ORDER BY 1").fetchall(),
        one(db, "SELECT count(*) FROM pythia_imports"),
        one(db, "SELECT count(*) FROM pythia_problems"),
    )


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.path = os.path.join(self.folder, "test.db")
        self.db = connect(self.path)

    def tearDown(self):
        self.db.close()
        shutil.rmtree(self.folder)

    def check(self, db=None):
        (db or self.db).execute("INSERT INTO pythia(pythia) VALUES('integrity-check')")


class Transactions(Case):
    def test_rolled_back_import_leaves_nothing(self):
        self.db.execute("SELECT pythia_import(?)", (SMALL,)).fetchall()
        before = state(self.db)
        self.db.execute("BEGIN")
        self.assertGreater(one(self.db, "SELECT pythia_import(?)", SHOP), 0)
        self.assertNotEqual(state(self.db), before)
        self.db.execute("ROLLBACK")
        self.assertEqual(state(self.db), before)
        # Names that were given out in the transaction are free again and must not be mixed up.
        self.db.execute("SELECT pythia_import(?)", (CAPTURE,)).fetchall()
        self.check()
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_spans WHERE service LIKE 'frontend'"), 0)

    def test_savepoints(self):
        self.db.execute("SELECT pythia_import(?)", (SHOP,)).fetchall()
        before = state(self.db)
        self.db.execute("BEGIN")
        self.db.execute("SAVEPOINT a")
        self.db.execute("UPDATE pythia_settings SET value = 'type' WHERE key = 'grouping'")
        self.assertNotEqual(state(self.db), before)
        self.db.execute("ROLLBACK TO a")
        self.assertEqual(state(self.db), before)
        self.db.execute("DELETE FROM pythia_traces WHERE spans > 20")
        self.assertNotEqual(state(self.db), before)
        self.db.execute("ROLLBACK TO a")
        self.assertEqual(state(self.db), before)
        self.db.execute("COMMIT")
        self.assertEqual(state(self.db), before)
        self.check()

    def test_settings_rolled_back(self):
        self.db.execute("SELECT pythia_import(?)", (SHOP,)).fetchall()
        before = state(self.db)
        self.db.execute("BEGIN")
        self.db.execute("UPDATE pythia_settings SET value = 'services' WHERE key = 'grouping'")
        self.db.execute("ROLLBACK")
        self.assertEqual(state(self.db), before)
        self.db.execute("BEGIN")
        self.db.execute("UPDATE pythia_settings SET value = 'services' WHERE key = 'grouping'")
        self.db.execute("COMMIT")  # nobody read in between: the commit regroups
        self.assertNotEqual(state(self.db), before)
        self.check()

    def test_inside_a_writing_statement(self):
        self.db.execute("CREATE TABLE t(n)")
        with self.assertRaisesRegex(sqlite3.OperationalError, "SQL statements in progress"):
            self.db.execute("INSERT INTO t SELECT pythia_import(?)", (SMALL,))
        self.assertEqual(one(self.db, "SELECT count(*) FROM t"), 0)
        self.assertTrue(self.db.in_transaction is False)

    def test_two_schemas(self):
        self.db.execute("ATTACH ':memory:' AS other")
        self.db.execute("SELECT pythia_import(?)", (SMALL,)).fetchall()
        self.db.execute("SELECT pythia_import(?, '{\"schema\":\"other\"}')", (SHOP,)).fetchall()
        self.assertNotEqual(
            one(self.db, "SELECT count(*) FROM pythia_traces"),
            one(self.db, "SELECT count(*) FROM pythia_traces('other')"),
        )
        self.db.execute("DETACH other")
        with self.assertRaisesRegex(sqlite3.OperationalError, "other"):
            self.db.execute("SELECT count(*) FROM pythia_traces('other')").fetchall()

    def test_store_dropped_and_made_again(self):
        self.db.execute("SELECT pythia_import(?)", (SMALL,)).fetchall()
        self.db.execute("DROP TABLE pythia")
        self.assertEqual(one(self.db, "SELECT count(*) FROM pythia_traces"), 0)
        self.db.execute("SELECT pythia_import(?)", (SMALL,)).fetchall()
        self.assertGreater(one(self.db, "SELECT count(*) FROM pythia_traces"), 0)
        self.db.execute("VACUUM")
        self.check()


class Connections(Case):
    def both_modes(self):
        for mode in ("delete", "wal"):
            with self.subTest(mode):
                self.db.execute(f"PRAGMA journal_mode = {mode}")
                yield mode

    def test_a_second_connection_sees_what_the_first_writes(self):
        for mode in self.both_modes():
            self.db.execute("SELECT pythia_import(?)", (SMALL,)).fetchall()
            other = connect(self.path)
            self.assertEqual(state(other), state(self.db))
            self.db.execute("SELECT pythia_import(?)", (SHOP,)).fetchall()
            self.assertEqual(state(other), state(self.db))
            other.execute("UPDATE pythia_settings SET value = 'type' WHERE key = 'grouping'")
            self.assertEqual(state(other), state(self.db))
            other.execute("DELETE FROM pythia_traces WHERE spans > 15")
            self.assertEqual(state(other), state(self.db))
            other.execute("INSERT INTO pythia(pythia) VALUES('delete-all')")
            self.assertEqual(state(other), state(self.db))
            other.execute("DELETE FROM pythia_settings WHERE key = 'grouping'")
            self.check()
            self.check(other)
            other.close()

    def test_writers_take_turns(self):
        for mode in self.both_modes():
            self.db.execute("SELECT pythia_import(?)", (SMALL,)).fetchall()
            other = connect(self.path)
            other.execute("BEGIN IMMEDIATE")
            before = state(self.db)
            with self.assertRaisesRegex(sqlite3.OperationalError, "locked"):
                self.db.execute("SELECT pythia_import(?)", (SHOP,)).fetchall()
            self.assertFalse(self.db.in_transaction)
            other.execute("ROLLBACK")
            self.assertEqual(state(self.db), before)
            self.db.execute("SELECT pythia_import(?)", (SHOP,)).fetchall()
            self.assertNotEqual(state(self.db), before)
            self.db.execute("INSERT INTO pythia(pythia) VALUES('delete-all')")
            other.close()

    def test_busy_at_commit(self):
        self.db.execute("PRAGMA journal_mode = delete")
        self.db.execute("SELECT pythia_import(?)", (SMALL,)).fetchall()
        other = connect(self.path)
        other.execute("BEGIN")
        before = state(other)  # holds a shared lock
        with self.assertRaisesRegex(sqlite3.OperationalError, "locked"):
            self.db.execute("SELECT pythia_import(?)", (SHOP,)).fetchall()
        self.assertFalse(self.db.in_transaction)
        other.execute("COMMIT")
        self.assertEqual(state(self.db), before)
        self.db.execute("SELECT pythia_import(?)", (SHOP,)).fetchall()
        self.assertNotEqual(state(self.db), before)
        self.check()
        other.close()

    def test_read_only(self):
        self.db.execute("SELECT pythia_import(?)", (SHOP,)).fetchall()
        reader = connect(f"file:{self.path}?mode=ro", uri=True)
        self.assertEqual(state(reader), state(self.db))
        with self.assertRaisesRegex(sqlite3.OperationalError, "readonly"):
            reader.execute("SELECT pythia_import(?)", (SMALL,)).fetchall()
        self.assertEqual(state(reader), state(self.db))
        reader.close()

    def test_backup(self):
        self.db.execute("SELECT pythia_import(?)", (SHOP,)).fetchall()
        copy = sqlite3.connect(os.path.join(self.folder, "copy.db"), isolation_level=None)
        self.db.backup(copy)
        copy.close()
        copy = connect(os.path.join(self.folder, "copy.db"))
        self.assertEqual(state(copy), state(self.db))
        self.check(copy)
        copy.close()


class Interrupts(Case):
    def interrupted(self, sql, arguments=(), begin=False):
        """Interrupts the statement at its 1st, 2nd, 4th, ... look; gives how often it was interrupted."""
        n, times = 1, 0
        while True:
            looks = 0

            def look():
                nonlocal looks
                looks += 1
                return looks >= n

            before = state(self.db)
            if begin:
                self.db.execute("BEGIN")
            self.db.set_progress_handler(look, 1)
            try:
                self.db.execute(sql, arguments).fetchall()
                done = True
            except sqlite3.OperationalError as error:
                self.assertIn("interrupted", str(error))
                done = False
                times += 1
            self.db.set_progress_handler(None, 0)
            if done:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                return times
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            self.assertEqual(state(self.db), before)
            self.check()
            n *= 3

    def test_import(self):
        self.db.execute("SELECT pythia_import(?)", (SMALL,)).fetchall()
        self.assertGreater(self.interrupted("SELECT pythia_import(?)", (SHOP,)), 3)

    def test_import_inside_a_transaction(self):
        self.db.execute("SELECT pythia_import(?)", (SMALL,)).fetchall()
        self.assertGreater(self.interrupted("SELECT pythia_import(?)", (SHOP,), begin=True), 3)

    def test_tables(self):
        self.db.execute("SELECT pythia_import(?)", (SHOP,)).fetchall()
        for sql in (
            "SELECT * FROM pythia_groups",
            "SELECT * FROM pythia_group_edges",
            "SELECT * FROM pythia_group_variables",
            "SELECT * FROM pythia_events",
            "UPDATE pythia_settings SET value = 'dag' WHERE key = 'grouping'",
            "INSERT INTO pythia(pythia) VALUES('rebuild')",
            "INSERT INTO pythia(pythia) VALUES('optimize')",
            "DELETE FROM pythia_traces WHERE spans > 20",
        ):
            with self.subTest(sql):
                self.assertGreater(self.interrupted(sql, begin=True), 1)


KILLED = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.enable_load_extension(True)
db.load_extension(sys.argv[2])
print("ready", flush=True)
for file in sys.argv[3:]:
    db.execute("SELECT pythia_import(?)", (file,)).fetchall()
"""


class Kills(Case):
    def test_killed_imports(self):
        """kill -9 at random moments: the state is that before an import or after it."""
        self.db.execute("SELECT pythia_import(?)", (SMALL,)).fetchall()
        states = [state(self.db)]
        whole = os.path.join(self.folder, "whole.db")
        shutil.copy(self.path, whole)
        db = connect(whole)
        began = time.time()
        for file in (SHOP, CAPTURE):
            db.execute("SELECT pythia_import(?)", (file,)).fetchall()
            states.append(state(db))
        took = time.time() - began
        db.close()
        self.db.close()
        seen = set()
        kills = int(os.environ.get("PYTHIA_KILLS", "20"))
        for i in range(kills):
            copy = os.path.join(self.folder, "killed.db")
            for suffix in ("", "-journal", "-wal"):
                if os.path.exists(copy + suffix):
                    os.remove(copy + suffix)
            shutil.copy(self.path, copy)
            process = subprocess.Popen(
                [sys.executable, "-c", KILLED, copy, SO, SHOP, CAPTURE], stdout=subprocess.PIPE)
            process.stdout.readline()
            time.sleep(1.2 * took * (i * 0.618 % 1))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            db = connect(copy)
            now = state(db)
            self.assertIn(now, states)
            seen.add(states.index(now))
            self.check(db)
            self.assertEqual(one(db, "PRAGMA integrity_check"), "ok")
            db.close()
        self.assertGreater(len(seen), 1)
        self.db = connect(self.path)


if __name__ == "__main__":
    unittest.main()
