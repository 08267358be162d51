"""What would break: a promise of SECURITY.md that no test holds any more."""
import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEST = re.compile(r"`(tests/[\w/]+\.(?:py|cpp))(?:::(\w+)\.(\w+))?`")
TABLE = re.compile(r"^\| promise \| held by \|\n((?:\|.*\n)+)", re.MULTILINE)


def is_there(file, suite, name):
    """Whether that test is in that file; without a name, whether there is such a file."""
    path = ROOT / file
    if not path.is_file() or suite is None:
        return path.is_file()
    text = path.read_text()
    if file.endswith(".cpp"):
        return re.search(rf"^(?:TYPED_)?TEST(?:_F|_P)?\({suite}, {name}\)", text, re.MULTILINE) is not None
    body = re.search(rf"^class {suite}\(.*?(?=^class |\Z)", text, re.MULTILINE | re.DOTALL)
    return body is not None and f"    def {name}(self):" in body[0]


class Promises(unittest.TestCase):
    def test_each_is_held_by_a_test_that_is_there(self):
        tables = TABLE.findall((ROOT / "SECURITY.md").read_text())
        promises = [row for table in tables for row in table.splitlines()[1:]]
        self.assertGreater(len(promises), 20)
        for promise in promises:
            tests = [test.groups() for test in TEST.finditer(promise)]
            self.assertTrue(tests, f"nothing holds {promise}")
            self.assertEqual([test for test in tests if not is_there(*test)], [], promise)

    def test_what_is_not_there_is_noticed(self):
        this = "tests/tidy/promises_test.py"
        self.assertTrue(is_there(this, "Promises", "test_what_is_not_there_is_noticed"))
        self.assertFalse(is_there(this, "Promises", "test_nothing"))
        self.assertFalse(is_there(this, "Nobody", "test_what_is_not_there_is_noticed"))
        self.assertFalse(is_there("tests/tidy/nowhere_test.py", None, None))

if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False).result.wasSuccessful() else 1)
