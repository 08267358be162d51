"""What would break: the service, as its unit starts it, on a machine that systemd has booted.

scripts/systemd-test boots one with this as its only work; /selftest/result has what came of it. The unit and the binary are
those that are shipped; every test begins with the service stopped and no drop-in.
"""
import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

CONFIG = Path("/etc/culvert/culvert.toml")
PATIENCE = 30


def run(*arguments, check=True):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=check)


def systemctl(*arguments, check=True):
    return run("systemctl", *arguments, check=check)


def show(name, unit="culvert"):
    return systemctl("show", "-P", name, unit).stdout.strip()


def wait_until(condition, what):
    pause = threading.Event()
    for _ in range(PATIENCE * 100):
        if answer := condition():
            return answer
        pause.wait(0.01)
    raise AssertionError(f"{what} did not happen within {PATIENCE} s")


def get(address=("127.0.0.1", 80), headers="", timeout=PATIENCE, target="/"):
    """The status and the body of one answer."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as client:
        client.settimeout(timeout)
        client.connect(address)
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n".encode())
        answer = b""
        while data := client.recv(65536):
            answer += data
    head, body = answer.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), body.decode()


def config(body="one", address="0.0.0.0:80", more="", route=""):
    action = route or f'respond = {{ status = 200, body = "{body}" }}'
    return f'[listener.web]\naddress = "{address}"\n[[route]]\n{action}\n{more}'


def drop_in(text, unit="culvert.service"):
    folder = Path(f"/etc/systemd/system/{unit}.d")
    folder.mkdir(exist_ok=True)
    (folder / "test.conf").write_text(text)
    systemctl("daemon-reload")


def main_pid():
    return int(show("MainPID"))


class Booted(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        for unit in ("culvert.socket", "culvert.service"):
            systemctl("stop", unit, check=False)
            systemctl("reset-failed", unit, check=False)
            shutil.rmtree(f"/etc/systemd/system/{unit}.d", ignore_errors=True)
        systemctl("daemon-reload")
        CONFIG.write_text(config())

    def status(self, part):
        return wait_until(lambda: show("StatusText") if part in show("StatusText") else "", f"the status {part}")

    def journal(self, *arguments):
        run("journalctl", "--sync")
        return run("journalctl", "-u", "culvert", "-o", "cat", "--no-pager", *arguments).stdout


class Service(Booted):
    def test_starts_when_it_is_ready(self):
        systemctl("start", "culvert")
        self.assertEqual((show("ActiveState"), show("SubState")), ("active", "running"))
        self.assertEqual(show("StatusText"), "revision 1, 1 listener: web 0.0.0.0:80")
        self.assertEqual(get(), (200, "one"), "at once, and at a privileged port")
        self.assertIn("ready: 1 listener", self.journal("-p", "info"))

    def test_reload(self):
        systemctl("start", "culvert")
        pid = main_pid()
        CONFIG.write_text(config("two"))
        systemctl("reload", "culvert")
        self.status("revision 2, ")
        self.assertEqual(get(), (200, "two"))
        self.assertEqual((main_pid(), show("ActiveState")), (pid, "active"))

    def test_a_reload_that_fails_changes_nothing(self):
        systemctl("start", "culvert")
        pid = main_pid()
        CONFIG.write_text("[upstreams.api]\n")
        self.assertNotEqual(systemctl("reload", "culvert", check=False).returncode, 0)
        self.assertIn("unknown section", self.journal())
        self.assertEqual(get(), (200, "one"))
        self.assertEqual((main_pid(), show("ActiveState"), show("NRestarts")), (pid, "active", "0"))

    def test_a_reload_that_only_the_daemon_can_judge(self):
        systemctl("start", "culvert")
        with socket.create_server(("127.0.0.1", 8000)):
            CONFIG.write_text(config("two", more='[listener.taken]\naddress = "127.0.0.1:8000"\n'))
            systemctl("reload", "culvert")
            self.status("revision 1, 1 listener: web 0.0.0.0:80; the last reload failed: 1 error")
        self.assertIn("127.0.0.1:8000: Address already in use", self.journal("-p", "err"))
        self.assertEqual(get(), (200, "one"))

    def test_a_wrong_configuration_is_not_tried_again(self):
        CONFIG.write_text("[upstreams.api]\n")
        self.assertNotEqual(systemctl("start", "culvert", check=False).returncode, 0)
        self.assertEqual((show("ActiveState"), show("ExecMainStatus"), show("NRestarts")), ("failed", "78", "0"))
        self.assertRegex(show("StatusText"), "^cannot start: .* in the configuration$")
        self.assertIn('unknown section "upstreams"', self.journal("-p", "err"))

    def test_comes_back_after_a_crash(self):
        systemctl("start", "culvert")
        os.kill(main_pid(), signal.SIGKILL)
        wait_until(lambda: show("NRestarts") == "1" and show("SubState") == "running", "the restart")
        self.assertEqual(get(), (200, "one"))

    def test_several_instances(self):
        Path("/etc/culvert/second.toml").write_text(config("second", "127.0.0.1:8001"))
        systemctl("start", "culvert", "culvert@second")
        self.addCleanup(systemctl, "stop", "culvert@second")
        self.assertEqual((get(), get(("127.0.0.1", 8001))), ((200, "one"), (200, "second")))
        for folder in ("/run/culvert/second", "/var/lib/culvert/second", "/var/log/culvert/second"):
            self.assertEqual(Path(folder).owner(), "culvert", folder)


class Stopping(Booted):
    def setUp(self):
        super().setUp()
        self.upstream = socket.create_server(("127.0.0.1", 8002))
        self.addCleanup(self.upstream.close)

    def begin(self, timeout):
        """A request whose upstream does not answer before the test does."""
        CONFIG.write_text(config(route='upstream = "http://127.0.0.1:8002"',
                                 more=f'[process]\nshutdown_timeout = "{timeout}"\n'))
        systemctl("start", "culvert")
        answers = []
        client = threading.Thread(target=lambda: answers.append(get()))
        client.start()
        self.addCleanup(client.join)
        upstream, _ = self.upstream.accept()
        self.addCleanup(upstream.close)
        upstream.recv(65536)
        return upstream, client, answers

    def test_status_says_what_is_left_and_the_unit_waits_as_long(self):
        """Longer than its TimeoutStopSec, since shutdown_timeout says so."""
        drop_in("[Service]\nTimeoutStopSec=1\n")
        upstream, client, answers = self.begin("60s")
        began = time.monotonic()
        systemctl("stop", "--no-block", "culvert")
        self.assertIn(", cut off in ", self.status("stopping: 1 request and 0 tunnels left"))
        wait_until(lambda: time.monotonic() - began > 3, "the unit's own time passing three times")
        upstream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        client.join()
        self.assertEqual(answers, [(200, "late")])
        wait_until(lambda: show("ActiveState") == "inactive", "the end")
        self.assertEqual(show("Result"), "success")


class Watchdog(Booted):
    def test_a_process_that_hangs_is_replaced(self):
        drop_in("[Service]\nWatchdogSec=2\n")
        systemctl("start", "culvert")
        stopped = main_pid()
        os.kill(stopped, signal.SIGSTOP)
        wait_until(lambda: show("NRestarts") == "1" and show("SubState") == "running", "the restart")
        self.assertNotEqual(main_pid(), stopped)
        self.assertEqual(get(), (200, "one"))

    def test_one_that_works_is_left_alone(self):
        drop_in("[Service]\nWatchdogSec=1\n")
        systemctl("start", "culvert")
        pid, began = main_pid(), time.monotonic()
        wait_until(lambda: time.monotonic() - began > 3, "three times the watchdog's time")
        self.assertEqual((main_pid(), show("NRestarts")), (pid, "0"))

    def test_the_configuration_can_do_without(self):
        CONFIG.write_text(config(more="[process]\nwatchdog = false\n"))
        systemctl("start", "culvert")
        wait_until(lambda: show("WatchdogUSec") in ("0", "infinity"), "the watchdog's end")


class Sockets(Booted):
    def test_the_port_stays_open_while_it_restarts(self):
        CONFIG.write_text(config(address="fd:http"))
        systemctl("start", "culvert.socket")
        self.assertEqual(show("ActiveState"), "inactive")
        self.assertEqual(get(), (200, "one"), "the first client starts it")
        self.assertEqual(show("StatusText"), "revision 1, 1 listener: web [::]:80")
        pid, over, answers = main_pid(), threading.Event(), []

        def ask():
            while not over.is_set():
                answers.append(get()[0])
        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        systemctl("restart", "culvert")
        over.set()
        for client in clients:
            client.join()
        self.assertNotEqual(main_pid(), pid)
        self.assertEqual(set(answers), {200}, "nobody was refused or cut off")
        self.assertGreater(len(answers), 4)

    def test_reload_keeps_it(self):
        CONFIG.write_text(config(address="fd:http"))
        systemctl("start", "culvert.socket", "culvert.service")
        CONFIG.write_text(config("two", address="fd:http"))
        systemctl("reload", "culvert")
        self.status("revision 2, 1 listener: web [::]:80")
        self.assertEqual(get(), (200, "two"))

    def test_a_name_that_does_not_match(self):
        CONFIG.write_text(config(address="fd:web"))
        systemctl("start", "culvert.socket")
        systemctl("start", "culvert", check=False)
        self.assertEqual((show("ActiveState"), show("ExecMainStatus")), ("failed", "78"))
        self.assertIn('cannot listen on fd:web: no socket of that name was passed in: there is "http"',
                      self.journal("-p", "err"))

    def test_a_unix_socket(self):
        drop_in("[Socket]\nListenStream=\nListenStream=/run/web.sock\n", "culvert.socket")
        CONFIG.write_text(config(address="fd:http"))
        systemctl("start", "culvert.socket")
        self.assertEqual(get("/run/web.sock"), (200, "one"))


class Sandbox(Booted):
    def in_its_place(self, *command):
        """A command, by root, in the mount namespace of the service."""
        return run("nsenter", "-t", str(main_pid()), "-m", *command, check=False)

    def test_what_the_process_may(self):
        systemctl("start", "culvert")
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{main_pid()}/status").read_text().splitlines())
        self.assertNotIn("0", status["Uid"].split())
        self.assertEqual((int(status["CapEff"], 16), int(status["CapBnd"], 16)), (1 << 10, 1 << 10), "to bind, no more")
        self.assertEqual((status["NoNewPrivs"].strip(), status["Seccomp"].strip()), ("1", "2"))

    def test_what_it_sees(self):
        systemctl("start", "culvert")
        for path in ("/usr/new", "/etc/culvert/new", "/var/new"):
            self.assertIn("Read-only file system", self.in_its_place("touch", path).stderr, path)
        self.assertEqual(self.in_its_place("ls", "-A", "/home", "/root", "/tmp").stdout.split(),
                         ["/home:", "/root:", "/tmp:"])
        for folder in ("/run/culvert", "/var/lib/culvert", "/var/log/culvert"):
            self.assertEqual(Path(folder).owner(), "culvert")

    def test_logs_and_state_can_be_written(self):
        CONFIG.write_text(config(more='[log.access]\nfile = "/var/log/culvert/access.log"\n'))
        systemctl("start", "culvert")
        get()
        wait_until(lambda: "200" in Path("/var/log/culvert/access.log").read_text(), "the record")

    def test_descriptors(self):
        drop_in("[Service]\nLimitNOFILE=128\n")
        systemctl("start", "culvert")
        limits = Path(f"/proc/{main_pid()}/limits").read_text()
        self.assertRegex(limits, r"Max open files\s+128\s+128")
        with contextlib.ExitStack() as clients:
            for _ in range(200):
                clients.enter_context(socket.create_connection(("127.0.0.1", 80), timeout=PATIENCE))
        def is_served():
            with contextlib.suppress(ConnectionResetError):  # its places are being given back
                return get() == (200, "one")
        wait_until(is_served, "room again")
        self.assertEqual(show("NRestarts"), "0")


class Credentials(Booted):
    AUTH = '[auth.users]\nusers = { credential = "users" }\n'

    def setUp(self):
        super().setUp()
        users = Path("/etc/culvert/users")
        users.write_text(subprocess.run(["culvert", "hash-password", "--user", "ann"], input="secret\n", text=True,
                                        capture_output=True, check=True).stdout)
        users.chmod(0o600)
        CONFIG.write_text(config(route='auth = "users"\nrespond = { status = 200, body = "in" }', more=self.AUTH))

    def test_secret_that_only_root_can_read(self):
        drop_in("[Service]\nLoadCredential=users:/etc/culvert/users\n")
        systemctl("start", "culvert")
        self.assertEqual(get()[0], 401)
        word = base64.b64encode(b"ann:secret").decode()
        self.assertEqual(get(headers=f"Authorization: Basic {word}\r\n"), (200, "in"))
        self.assertEqual(systemctl("reload", "culvert", check=False).returncode, 0, self.journal())
        self.status("revision 2, ")

    def test_the_example_that_is_shipped(self):
        """config/examples/systemd.toml: a socket of systemd's, a secret, the journal."""
        shutil.copy("/selftest/systemd.toml", CONFIG)
        drop_in("[Service]\nLoadCredential=users:/etc/culvert/users\n")
        systemctl("start", "culvert.socket")
        self.assertEqual(get(target="/healthz"), (200, "ok\n"))
        self.assertEqual(get()[0], 401)
        wait_until(lambda: '"url.path":"/healthz"' in self.journal("-p", "info"), "the record in the journal")

    def test_one_that_is_missing(self):
        self.assertNotEqual(systemctl("start", "culvert", check=False).returncode, 0)
        self.assertEqual(show("ExecMainStatus"), "78")
        self.assertIn("CREDENTIALS_DIRECTORY is not set", self.journal("-p", "err"))


if __name__ == "__main__":
    with open("/selftest/result", "w", encoding="utf-8") as out:
        program = unittest.main(exit=False, testRunner=unittest.TextTestRunner(out, verbosity=2))
        out.write("ALL PASSED\n" if program.result.wasSuccessful() else "FAILED\n")
