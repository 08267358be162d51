"""What would break: a rule of include_rules.py that no file can break is no rule. Each one fails here once."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from include_rules import LINES_MAX, breaches


def texts(path, *lines):
    return [text for _, text in breaches(path, "\n".join(lines))]


class IncludeRules(unittest.TestCase):
    def assert_breach(self, wanted, path, *lines):
        found = texts(path, *lines)
        self.assertEqual(len(found), 1, found)
        self.assertIn(wanted, found[0])

    def test_arrows_lead_down(self):
        self.assertEqual(texts("src/http/a.cpp", '#include "wire/framing.hpp"', '#include "base/arena.hpp"'), [])
        self.assertEqual(texts("src/main.cpp", '#include "daemon/commands.hpp"'), [])
        self.assertEqual(texts("src/base/a.cpp", '#include "culvert/loop.hpp"'), [])

    def test_upward_arrow(self):
        self.assert_breach("upward arrow: wire does not use http", "src/wire/a.cpp", '#include "http/server.hpp"')
        self.assert_breach("upward arrow: net does not use wire", "src/net/a.cpp", '  #  include "wire/framing.hpp"')
        self.assert_breach("upward arrow: config does not use http", "src/config/a.hpp", '#include "http/agent.hpp"')
        self.assert_breach("upward arrow: proxy does not use daemon", "src/proxy/a.hpp", '#include "daemon/worker.hpp"')

    def test_public_headers_see_only_public_headers(self):
        self.assertEqual(texts("include/culvert/loop.hpp", '#include "culvert/error.hpp"', "#include <chrono>"), [])
        self.assert_breach("only public headers", "include/culvert/http.hpp", '#include "wire/header_names.hpp"')

    def test_includes_name_their_room(self):
        self.assert_breach("name of a room", "src/wire/a.cpp", '#include "framing.hpp"')
        self.assert_breach("name of a room", "src/wire/a.cpp", '#include "../base/arena.hpp"')

    def test_unknown_room(self):
        self.assert_breach("not a room", "src/misc/a.cpp", "#include <string>")

    def test_third_party_headers_stay_in_their_room(self):
        for room, header in {"daemon": "asio.hpp", "net": "asio/io_context.hpp", "wire": "llhttp.h",
                             "config": "toml++/toml.h", "proxy": "re2/re2.h"}.items():
            self.assertEqual(texts(f"src/{room}/a.cpp", f"#include <{header}>"), [], header)
        for room, header in {"http": "asio.hpp", "proxy": "asio/post.hpp", "net": "llhttp.h", "daemon": "toml++/toml.h",
                             "base": "yaml-cpp/yaml.h", "wire": "re2/re2.h", "config": "CLI/CLI.hpp"}.items():
            self.assert_breach("only", f"src/{room}/a.cpp", f"#include <{header}>")
        self.assert_breach("only", "include/culvert/loop.hpp", "#include <asio/io_context.hpp>")
        self.assert_breach("tests only", "src/base/a.cpp", "#include <gtest/gtest.h>")

    def test_logging_library_stays_in_one_file(self):
        self.assertEqual(texts("src/base/log.cpp", "#include <spdlog/spdlog.h>"), [])
        self.assert_breach("src/base/log.cpp only", "src/base/log.hpp", "#include <fmt/format.h>")

    def test_crypto_stays_where_it_is_needed(self):
        self.assertEqual(texts("src/base/digest.cpp", "#include <openssl/evp.h>"), [])
        self.assert_breach("src/base/digest.cpp", "src/base/digest.hpp", "#include <openssl/evp.h>")
        self.assert_breach("src/base/digest.cpp", "src/http/agent.cpp", "#include <openssl/evp.h>")

    def test_unknown_third_party_header(self):
        self.assertEqual(texts("src/net/a.cpp", "#include <sys/epoll.h>", "#include <unistd.h>"), [])
        self.assert_breach("not known here", "src/net/a.cpp", "#include <boost/asio.hpp>")

    def test_long_file(self):
        self.assertEqual(texts("src/base/a.cpp", *["//"] * LINES_MAX), [])
        self.assert_breach("second file", "src/base/a.cpp", *["//"] * (LINES_MAX + 1))

    def test_banned_words(self):
        for line in ("// TODO: later", "// FIXME", "// XXX", "GTEST_SKIP();", "TEST(A, DISABLED_b) {",
                     "std::this_thread::sleep_for(1s);", "usleep(1);", "time.sleep(1)"):
            self.assert_breach("banned", "tests/base/a_test.cpp", line)
        self.assertEqual(texts("src/base/a.cpp", 'mkstemp("/tmp/XXXXXX")'), [])

    def test_program_reports_and_fails(self):
        with tempfile.TemporaryDirectory() as root:
            self.assertEqual(self.run_on(root).returncode, 1, "a tree without files proves nothing")
            file = Path(root, "src/base/a.cpp")
            file.parent.mkdir(parents=True)
            file.write_text("#include <string>\n")
            self.assertEqual(self.run_on(root).returncode, 0)
            file.write_text('#include <string>\n#include "net/outbox.hpp"\n')
            failed = self.run_on(root)
            self.assertEqual(failed.returncode, 1)
            self.assertIn("src/base/a.cpp:2: ", failed.stdout)

    def run_on(self, root):
        script = Path(__file__).with_name("include_rules.py")
        return subprocess.run([sys.executable, script, root], capture_output=True, text=True, check=False)


if __name__ == "__main__":
    unittest.main()
