"""The daemon as a process: started on free ports with a configuration of the test's own, stopped and judged after it.

A test class derives from CulvertTest:

    origin = self.origin(lambda x: x.reply(200, b"hello"))       an upstream that does what the test says
    culvert = self.culvert(origin.route())                       the daemon, ready to be talked to
    with culvert.connect() as client:                            a raw connection
        self.assertEqual(client.get("/").body, b"hello")
"""
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from client import Client, family_of
from origin import Origin

BINARY = os.environ.get("CULVERT_BIN", "build/release/culvert")
SOURCE_DIR = Path(os.environ.get("CULVERT_SOURCE_DIR", Path(__file__).parents[2]))
PATIENCE = 20.0  # seconds after which something that should happen counts as not happening
SANITIZER_REPORT = re.compile(r"Sanitizer: |runtime error: ")
# A report ends the process with a code that no test expects.
SANITIZERS = {"ASAN_OPTIONS": "exitcode=97:detect_stack_use_after_return=1", "UBSAN_OPTIONS": "print_stacktrace=1",
              "TSAN_OPTIONS": "exitcode=97:second_deadlock_stack=1"}
# A leak checker cannot look at a process that is being traced.
UNTRACED_LEAKS = {"ASAN_OPTIONS": SANITIZERS["ASAN_OPTIONS"] + ":detect_leaks=0"}


def claim_ports():
    """A hundred ports, below those the kernel gives to outgoing connections, and what keeps other test processes off them:
    daemons that listen on one port share its clients (SO_REUSEPORT) instead of noticing each other.
    """
    while True:
        first = 100 * random.randrange(200, 320)
        claim = socket.socket()
        try:
            claim.bind(("127.0.0.1", first))
            return claim, itertools.cycle(range(first + 1, first + 100))
        except OSError:
            claim.close()


PORTS_CLAIM, PORTS = claim_ports()  # as long as the process


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_port():
    return next(filter(is_free, PORTS))


def wait_until(condition, what, seconds=PATIENCE):
    """Asks `condition` until it answers with something true, which is returned."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if answer := condition():
            return answer
        pause.wait(0.01)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def accepts(address):
    with socket.socket(family_of(address)) as probe:
        probe.settimeout(PATIENCE)
        return probe.connect_ex(address) == 0


def run_culvert(*arguments, env=None, **options):
    """A command that ends by itself: culvert check, culvert version, a start that must fail."""
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, **SANITIZERS, **(env or {})}, **options)


def curl(*arguments, **options):
    return subprocess.run(["curl", "-sS", "--max-time", "120", *map(str, arguments)],
                          capture_output=True, check=False, **options)


class Culvert:
    """One running daemon. `port` is that of its listener; its files lie in `folder`; `under` is a tool that runs it."""

    def __init__(self, folder, port, config, env=None, under=()):
        self.folder = Path(folder)
        self.port = port
        self.config_path = self.folder / "culvert.toml"
        self.access_path = self.folder / "access.log"
        self.configure(config)
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            self.process = subprocess.Popen([*under, BINARY, "run", "--config", str(self.config_path)],
                                            stdout=out, stderr=err, env={**os.environ, **SANITIZERS, **(env or {})})
        wait_until(lambda: self.process.poll() is not None or self.is_ready(config), "listening")
        if self.process.returncode is not None:
            raise AssertionError(f"culvert ended with {self.process.returncode} at its start:\n{self.stderr()}")

    def is_ready(self, config):
        """All its listeners are, of which it tells where its log says enough and goes to stderr."""
        tells = "[log]\n" not in config
        return accepts(("127.0.0.1", self.port)) and (not tells or " ready: " in self.stderr())

    def configure(self, config):
        self.config_path.write_text(config)

    def connect(self, **options):
        return Client(("127.0.0.1", self.port), **options)

    def get(self, target, headers=(), **options):
        """One request on a connection of its own."""
        with self.connect() as client:
            return client.get(target, headers, **options)

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def stdout(self):
        return (self.folder / "stdout").read_text()

    def stderr(self):
        return (self.folder / "stderr").read_text()

    def access_log(self, records=0):
        """The access log's JSON records, once there are at least so many."""
        def lines():
            return self.access_path.read_text().splitlines() if self.access_path.exists() else []
        wait_until(lambda: len(lines()) >= records, f"{records} access log records")
        return [json.loads(line) for line in lines()]

    def rss_kib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, config):
        """Asks for it; the test waits for what it changes."""
        self.configure(config)
        self.signal(signal.SIGHUP)

    def wait(self, seconds=PATIENCE):
        return self.process.wait(timeout=seconds)

    def stop(self):
        """Asks it to end; a second time, so that a connection which a test left open does not hold it up."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.wait(1)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGTERM)
        try:
            self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise AssertionError(f"culvert did not stop:\n{self.stderr()}") from None
        if SANITIZER_REPORT.search(self.stderr()):
            raise AssertionError(f"a sanitizer has something to say:\n{self.stderr()}")
        return self.process.returncode


class CulvertTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="culvert-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def origin(self, handler=None, **options):
        origin = Origin(handler, **options)
        self.addCleanup(self.close_origin, origin)
        return origin

    def close_origin(self, origin):
        origin.close()
        self.assertEqual(origin.errors, [], "the origin saw something it did not expect")

    def address_that_never_answers(self):
        return f"127.0.0.1:{self.black_hole('127.0.0.1', 0)[0].getsockname()[1]}"

    def black_hole(self, host, port):
        """The sockets of a listener whose queue is full: Linux lets further connections wait."""
        full = socket.socket(family_of((host, port)))
        sockets = [full]
        self.addCleanup(full.close)
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind((host, port))
        full.listen(0)
        for _ in range(3):
            waiting = socket.socket(full.family)
            sockets.append(waiting)
            self.addCleanup(waiting.close)
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        return sockets

    def config(self, port, routes="", *, threads=2, process="", listener="", server="", more="",
               access="", access_file="access.log"):
        """A whole configuration: one listener on `port`, everything else as the test says."""
        log = f'[log.access]\nfile = "{access_file}"\n{access}\n' if access_file else ""
        return (f'[process]\nthreads = {threads}\n{process}\n[server]\n{server}\n{log}'
                f'[listener.web]\naddress = "127.0.0.1:{port}"\n{listener}\n{more}\n{routes}\n')

    def culvert(self, routes="", *, port=None, env=None, under=(), **parts):
        """A daemon with that configuration; at the end of the test it must stop with exit code 0."""
        port = port or free_port()
        return self.start(self.config(port, routes, **parts), port, env, under)

    def start(self, config, port, env=None, under=()):
        culvert = Culvert(tempfile.mkdtemp(dir=self.folder), port, config, env, under)
        self.addCleanup(self.stop_culvert, culvert)
        return culvert

    def stop_culvert(self, culvert):
        self.assertEqual(culvert.stop(), 0, culvert.stderr())

    def assert_failure(self, response, status, reason):
        """An answer that culvert made itself: its status, and its reason code in Proxy-Status."""
        self.assertEqual(response.status, status, response)
        self.assertRegex(response.header("Proxy-Status") or "", rf'^culvert; error=[a-z_]+; details="{reason}"$')

    def assert_logged(self, culvert, reason, status, records=1):
        record = culvert.access_log(records)[records - 1]
        self.assertEqual((record.get("error.type"), record.get("http.response.status_code")), (reason, status), record)
        return record


def main():
    program = unittest.main(exit=False, verbosity=2)
    sys.exit(0 if program.result.testsRun and program.result.wasSuccessful() else 1)
