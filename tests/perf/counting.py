"""What the tests of hot paths share: calls, allocations and instructions for each keep-alive request.

Everything is read off the running server twice, after the first half of the requests and after the second. What the
first half cost does not count: in it connections are made and memory grows to what so many need.
"""
import contextlib
import mmap
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(os.environ["CULVERT_SOURCE_DIR"]) / "tests/e2e"))
from harness import wait_until  # noqa: E402  # pylint: disable=wrong-import-position

REQUEST = b"GET /x HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: t\r\nAccept: */*\r\n\r\n"
DATA_CALL = re.compile(r"\d+ +(recvfrom|recvmsg|sendto|sendmsg|read|readv|write|writev)\(\d+<(socket|TCP|UNIX)")
CONTROL_CALL = re.compile(r"\d+ +epoll_ctl\(\d+<[^>]*>, EPOLL_CTL_\w+, \d+<(socket|TCP|UNIX)")  # a connection's


@contextlib.contextmanager
def stopped(process):
    """What reaches the server meanwhile lies there at once when it goes on: how often its loop runs dry is not left to
    chance, nor to whatever else the machine is doing.
    """
    def stands():
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    os.kill(process.pid, signal.SIGSTOP)
    wait_until(stands, "the server standing still")
    yield
    os.kill(process.pid, signal.SIGCONT)


class Gate:
    """An origin's handler that answers when all have asked and the server stands still."""

    def __init__(self, clients, body):
        self.body = body
        self.asked, self.opened, self.answered = (threading.Barrier(clients + 1, timeout=60) for _ in range(3))

    def __call__(self, exchange):
        self.asked.wait()
        self.opened.wait()
        exchange.reply(200, self.body)
        self.answered.wait()

    def answer(self, process):
        self.asked.wait()
        with stopped(process):
            self.opened.wait()
            self.answered.wait()


class CountedPath:
    """Tests of a server whose class says what a request may cost (`data_calls`, `instructions_max`), how many
    connections a client makes (`connections_a_client`), and runs it:
    run_requests(count, under, env) is the server's whole life, with `count` requests of `clients` clients in it.
    """
    clients = 128

    def send_requests(self, server, count, body, gate=None):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.connect()) for _ in range(self.clients)]
            for _ in range(2):
                for _ in range(count // self.clients // 2):
                    self.send_round(server, clients, body, gate)
                self.half_is_over(server)

    def send_round(self, server, clients, body, gate):
        with stopped(server.process):
            for client in clients:
                client.send(REQUEST)
        if gate:
            gate.answer(server.process)
        for client in clients:
            self.assertEqual(client.response().body, body)

    def per_request(self, read, count, **run):
        """How much more the number that read(server) returns is for each request of the second half."""
        readings = []
        self.half_is_over = lambda server: readings.append(read(server))
        self.run_requests(count, **run)
        before, after = readings
        self.assertGreaterEqual(before, self.clients * self.connections_a_client, "something was not counted")
        return (after - before) / (count // 2)

    def calls(self, pattern):
        """per_request of the system calls that the pattern describes."""
        trace = self.folder / "trace"
        # -D: strace is not the parent, so that signals and the exit code are the server's own
        return self.per_request(lambda server: len(pattern.findall(trace.read_text())), 3840,
                                under=["strace", "-D", "-f", "-y", "-s", "0", "-o", str(trace)])

    def test_system_calls(self):
        data, control = self.calls(DATA_CALL), self.calls(CONTROL_CALL)
        print(f"data system calls: {data}, epoll_ctl: {control}")
        self.assertAlmostEqual(data, self.data_calls, delta=0.01)
        self.assertAlmostEqual(control, 0, delta=0.01)

    def test_allocations(self):
        counter = self.folder / "allocations"
        counter.write_bytes(bytes(8))
        with open(counter, "rb") as file, mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ) as shared:
            allocations = self.per_request(
                lambda server: int.from_bytes(shared[:], sys.byteorder), 3840,
                env={"LD_PRELOAD": os.environ["MALLOC_COUNT"], "MALLOC_COUNT_FILE": str(counter)})
        print(f"allocations: {allocations}")
        self.assertAlmostEqual(allocations, 0, delta=0.01, msg="housekeeping may allocate, a request may not")

    def test_user_instructions(self):
        dump = self.folder / "callgrind.out"

        def read(server):
            """Each dump has what came after the one before it."""
            subprocess.run(["callgrind_control", "--dump", str(server.process.pid)], check=True, capture_output=True)
            return sum(int(re.search(r"^totals: (\d+)", part.read_text(), re.MULTILINE)[1])
                       for part in self.folder.glob("callgrind.out.*"))

        instructions = self.per_request(read, 7680, under=["valgrind", "--tool=callgrind",
                                                           f"--callgrind-out-file={dump}"])
        print(f"user instructions: {instructions:.0f}")
        self.assertLess(instructions, self.instructions_max)
        self.assertGreater(instructions, 500, "something was not counted")
