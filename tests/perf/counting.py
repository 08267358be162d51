"""What the tests of hot paths share: calls and instructions for each keep-alive request.

Everything is the difference between a run of 2N requests and one of N, so that start and stop cancel out.
"""
import contextlib
import os
import re
import signal
import socket
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
            for _ in range(count // self.clients):
                with stopped(server.process):
                    for client in clients:
                        client.send(REQUEST)
                if gate:
                    gate.answer(server.process)
                for client in clients:
                    self.assertEqual(client.response().body, body)
            for client in clients:  # each run counts the end of every connection, not of those that came in time
                client.sock.shutdown(socket.SHUT_WR)
            self.assertTrue(all(client.is_closed() for client in clients))

    def per_request(self, measure, count):
        """How much more each number that `measure` returns is for 2N requests than for N, for each request."""
        once, twice = measure(count), measure(2 * count)
        return [(b - a) / count for a, b in zip(once, twice)]

    def test_system_calls(self):
        def measure(count):
            trace = self.folder / f"trace{count}"
            # -D: strace is not the parent, so that signals and the exit code are the server's own
            server = self.run_requests(count, under=["strace", "-D", "-f", "-y", "-s", "0", "-o", str(trace)])
            wait_until(lambda: re.search(rf"{server.process.pid} +\+\+\+ (exited|killed)", trace.read_text()), "the trace")
            lines = trace.read_text().splitlines()
            data, control = (sum(bool(call.match(line)) for line in lines) for call in (DATA_CALL, CONTROL_CALL))
            self.assertGreaterEqual(control, self.connections_a_client * self.clients,
                                    "each connection is watched once: the trace is not understood")
            return [data, control]

        data, control = self.per_request(measure, 1920)
        print(f"data system calls: {data}, epoll_ctl: {control}")
        self.assertAlmostEqual(data, self.data_calls, delta=0.01)
        self.assertAlmostEqual(control, 0, delta=0.02, msg="connections are made in both runs, a few more or less")

    def test_allocations(self):
        def measure(count):
            report = self.folder / f"allocations{count}"
            self.run_requests(count, env={"LD_PRELOAD": os.environ["MALLOC_COUNT"], "MALLOC_COUNT_FILE": str(report)})
            return [int(report.read_text())]

        [allocations] = self.per_request(measure, 3200)
        print(f"allocations: {allocations}")
        self.assertAlmostEqual(allocations, 0, delta=0.01, msg="housekeeping may allocate, a request may not")

    def test_user_instructions(self):
        def measure(count):
            server = self.run_requests(count, under=["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"])
            return [int(re.search(r"Collected : (\d+)", server.stderr())[1])]

        [instructions] = self.per_request(measure, 3200)
        print(f"user instructions: {instructions:.0f}")
        self.assertLess(instructions, self.instructions_max)
        self.assertGreater(instructions, 500, "something was not counted")
