"""What would break: systemd would wait for a service that is ready, show nothing of it, kill it while it works or keep it
while it hangs.
"""
import os
import signal
import subprocess
import time

from harness import BINARY, CulvertTest, free_port, main, run_culvert, wait_until
from notify_socket import NotifySocket
from stopped_thread import StoppedThread, threads

ANSWER = '[[route]]\nrespond = { status = 200, body = "x" }\n'


class Notified(CulvertTest):
    def manager(self, **env):
        manager = NotifySocket(self.folder, **env)
        self.addCleanup(manager.close)
        return manager

    def hanging_origin(self):
        """Answers when the test releases it."""
        return self.origin(lambda exchange: exchange.origin.released.wait(20) and exchange.reply(200, b"late"))


class States(Notified):
    def test_ready_with_its_listeners(self):
        manager, port = self.manager(), free_port()
        self.culvert(ANSWER, port=port, env=manager.env)
        ready = manager.wait_for("READY", "1")
        self.assertEqual(ready["STATUS"], f"revision 1, 1 listener: web 127.0.0.1:{port}")

    def test_reload_has_a_time_and_a_new_revision(self):
        manager, port = self.manager(), free_port()
        culvert = self.culvert(ANSWER, port=port, env=manager.env)
        before = time.monotonic_ns() // 1000
        culvert.reload(self.config(port, ANSWER, more='[listener.second]\naddress = "127.0.0.1:0"\n'.replace(
            ":0", f":{free_port()}")))
        reloading = manager.wait_for("RELOADING", "1")
        self.assertLessEqual(before, int(reloading["MONOTONIC_USEC"]))
        self.assertLessEqual(int(reloading["MONOTONIC_USEC"]), time.monotonic_ns() // 1000)
        self.assertIn("revision 2, 2 listeners: web ",
                      manager.wait_for("READY", after=manager.messages.index(reloading))["STATUS"])

    def test_a_reload_that_fails_ends_as_well(self):
        manager = self.manager()
        culvert = self.culvert(ANSWER, env=manager.env)
        culvert.reload("[upstreams.api]\n")
        reloading = manager.wait_for("RELOADING", "1")
        ready = manager.wait_for("READY", after=manager.messages.index(reloading))
        self.assertRegex(ready["STATUS"], r"^revision 1, .*; the last reload failed: \d error")

    def test_a_start_that_fails_says_why(self):
        manager = self.manager()
        config = self.folder / "wrong.toml"
        config.write_text("[upstreams.api]\n")
        ended = run_culvert("run", "--config", config, env=manager.env)
        self.assertEqual(ended.returncode, 78)
        self.assertRegex(manager.wait_for("STATUS")["STATUS"], "^cannot start: .* in the configuration$")
        self.assertEqual(manager.count("READY"), 0)


class Draining(Notified):
    def test_status_counts_what_is_left(self):
        manager, origin = self.manager(), self.hanging_origin()
        culvert = self.culvert(origin.route(), env=manager.env)
        client = culvert.connect()
        self.addCleanup(client.close)
        client.request("GET", "/")
        wait_until(lambda: origin.requests, "the request arriving")
        culvert.signal(signal.SIGTERM)
        manager.wait_for("STOPPING", "1")
        left = manager.wait_for("STATUS", "stopping: 1 request and 0 tunnels left, cut off in ")
        self.assertGreater(int(left["EXTEND_TIMEOUT_USEC"]), 1_000_000, "each lasts until the next one comes")
        manager.wait_for("STATUS", "left", after=manager.messages.index(left) + 1)
        origin.released.set()
        self.assertEqual(client.response().body, b"late")
        self.assertEqual(culvert.wait(), 0)

    def test_status_counts_tunnels(self):
        manager, port, origin = self.manager(), free_port(), self.origin()
        tunnel = f'[[tunnel.any.rule]]\nallow = ["127.0.0.0/8:*"]\nprivate_networks = "allow"\n{ANSWER}'
        culvert = self.culvert(tunnel, port=port, env=manager.env, listener='tunnel = "any"')
        client = culvert.connect()
        self.addCleanup(client.close)
        client.send(f"CONNECT 127.0.0.1:{origin.port} HTTP/1.1\r\nHost: 127.0.0.1:{origin.port}\r\n\r\n".encode())
        self.assertEqual(client.response_head().status, 200)
        culvert.signal(signal.SIGTERM)
        manager.wait_for("STATUS", "stopping: 0 requests and 1 tunnel left")
        client.close()
        self.assertEqual(culvert.wait(), 0)


class Watchdog(Notified):
    INTERVAL = {"WATCHDOG_USEC": "800000"}

    def watched(self, **parts):
        manager = self.manager(**self.INTERVAL)
        return manager, self.culvert(ANSWER, env=manager.env, **parts)

    def test_is_fed(self):
        manager, _ = self.watched()
        wait_until(lambda: manager.count("WATCHDOG") >= 3, "three signs of life")

    def test_one_worker_that_hangs_starves_it(self):
        manager, culvert = self.watched(threads=3)
        manager.wait_for("WATCHDOG")
        with StoppedThread(threads(culvert.process.pid)["culvert/w1"]):
            manager.wait_for("STATUS", "1 worker not answering", after=len(manager.messages))
            fed = manager.count("WATCHDOG")
            # The control thread lives, as its answer to a signal shows.
            culvert.signal(signal.SIGHUP)
            manager.wait_for("RELOADING")
            self.assertEqual(manager.count("WATCHDOG"), fed)
            self.assertIn("1 worker not answering", culvert.stderr())
        wait_until(lambda: manager.count("WATCHDOG") > fed, "signs of life again")
        self.assertIn("all workers answer again", culvert.stderr())

    def test_configuration_does_without(self):
        manager, culvert = self.watched(process="watchdog = false")
        self.assertEqual(manager.wait_for("WATCHDOG_USEC")["WATCHDOG_USEC"], "0", "systemd must not wait for more")
        self.assertEqual(manager.count("WATCHDOG"), 0)
        culvert.reload(culvert.config_path.read_text().replace("watchdog = false", "watchdog = true"))
        self.assertEqual(manager.wait_for("WATCHDOG_USEC", "800000")["WATCHDOG_USEC"], "800000")
        manager.wait_for("WATCHDOG", "1")

    def test_is_fed_while_requests_end(self):
        manager, origin = self.manager(**self.INTERVAL), self.hanging_origin()
        culvert = self.culvert(origin.route(), env=manager.env)
        client = culvert.connect()
        self.addCleanup(client.close)
        client.request("GET", "/")
        wait_until(lambda: origin.requests, "the request arriving")
        culvert.signal(signal.SIGTERM)
        stopping = manager.messages.index(manager.wait_for("STOPPING"))
        manager.wait_for("WATCHDOG", "1", after=stopping)
        origin.released.set()
        self.assertEqual(culvert.wait(), 0)


class Journal(CulvertTest):
    def test_lines_have_priorities(self):
        """What the journal cannot tell apart by itself: errors, warnings and the rest."""
        stream = self.folder / "stream"
        stream.touch()
        status = os.stat(stream)
        config = self.folder / "wrong.toml"
        config.write_text("[upstreams.api]\n")
        with open(stream, "wb") as stderr:
            subprocess.run([BINARY, "run", "--config", config], stderr=stderr, check=False,
                           env={**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        lines = stream.read_text().splitlines()
        self.assertIn("error: unknown section", stream.read_text())
        self.assertTrue(all(line.startswith("<3>") for line in lines), lines)


if __name__ == "__main__":
    main()
