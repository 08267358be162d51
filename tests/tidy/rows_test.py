"""What would break: rows would count as covered that no test proves, or a misspelt citation would prove nothing."""
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/rows"

TWO_ROWS = """\
id,class,member,kind,semantics,deprecated,proxy_use,acceptance
server.a,Server,a,event,"It is, so to say, a.",no,,"given a, then a"
agent.b,Agent,b,event,It is b.,no,,"given b, then b"
"""

GOOGLE_TEST_REPORT = """\
<testsuites><testsuite name="Server">
  <testcase name="A" status="run" result="completed" classname="Server">
    <properties><property name="rows" value="server.a agent.b"/></properties>{body}
  </testcase>
</testsuite></testsuites>
"""

CTEST_REPORT = '<testsuite><testcase name="e2e/test_a" classname="e2e/test_a" status="{status}"/></testsuite>'


class Rows(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("tests/rows/rows.csv", TWO_ROWS)
        self.write("scripts/rows", "")
        shutil.copy(SCRIPT, self.root / "scripts/rows")

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    def run_rows(self, *arguments):
        return subprocess.run([sys.executable, "-B", self.root / "scripts/rows", *arguments],
                              capture_output=True, text=True, check=False)

    def assert_covered(self, wanted, *arguments):
        """`wanted` are the covered rows; the exit status must say whether these are all."""
        ran = self.run_rows("--list", *arguments)
        covered = {line.split()[1].rstrip(":") for line in ran.stdout.splitlines() if line.startswith("covered ")}
        self.assertEqual(covered, wanted, ran.stdout + ran.stderr)
        self.assertEqual(ran.returncode, 0 if len(wanted) == 2 else 1)

    def test_no_citation_at_all(self):
        self.assert_covered(set())
        self.assertIn("UNCOVERED  server.a: given a, then a", self.run_rows("--list").stdout)

    def test_cpp_citations(self):
        self.write("tests/http/a_test.cpp", 'TEST(A, B) {\n  ROWS("server.a",\n       "agent.b");\n}\n')
        self.assert_covered({"server.a", "agent.b"})

    def test_what_is_no_citation(self):
        self.write("tests/http/a_test.cpp", '// ROWS("server.a");\n#define ROWS(...) x("agent.b");\n')
        self.write("tests/http/a.hpp", '  ROWS("server.a");\n')
        self.write("tests/e2e/test_a.py", "# ROWS: server.a\nclass A:\n    def help(self):\n        # ROWS: agent.b\n")
        self.assert_covered(set())

    def test_python_citations(self):
        self.write("tests/e2e/test_a.py", "class A:\n    def test_b(self):\n        # ROWS: server.a, agent.b\n")
        self.assert_covered({"server.a", "agent.b"})

    def test_one_class(self):
        self.write("tests/http/a_test.cpp", '  ROWS("server.a");\n')
        self.assertEqual(self.run_rows("--class", "Server").returncode, 0)
        self.assertEqual(self.run_rows("--class", "Agent").returncode, 1)
        self.assertIn("no row of the class Nobody", self.run_rows("--class", "Nobody").stderr)

    def test_unknown_row(self):
        self.write("tests/http/a_test.cpp", '  ROWS("server.a", "agent.b", "agent.c");\n')
        for arguments in (), ("--class", "Server"):
            ran = self.run_rows(*arguments)
            self.assertEqual(ran.returncode, 1)
            self.assertIn("no row agent.c, cited by tests/http/a_test.cpp", ran.stderr)

    def test_only_tests_that_passed_count_in_a_report(self):
        self.write("tests/http/a_test.cpp", '  ROWS("server.a", "agent.b");\n')
        for body, wanted in ("", {"server.a", "agent.b"}), ('<failure message="no"/>', set()), ("<skipped/>", set()):
            self.assert_covered(wanted, "--xml", self.write("report.xml", GOOGLE_TEST_REPORT.format(body=body)))
        not_run = GOOGLE_TEST_REPORT.format(body="").replace("run", "notrun").replace("completed", "suppressed")
        self.assert_covered(set(), "--xml", self.write("report.xml", not_run))

    def test_end_to_end_files_that_passed(self):
        self.write("tests/e2e/test_a.py", "class A:\n    def test_b(self):\n        # ROWS: server.a\n")
        self.write("tests/e2e/test_b.py", "class A:\n    def test_b(self):\n        # ROWS: agent.b\n")
        self.assert_covered({"server.a"}, "--xml", self.write("report.xml", CTEST_REPORT.format(status="run")))
        self.assert_covered(set(), "--xml", self.write("report.xml", CTEST_REPORT.format(status="fail")))

    def test_several_reports(self):
        self.write("tests/e2e/test_a.py", "class A:\n    def test_b(self):\n        # ROWS: server.a\n")
        google_test = self.write("a.xml", GOOGLE_TEST_REPORT.format(body="").replace("server.a ", ""))
        self.assert_covered({"server.a", "agent.b"}, "--xml", google_test,
                            self.write("b.xml", CTEST_REPORT.format(status="run")))

    def assert_daemon(self, *said):
        """What --daemon finds wrong, of server.a alone: agent.b has no use in the daemon."""
        rows = TWO_ROWS.replace("event,It is b.,no,,", "event,It is b.,no,library only,")
        self.write("tests/rows/rows.csv", rows.replace("so to say, a.\",no,,", "so to say, a.\",no,an entry,"))
        ran = self.run_rows("--daemon")
        self.assertEqual((ran.stdout.splitlines()[:-1], ran.returncode), (list(said), 1 if said else 0), ran.stderr)

    def test_daemon_is_covered_end_to_end(self):
        self.write("tests/rows/not_end_to_end.csv", "id,why\n")
        self.write("tests/http/a_test.cpp", 'TEST(A, B) {\n  ROWS("server.a");\n}\n')
        self.assert_daemon("UNCOVERED  server.a: an entry")
        self.write("tests/e2e/test_a.py", "    def test_a(self):\n        # ROWS: agent.b,\n        #       server.a\n")
        self.assert_daemon()
        self.write("tests/e2e/test_a.py", "    def test_a(self):\n        # ROWS: server.a, server.c\n")
        self.assert_daemon("there is no row server.c")

    def test_daemon_has_excuses_that_are_looked_at(self):
        self.write("tests/rows/not_end_to_end.csv", "id,why\nserver.a,later\n")
        self.assert_daemon()
        self.write("tests/e2e/test_a.py", "    def test_a(self):\n        # ROWS: server.a\n")
        self.assert_daemon("server.a is covered, whatever not_end_to_end.csv says")
        self.write("tests/rows/not_end_to_end.csv", "id,why\nagent.b,later\n")
        self.assert_daemon("agent.b is not a row that the daemon uses")


if __name__ == "__main__":
    unittest.main()
