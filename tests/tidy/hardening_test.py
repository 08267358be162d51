#!/usr/bin/env python3
"""What would break: a flag that makes the daemon harder to attack, lost in some change of the build.

Usage: hardening_test.py PROGRAM ARCHIVE...    reads the daemon as it is built, and the libraries it is made of
"""
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, ARCHIVES = sys.argv[1], sys.argv[2:]


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def missing_in_program(program):
    headers = output("readelf", "-hldW", program)
    imports = output("readelf", "--dyn-syms", "-W", program)
    wanted = {
        "position-independent executable": re.search(r"Flags: .*PIE", headers),
        "read-only relocations": "GNU_RELRO" in headers,
        "all symbols bound at the start": re.search(r"\(FLAGS\) .*BIND_NOW", headers),
        "stack that is not executable": re.search(r"GNU_STACK.* RW +0x", headers),
        "stack protector": "__stack_chk_fail" in imports,
        "checked C library calls (FORTIFY_SOURCE)": re.search(r" __(?!stack)\w+_chk@", imports),
    }
    if "X86-64" in headers:
        # A probe: nothing is changed, but the page is touched.
        probe = re.search(r"or[bwlq]? +\$0x0,(0x[0-9a-f]+)?\(%rsp\)", output("objdump", "-d", program))
        wanted["stack clash protection"] = probe
    return [name for name, found in wanted.items() if not found]


def objects_without_shadow_stack(archive):
    """The linker marks the daemon only where the C library's own start files are marked, so the objects are asked."""
    files = re.split(r"^File: ", output("readelf", "-nW", archive), flags=re.M)[1:]
    return [text.splitlines()[0] for text in files if "SHSTK" not in text]


class Hardening(unittest.TestCase):
    def test_the_daemon(self):
        self.assertEqual(missing_in_program(PROGRAM), [])

    def test_its_objects_are_made_for_a_shadow_stack(self):
        if "X86-64" in output("readelf", "-h", PROGRAM):
            self.assertEqual([name for archive in ARCHIVES for name in objects_without_shadow_stack(archive)], [])

    def test_a_soft_program_is_seen(self):
        with tempfile.TemporaryDirectory() as folder:
            soft = str(Path(folder) / "soft")
            subprocess.run(["cc", "-x", "c", "-", "-o", soft, "-O0", "-no-pie", "-fno-stack-protector", "-U_FORTIFY_SOURCE",
                            "-fno-stack-clash-protection", "-z", "norelro", "-z", "lazy", "-z", "execstack"],
                           check=True, input="int main(void) { return 0; }", text=True)
            self.assertGreaterEqual(len(missing_in_program(soft)), 6)
            subprocess.run(["cc", "-x", "c", "-", "-c", "-o", soft + ".o", "-fcf-protection=none"], check=True,
                           input="int a;", text=True)
            output("ar", "rc", soft + ".a", soft + ".o")
            if "X86-64" in output("readelf", "-h", PROGRAM):
                self.assertEqual(len(objects_without_shadow_stack(soft + ".a")), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
