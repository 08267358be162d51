"""An HTTP/1 client that sends exactly what it is told and reads answers by their framing, strictly."""
import contextlib
import socket
import struct
from dataclasses import dataclass, field

PATIENCE = 20.0


class Aborted(Exception):
    """The peer ended the connection in the middle of a message; `partial` is what had come of its body."""

    def __init__(self, what, partial=b""):
        super().__init__(what)
        self.partial = partial


@dataclass
class Head:
    first_line: str
    headers: list  # of (name, value), in order

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        return values[0] if values else None

    def has_token(self, name, token):
        return token in [part.strip().lower() for value in self.all(name) for part in value.split(",")]


@dataclass
class Response(Head):
    body: bytes = b""
    trailers: list = field(default_factory=list)
    framing: str = "none"  # none, length, chunked, close

    @property
    def version(self):
        return self.first_line.split(" ", 2)[0]

    @property
    def status(self):
        return int(self.first_line.split(" ", 2)[1])

    def __str__(self):
        lines = [f"{name}: {value}" for name, value in self.headers]
        return "\n".join([self.first_line, *lines, repr(self.body[:500])])


def family_of(address):
    """Of ("host", port) or the path of a Unix socket."""
    if isinstance(address, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


class Reader:
    """Buffered reading of heads and bodies from a socket; both the client and the origin read with it."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = bytearray()

    def more(self):
        """Reads once; false at the end of the stream."""
        data = self.sock.recv(256 * 1024)
        self.buffer += data
        return bool(data)

    def take(self, count):
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def line(self):
        while b"\r\n" not in self.buffer:
            if not self.more():
                raise Aborted("the stream ended within a line")
        line = self.take(self.buffer.index(b"\r\n"))
        self.take(2)
        return line.decode("latin-1")

    def fields(self):
        """Field lines up to and including the blank line."""
        headers = []
        while line := self.line():
            name, colon, value = line.partition(":")
            assert colon and name == name.strip(), f"not a field line: {line!r}"
            headers.append((name, value.strip()))
        return headers

    def head(self):
        """(first line, headers), or None where the stream ends before a message begins."""
        if not self.buffer and not self.more():
            return None
        return self.line(), self.fields()

    def exactly(self, count):
        parts, left = [], count
        while left:
            if not self.buffer and not self.more():
                raise Aborted(f"the stream ended {left} of {count} bytes early", b"".join(parts))
            parts.append(self.take(left))
            left -= len(parts[-1])
        return b"".join(parts)

    def chunked(self):
        """(body, trailers)"""
        body = []
        try:
            while size := int(self.line().split(";")[0], 16):
                body.append(self.exactly(size))
                assert self.take_line_end(), "a chunk does not end with CRLF"
            return b"".join(body), self.fields()
        except Aborted as error:
            raise Aborted(str(error), b"".join(body) + error.partial) from None

    def take_line_end(self):
        return self.exactly(2) == b"\r\n"

    def to_end(self):
        while self.more():
            pass
        return self.take(len(self.buffer))


class Client:
    def __init__(self, address, receive_buffer=None):
        self.sock = socket.socket(family_of(address))
        self.sock.settimeout(PATIENCE)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.connect(address)
        if self.sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def request(self, method, target, headers=(), body=b"", host="site.test", version="HTTP/1.1"):
        """Sends a request. A body gets a Content-Length, unless the headers say how it is framed."""
        headers = list(headers)
        given = {name.lower() for name, _ in headers}
        if host is not None and "host" not in given:
            headers.insert(0, ("Host", host))
        if body and not given & {"content-length", "transfer-encoding"}:
            headers.append(("Content-Length", str(len(body))))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self.send(f"{method} {target} {version}\r\n{lines}\r\n".encode("latin-1") + body)

    def get(self, target, headers=(), method="GET", **options):
        self.request(method, target, headers, **options)
        return self.response(method)

    def response(self, method="GET"):
        """The next message, a 1xx as well, whole."""
        head = self.response_head()
        status = head.status
        if method == "HEAD" or status < 200 or status in (204, 304):
            return head
        if head.has_token("Transfer-Encoding", "chunked"):
            assert head.header("Content-Length") is None, "both framings at once"
            head.framing = "chunked"
            head.body, head.trailers = self.reader.chunked()
        elif (length := head.header("Content-Length")) is not None:
            head.framing = "length"
            head.body = self.reader.exactly(int(length))
        else:
            head.framing = "close"
            head.body = self.reader.to_end()
        return head

    def response_head(self):
        try:
            head = self.reader.head()
        except ConnectionResetError as error:
            raise Aborted("reset before an answer") from error
        if head is None:
            raise Aborted("closed before an answer")
        return Response(*head)

    def aborted_response(self):
        """Reads an answer that must not come to a proper end; returns the part of its body that came."""
        try:
            response = self.response()
        except Aborted as error:
            return error.partial
        except ConnectionResetError:
            return b""
        raise AssertionError(f"a well-formed answer, but it should have been aborted:\n{response}")

    def is_closed(self):
        """Waits for the end of the stream; false when something else comes."""
        with contextlib.suppress(ConnectionResetError):
            return not self.reader.buffer and not self.reader.more()
        return True
