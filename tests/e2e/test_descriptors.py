"""What would break: a daemon that cannot open one more file would spin, or never accept again."""
import itertools
import os
import resource
from pathlib import Path

from harness import CulvertTest, main, wait_until

ANSWER = '[[route]]\nrespond = { status = 200, body = "ok" }\n'


class RunOut(CulvertTest):
    """Somebody has lowered the limit under the running daemon, say: not even one more file can be opened."""

    def test_accepting_rests_and_goes_on(self):
        culvert = self.culvert(ANSWER, threads=1, server='keep_alive_timeout = "1h"')
        pid = culvert.process.pid
        inside = wait_until(lambda: self.client_behind_which_none_is_free(culvert), "descriptors without a gap")
        most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        self.addCleanup(resource.prlimit, pid, resource.RLIMIT_NOFILE, most)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (self.first_free(pid), most[1]))
        with culvert.connect() as waiting:
            waiting.request("GET", "/")
            wait_until(lambda: "cannot accept connections" in culvert.stderr(), "the error in the log")
            before = self.cpu_seconds(pid)
            waiting.sock.settimeout(1)
            with self.assertRaises(TimeoutError, msg="an answer, although no descriptor is left"):
                waiting.response()
            self.assertLess(self.cpu_seconds(pid) - before, 0.05, "accepting does not rest")
            self.assertEqual(inside.get("/").body, b"ok", "those inside notice nothing")
            self.assertLess(culvert.stderr().count("cannot accept connections"), 5)
            inside.close()
            waiting.sock.settimeout(20)
            self.assertEqual(waiting.response().body, b"ok", "there is room again")

    def client_behind_which_none_is_free(self, culvert):
        """A client who is served; what its end frees is below the limit. None as long as there are others to be had."""
        client = culvert.connect()
        self.addCleanup(client.close)
        self.assertEqual(client.get("/").body, b"ok")
        return client if self.first_free(culvert.process.pid) == self.open_files(culvert.process.pid) else None

    def open_files(self, pid):
        return len(os.listdir(f"/proc/{pid}/fd"))

    def first_free(self, pid):
        used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
        return next(number for number in itertools.count() if number not in used)

    def cpu_seconds(self, pid):
        return sum(int(stat.read_text().split()[0]) for stat in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


if __name__ == "__main__":
    main()
