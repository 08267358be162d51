"""Destinations of tunnels, and a client's end of one."""
import contextlib
import socket
import threading

from client import Client
from harness import PATIENCE


class Destination:
    """Listens for raw TCP; `serve(sock)` runs in a thread of its own for each connection."""

    def __init__(self, serve, host="127.0.0.1", port=0):
        self.listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        self.host = host
        self.serve = serve
        self.connections = 0
        self.threads = []
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    @property
    def authority(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                self.connections += 1
                sock.settimeout(PATIENCE)
                thread = threading.Thread(target=self.run, args=(sock,), daemon=True)
                thread.start()
                self.threads.append(thread)

    def run(self, sock):
        with sock, contextlib.suppress(OSError):
            self.serve(sock)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.acceptor.join()
        for thread in self.threads:
            thread.join(PATIENCE)


def echo(sock):
    """Sends back what comes, and the end when it comes."""
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def read_to_end(sock):
    parts = []
    while data := sock.recv(65536):
        parts.append(data)
    return b"".join(parts)


def connect_request(authority, headers=()):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{lines}\r\n"


class TunnelClient(Client):
    """Asks for a tunnel; `sock` is its end of it once `established()` has said so."""

    def connect(self, authority, headers=(), early=b""):
        self.send(connect_request(authority, headers).encode("latin-1") + early)
        return self.response("CONNECT")

    def response(self, method="GET"):
        if method != "CONNECT":
            return super().response(method)
        head = self.response_head()
        if head.status >= 300:
            head.body = self.reader.exactly(int(head.header("Content-Length")))
        return head

    def receive(self, size):
        return self.reader.exactly(size)
