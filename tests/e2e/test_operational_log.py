"""What would break: what the daemon says of itself, and where operators look for it."""
import json
import signal

from harness import CulvertTest, free_port, main, wait_until

ANSWER = '[[route]]\nrespond = { status = 200, body = "x" }\n'


class OperationalLog(CulvertTest):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "culvert.log"

    def start_with(self, log):
        port = free_port()
        return self.start(self.config(port, f"[log]\n{log}\n{ANSWER}", access_file=None), port)

    def lines(self):
        return self.path.read_text().splitlines() if self.path.exists() else []

    def line(self, part):
        """The first line that holds `part`, once there is one."""
        return wait_until(lambda: next((line for line in self.lines() if part in line), None), f"a line with {part}")

    def test_goes_to_a_file(self):
        culvert = self.start_with(f'target = "{self.path}"')
        self.assertIn("1 listener", self.line("ready"))
        self.assertEqual(culvert.stop(), 0)
        self.line("stopped")
        self.assertEqual(culvert.stderr(), "")

    def test_file_is_reopened(self):
        culvert = self.start_with(f'target = "{self.path}"')
        self.line("ready")
        rotated = self.folder / "culvert.log.1"
        self.path.rename(rotated)
        culvert.signal(signal.SIGUSR1)
        wait_until(self.path.exists, "a new file")
        culvert.signal(signal.SIGHUP)
        self.line("reloaded")
        self.assertIn("ready", rotated.read_text())
        self.assertNotIn("reloaded", rotated.read_text())

    def test_errors_of_a_reload_are_in_it(self):
        culvert = self.start_with(f'target = "{self.path}"')
        culvert.reload(culvert.config_path.read_text() + "[upstreams.api]\n")
        self.assertIn("[unknown-section]", self.line("error: unknown section"))
        self.line("the running configuration stays")

    def test_json(self):
        culvert = self.start_with(f'target = "{self.path}"\nformat = "json"')
        self.line("ready")
        self.assertEqual(culvert.stop(), 0)
        records = [json.loads(line) for line in self.lines()]
        self.assertTrue(any("ready" in json.dumps(record) for record in records), records)

    def test_level(self):
        culvert = self.start_with(f'target = "{self.path}"\nlevel = "warn"')
        self.assertEqual(culvert.get("/").status, 200)
        self.assertEqual(culvert.stop(), 0)
        self.assertEqual(self.lines(), [])

    def test_what_a_reload_cannot_change(self):
        port = free_port()
        culvert = self.start(self.config(port, ANSWER, threads=2), port)
        culvert.reload(self.config(port, ANSWER, threads=3))
        wait_until(lambda: "process.threads: restart to change" in culvert.stderr(), "the warning")
        wait_until(lambda: "reloaded: revision" in culvert.stderr(), "the reload")
        self.assertEqual(culvert.get("/").status, 200)


if __name__ == "__main__":
    main()
