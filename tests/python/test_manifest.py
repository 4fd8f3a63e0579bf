"""Switches that are files: back ends of kind manifest.

A directory with a file per trace point, or a list of those that are off, as tracing agents read them. What a commit
does to the files, what a hostile directory or name is answered with, and what is left of a session that died."""

import os
import shutil
import sqlite3
import subprocess
import sys
import unittest

import test_control


class ManifestTest(test_control.ControlTest):
    """A directory of switches: three trace points that are on, one that is off, one switched for one type."""

    def setUp(self):
        super().setUp()
        self.root = os.path.join(self.folder.name, "manifest")
        for name, text in {"nova/api.py:12:show": "1", "nova/api.py:40:list": "1\n", "nova/db": "",
                           "quiet": "0", "nova/db:ServerCreate": "0"}.items():
            self.put(name, text)

    def put(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def files(self):
        """name -> content of all switches, Pythia's notes left out."""
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(folder, name)
                relative = os.path.relpath(path, self.root)
                if not relative.startswith(".pythia"):
                    with open(path, encoding="utf-8") as file:
                        found[relative] = file.read()
        return found

    def attach_files(self, target=None):
        self.rows("INSERT INTO pythia_backends(name, kind, target) VALUES('agent', 'manifest', ?)",
                  target or self.root)

    def switch(self, name, enabled, request_type=None):
        self.rows("INSERT INTO pythia_control(tracepoint, enabled, request_type) VALUES(?, ?, ?)",
                  name, enabled, request_type)

    def prepared(self):
        return [n for n in os.listdir(os.path.join(self.root, ".pythia")) if n[0].isdigit()]


class Directory(ManifestTest):
    def test_lists_what_is_there(self):
        self.attach_files()
        self.assertEqual(self.rows("SELECT kind, available, detail, tracepoints FROM pythia_backends WHERE name IS NOT NULL"),
                         [("manifest", 1, "a directory with a file per trace point", 4)])
        self.assertEqual(self.rows("SELECT tracepoint, enabled FROM pythia_tracepoints WHERE backend = 'agent'"
                                   " ORDER BY 1"),
                         [("nova/api.py:12:show", 1), ("nova/api.py:40:list", 1), ("nova/db", 1), ("quiet", 0)])
        self.assertFalse(os.path.exists(os.path.join(self.root, ".pythia")))  # looking leaves nothing behind

    def test_switches_and_goes_back(self):
        before = self.files()
        self.attach_files()
        self.switch("nova/*", 0)
        self.switch("quiet", 1, "ServerList")
        self.assertEqual(self.files(), {**before, "nova/api.py:12:show": "0", "nova/api.py:40:list": "0",
                                        "nova/db": "0", "quiet:ServerList": "1"})
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_tracepoints WHERE pending"), [(0,)])
        self.rows("DELETE FROM pythia_control")
        self.assertEqual(self.files(), {**before, "nova/api.py:40:list": "1", "nova/db": "1",
                                        "quiet:ServerList": "0"})
        self.assertEqual(self.prepared(), [])

    def test_a_point_that_is_off_goes_back_to_off(self):
        self.attach_files()
        self.switch("quiet", 1)
        self.assertEqual(self.files()["quiet"], "1")
        self.rows("DELETE FROM pythia_control")
        self.assertEqual(self.files()["quiet"], "0")

    def test_an_exact_name_makes_a_file(self):
        self.attach_files()
        self.switch("bank/pay", 1)
        self.switch("bank/*", 1)  # matches bank/audit too, which traces have shown, but no file
        self.assertEqual(self.files()["bank/pay"], "1")
        self.assertNotIn("bank/audit", self.files())
        self.rows("DELETE FROM pythia_control")
        self.assertEqual(self.files()["bank/pay"], "0")  # no file is off

    def test_rollback_and_savepoints(self):
        before = self.files()
        self.attach_files()
        self.rows("BEGIN")
        self.switch("nova/*", 0)
        self.rows("SAVEPOINT s")
        self.switch("quiet", 1)
        self.rows("ROLLBACK TO s")
        self.assertEqual(self.files(), before)
        self.rows("ROLLBACK")
        self.assertEqual(self.files(), before)

    def test_what_another_back_end_refuses_is_not_done(self):
        before = self.files()
        self.attach_files()
        self.attach()
        self.refused = {"nova/db"}
        with self.assertRaisesRegex(sqlite3.Error, 'back end "py" refuses'):
            self.switch("nova/*", 0)
        self.assertEqual(self.files(), before)
        self.assertEqual(self.prepared(), [])
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_control"), [(0,)])

    def test_what_files_cannot_say_is_refused(self):
        self.attach_files()
        before = self.files()
        with self.assertRaisesRegex(sqlite3.Error, 'refuses: "quiet": a file says on or off, and nothing of .*sample'):
            self.rows("INSERT INTO pythia_control(tracepoint, sample) VALUES('quiet', 0.5)")
        self.rows("INSERT INTO pythia_control(tracepoint, expires_ns) VALUES('quiet', 1)")  # expired long ago
        self.assertEqual(self.files(), before)

    def test_hostile_names(self):
        self.attach_files()
        self.switch("good", 1)
        before = self.files()
        for name, request_type, message in [
                ("../escape", None, "names a folder"), ("a/../b", None, "names a folder"), ("./a", None, "names a"),
                ("/etc/passwd", None, "begins or ends"), ("a//b", None, "two in a row"), ("a/", None, "begins or ends"),
                ("x" * 300, None, "more than 255 bytes"), ("a\nb", None, "control character"),
                (".pythia/lock", None, "keeps its notes"), ("good", "../../up", "names a folder"),
                ("good", "t/../..", "names a folder"), ("good", "y" * 300, "more than 255 bytes"),
                ("nova/db:ServerDelete", None, 'would be the file that switches "nova/db"')]:
            with self.subTest(name=name, request_type=request_type):
                with self.assertRaisesRegex(sqlite3.Error, '(?s)back end "agent" refuses: .*' + message):
                    self.switch(name, 0, request_type)
        with self.assertRaisesRegex(sqlite3.Error, "NUL"):
            self.switch("a\0b", 0)
        self.assertEqual(self.files(), before)
        self.assertEqual(os.listdir(os.path.dirname(self.root)).count("escape"), 0)
        self.assertEqual(self.prepared(), [])

    def test_no_link_is_followed(self):
        outside = os.path.join(self.folder.name, "outside")
        os.mkdir(outside)
        with open(os.path.join(outside, "victim"), "w", encoding="utf-8") as file:
            file.write("1")
        os.symlink(outside, os.path.join(self.root, "away"))
        os.symlink(os.path.join(outside, "victim"), os.path.join(self.root, "link"))
        os.symlink(self.root, os.path.join(self.root, "round"))
        os.mkfifo(os.path.join(self.root, "pipe"))
        self.attach_files()
        self.assertEqual(self.rows("SELECT tracepoints FROM pythia_backends WHERE name IS NOT NULL"), [(4,)])
        for name, message in [("away/victim", "cannot be written"), ("link", "is a symbolic link"),
                              ("pipe", "is not a file"), ("nova", "is a folder"), ("quiet/x", "cannot be written")]:
            with self.subTest(name=name):
                with self.assertRaisesRegex(sqlite3.Error, "refuses: .*" + message):
                    self.switch(name, 0)
        self.assertEqual(os.listdir(outside), ["victim"])
        with open(os.path.join(outside, "victim"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "1")
        os.symlink(self.root, os.path.join(self.folder.name, "alias"))
        self.rows("UPDATE pythia_backends SET target = ? WHERE name = 'agent'", os.path.join(self.folder.name, "alias"))
        self.assertEqual(self.rows("SELECT available, detail FROM pythia_backends WHERE name IS NOT NULL"),
                         [(0, "the path is a symbolic link")])

    def test_a_link_in_place_of_the_notes(self):
        outside = os.path.join(self.folder.name, "outside")
        os.mkdir(outside)
        os.symlink(outside, os.path.join(self.root, ".pythia"))
        self.attach_files()
        self.assertEqual(self.rows("SELECT available FROM pythia_backends WHERE name IS NOT NULL"), [(0,)])
        self.switch("quiet", 1)
        self.assertEqual(os.listdir(outside), [])

    def test_nothing_there_yet(self):
        shutil.rmtree(self.root)
        self.attach_files()
        self.assertRegex(self.rows("SELECT detail FROM pythia_backends WHERE name IS NOT NULL AND NOT available")[0][0],
                         "there is nothing yet: make a directory")
        self.switch("quiet", 1)  # stays due
        os.mkdir(self.root)
        self.put("quiet", "0")
        self.assertEqual(self.rows("SELECT pythia_reconcile()"), [(1,)])
        self.assertEqual(self.files(), {"quiet": "1"})

    def test_vanishes_between_prepare_and_apply(self):
        self.attach_files()
        self.db.create_function("remover", 5, self.remove)
        self.rows("INSERT INTO pythia_backends(name, kind, target) VALUES('then', 'sql', 'remover')")
        self.removing = True
        self.switch("quiet", 1)
        self.assertEqual(self.rows("SELECT state FROM pythia_control"), [("pending",)])
        self.assertRegex(self.rows("SELECT last_error FROM pythia_backends WHERE name = 'agent'")[0][0],
                         '"quiet" cannot be put in its place: No such file or directory')
        self.assertRegex(self.rows("SELECT result FROM pythia_control_log WHERE backend = 'agent'")[0][0], "failed: ")
        self.removing = False
        self.put("quiet", "0")
        self.put("other", "1")
        self.assertEqual(self.rows("SELECT pythia_reconcile()"), [(2,)])  # of both back ends
        self.assertEqual(self.files(), {"quiet": "1", "other": "1"})
        self.assertEqual(self.rows("SELECT state FROM pythia_control"), [("active",)])
        self.assertEqual(self.rows("SELECT DISTINCT last_error FROM pythia_backends WHERE name IS NOT NULL"), [(None,)])

    def remove(self, phase, *_):
        if phase == "prepare" and self.removing:
            shutil.rmtree(self.root)

    def test_files_made_anew_are_told_again(self):
        self.attach_files()
        self.switch("quiet", 1)
        shutil.rmtree(self.root)
        self.put("quiet", "0")
        self.assertEqual(self.rows("SELECT tracepoint FROM pythia_tracepoints WHERE pending"), [("quiet",)])
        self.rows("SELECT pythia_reconcile()")
        self.assertEqual(self.files(), {"quiet": "1"})

    def test_a_file_that_was_removed_is_told_again(self):
        self.attach_files()
        self.switch("quiet", 1)
        os.remove(os.path.join(self.root, "quiet"))
        self.assertEqual(self.rows("SELECT tracepoint FROM pythia_tracepoints WHERE pending"), [("quiet",)])
        self.rows("SELECT pythia_reconcile()")
        self.assertEqual(self.files()["quiet"], "1")

    def test_another_session_holds_the_lock(self):
        self.attach_files()
        self.switch("quiet", 1)
        held = subprocess.Popen([sys.executable, "-c",
                                 "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX);"
                                 "print(flush=True); sys.stdin.read()", os.path.join(self.root, ".pythia", "lock")],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(held.stdout.close)
        try:
            held.stdout.readline()
            with self.assertRaisesRegex(sqlite3.Error, "refuses: another session is writing there"):
                self.switch("nova/db", 0)
        finally:
            held.communicate()
        self.switch("nova/db", 0)
        self.assertEqual(self.files()["nova/db"], "0")

    def test_what_a_dead_session_prepared_is_removed(self):
        self.attach_files()
        self.switch("quiet", 1)
        self.put(".pythia/7", "1")
        self.put(".pythia/00", "0 quiet\n")
        self.switch("nova/db", 0)
        self.assertEqual(self.prepared(), [])
        self.rows("DELETE FROM pythia_control")
        self.assertEqual((self.files()["quiet"], self.files()["nova/db"]), ("0", "1"))

    def test_a_directory_that_cannot_be_written(self):
        if os.geteuid() == 0:
            self.skipTest("the superuser can write everywhere")
        os.chmod(self.root, 0o500)
        self.addCleanup(os.chmod, self.root, 0o700)
        self.attach_files()
        self.assertEqual(self.rows("SELECT available, detail FROM pythia_backends WHERE name IS NOT NULL"),
                         [(0, "cannot be opened and written to: Permission denied")])

    def test_a_thousand_rules_in_one_transaction(self):
        for i in range(1000):
            self.put("many/point%d" % i, "1")
        self.attach_files()
        self.rows("BEGIN")
        for i in range(1000):
            self.switch("many/point%d" % i, 0)
        self.rows("COMMIT")
        self.assertEqual(sum(v == "0" for k, v in self.files().items() if k.startswith("many/")), 1000)


class List(ManifestTest):
    """A file with the names of the trace points that are off."""

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.folder.name, "disabled")
        self.write("DataNode.read\nzeta\n")
        self.attach_files(self.path)

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def text(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def test_switches_and_goes_back(self):
        self.assertEqual(self.rows("SELECT available, detail, tracepoints FROM pythia_backends WHERE name IS NOT NULL"),
                         [(1, "a list of trace points that are off", 2)])
        self.switch("zeta", 1)
        self.switch("alpha", 0)
        self.switch("bank/*", 0)
        self.assertEqual(self.text(), "DataNode.read\nalpha\nbank/audit\nbank/pay\n")
        self.assertEqual(self.rows("SELECT count(*) FROM pythia_tracepoints WHERE pending"), [(0,)])
        self.rows("DELETE FROM pythia_control")
        self.assertEqual(self.text(), "DataNode.read\nzeta\n")

    def test_refuses_types_and_lines(self):
        with self.assertRaisesRegex(sqlite3.Error, "a list switches for all requests"):
            self.switch("zeta", 1, "Read")
        with self.assertRaisesRegex(sqlite3.Error, "no line of a list"):
            self.switch("two\nlines", 0)
        self.assertEqual(self.text(), "DataNode.read\nzeta\n")

    def test_rollback(self):
        self.rows("BEGIN")
        self.switch("zeta", 1)
        self.rows("ROLLBACK")
        self.assertEqual(self.text(), "DataNode.read\nzeta\n")

    def test_a_list_without_our_notes_is_told_again(self):
        self.switch("alpha", 0)
        shutil.rmtree(self.path + ".pythia")
        self.write("")
        self.rows("SELECT pythia_reconcile()")
        self.assertEqual(self.text(), "alpha\n")


del ManifestTest, test_control.ControlTest
