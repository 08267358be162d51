"""An upstream, as a process, that closes connections which have been idle for a random time.

    closing_origin.py LEAST MOST      seconds

Prints its port. What a POST names is counted; GET /report answers with what has been seen, as JSON.
"""
import asyncio
import collections
import json
import random
import sys


class Connection(asyncio.Protocol):
    def __init__(self, report, idle_time):
        self.report, self.idle_time = report, idle_time
        self.received, self.timer, self.transport = b"", None, None

    def connection_made(self, transport):
        self.transport = transport
        self.report["connections"] += 1

    def connection_lost(self, _):
        self.stay()

    def stay(self):
        if self.timer:
            self.timer.cancel()
        self.timer = None

    def leave(self):
        self.report["closed"] += 1
        self.transport.close()

    def data_received(self, data):
        self.stay()
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
            if len(rest) < length:
                return
            self.received = rest[length:]
            self.answer(*head.decode().split(" ", 2)[:2])
        if not self.received:
            self.timer = asyncio.get_running_loop().call_later(self.idle_time(), self.leave)

    def answer(self, method, target):
        self.report["requests"] += 1
        if method == "POST":
            self.report["posts"][target] += 1
        body = json.dumps(self.report).encode() if target == "/report" else target.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self.transport.write(head if method == "HEAD" else head + body)


async def serve(least, most):
    report = {"connections": 0, "closed": 0, "requests": 0, "posts": collections.Counter()}
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(report, lambda: random.uniform(least, most)), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), float(sys.argv[2])))
