"""An upstream that does what a test says, byte by byte where it matters."""
import contextlib
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field

from client import Aborted, Head, Reader

PATIENCE = 20.0


@dataclass
class Request(Head):
    body: bytes = b""
    trailers: list = field(default_factory=list)
    connection: int = 0  # the how-manieth connection it came on, from 1

    @property
    def method(self):
        return self.first_line.split(" ")[0]

    @property
    def target(self):
        return self.first_line.split(" ")[1]

    @property
    def version(self):
        return self.first_line.split(" ")[2]


@dataclass
class Handshake:
    version: str
    reused: bool  # a session that was there
    client: dict  # its certificate


class Exchange:
    """What a handler gets: the request, and ways to answer it."""

    def __init__(self, origin, sock, reader, request):
        self.origin, self.sock, self.reader, self.request = origin, sock, reader, request
        self.closed = False

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def reply(self, status=200, body=b"", headers=(), reason="Whatever"):
        """A whole answer, framed by Content-Length, in one piece."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self.send(f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode("latin-1") + body)

    def read_body(self):
        request = self.request
        try:
            if request.has_token("Transfer-Encoding", "chunked"):
                request.body, request.trailers = self.reader.chunked()
            elif length := request.header("Content-Length"):
                request.body = self.reader.exactly(int(length))
        except Aborted as aborted:
            request.body = aborted.partial
            raise
        return request.body

    def wait_for_end(self):
        """Returns when the peer has closed or reset its side; false when bytes come instead."""
        try:
            return not self.reader.more()
        except ConnectionResetError:
            return True

    def close(self):
        self.closed = True

    def reset(self):
        """Ends the connection with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.closed = True


class Origin:
    """Serves every connection in a thread of its own: handler(exchange) is called once for each request.

    With reads_body=False the handler reads the body itself, where it wants to. `requests` are in order of arrival. With
    `tls`, a server's context, it speaks TLS.
    """

    def __init__(self, handler=None, *, reads_body=True, path=None, host="127.0.0.1", port=0, receive_buffer=None,
                 tls=None):
        self.handler = handler or (lambda x: x.reply(200, b"ok"))
        self.reads_body = reads_body
        self.tls, self.handshakes = tls, []
        self.requests, self.errors, self.connections = [], [], 0
        self.lock = threading.Lock()
        self.released = threading.Event()  # for handlers that wait: set by the test, and at the end
        self.open = set()
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            self.address = f"unix:{path}"
        else:
            self.listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if receive_buffer:
                self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.listener.bind((host, port))
            self.port = self.listener.getsockname()[1]
            self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.listener.listen(1024)
        threading.Thread(target=self.accept, daemon=True).start()

    def route(self, more="", upstream=""):
        """A configuration in which everything goes here; `more` are further keys of the route, `upstream` of the upstream."""
        return f'[upstream.origin]\nservers = ["{self.address}"]\n{upstream}\n[[route]]\nupstream = "origin"\n{more}\n'

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return  # closed
            with self.lock:
                self.connections += 1
                number = self.connections
                self.open.add(sock)
            threading.Thread(target=self.serve, args=(sock, number), daemon=True).start()

    def serve(self, sock, number):
        sock.settimeout(6 * PATIENCE)
        if self.tls:
            try:
                sock = self.tls.wrap_socket(sock, server_side=True)
            except OSError:
                return sock.close()
            self.handshakes.append(Handshake(sock.version(), sock.session_reused, sock.getpeercert()))
        self.serve_stream(sock, number)
        return None

    def serve_stream(self, sock, number):
        reader = Reader(sock)
        try:
            while head := reader.head():
                exchange = Exchange(self, sock, reader, Request(*head, connection=number))
                with self.lock:
                    self.requests.append(exchange.request)
                if self.reads_body:
                    exchange.read_body()
                self.handler(exchange)
                if exchange.closed:
                    break
        except (Aborted, ConnectionError, ssl.SSLEOFError):
            pass  # a peer may go away
        except Exception as error:  # pylint: disable=broad-except  # told to the test, which fails
            if not self.released.is_set():
                self.errors.append(repr(error))
        finally:
            with self.lock:
                self.open.discard(sock)
            sock.close()

    def request(self, index=-1):
        with self.lock:
            return self.requests[index]

    def close(self):
        self.released.set()
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts, which close() alone would not
        self.listener.close()
        with self.lock:
            for sock in self.open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
