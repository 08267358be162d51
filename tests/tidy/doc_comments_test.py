"""What would break: the reference, quietly, where a comment is lost on its way or a missing one is not noticed."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOXYGEN = sys.argv.pop()

HEADER = """\
// Thing: what the file is about, with <angles>.
//
//   code();
#pragma once

namespace culvert {

class Thing {
 public:
  ~Thing();
  // A block
  // of two lines.
  void first(int a);  // and more
  void first(long a);
  int second() const { return 2; }  // behind
  [[deprecated("use second()")]] int old() const;

  int silent() const;
  // ---- for others
  void hidden();
};

}  // namespace culvert
"""
SHOWN = r"""
/// \class culvert::Thing
/// Thing: what the file is about, with \<angles\>.
///
///       code();
namespace culvert {
class Thing {
 public:
  /// A block
  /// of two lines. and more
  void first(int a);
/** A block of two lines. and more */   void first(long a);
/** behind */   int second() const { return 2; }
/** \deprecated use second() */   [[deprecated("use second()")]] int old() const;
  int silent() const;
 private:
  void hidden();
};
}
"""


class DocComments(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="culvert-doc-")  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.header = self.folder / "thing.hpp"

    def shown(self, header):
        self.header.write_text(header)
        return subprocess.run([ROOT / "scripts/doc_comments", self.header], check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def test_comments_become_documentation(self):
        lines = self.shown(HEADER).splitlines()
        self.assertEqual(len(lines), len(HEADER.splitlines()))
        self.assertEqual([line for line in lines if line], SHOWN.strip().splitlines())

    def test_what_is_not_documented_is_an_error(self):
        doxyfile = (ROOT / "docs/Doxyfile").read_text().replace("docs/library.md include/culvert", str(self.header))
        doxyfile += f"OUTPUT_DIRECTORY = {self.folder}/out\nUSE_MDFILE_AS_MAINPAGE =\n"
        for header, errors in ((HEADER, ["silent"]), (HEADER.replace("  int silent() const;\n", ""), [])):
            self.header.write_text(header)
            (self.folder / "Doxyfile").write_text(doxyfile)
            done = subprocess.run([DOXYGEN, self.folder / "Doxyfile"], cwd=ROOT, check=False, text=True,
                                  stderr=subprocess.PIPE)
            self.assertEqual(done.returncode != 0, bool(errors), done.stderr)
            for name in errors:
                self.assertIn(f"Member {name}()", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
