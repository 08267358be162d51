"""An upstream, as a process, that a test kills and starts again on the same port.

    mortal_origin.py PORT FILE

Answers with its port. What each POST asks for is a line of FILE, written before the answer, so that it outlives the process.
"""
import asyncio
import os
import sys


class Connection(asyncio.Protocol):
    def __init__(self, port, file):
        self.body, self.file, self.received, self.transport = str(port).encode(), file, b"", None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
            if len(rest) < length:
                return
            self.received = rest[length:]
            method, target, _ = head.split(b" ", 2)
            if method == b"POST":
                os.write(self.file, target + b"\n")
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(self.body), self.body))


async def serve(port, path):
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(port, file), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
