"""The service manager's side of sd_notify(3): a socket that hears what a daemon tells of itself."""
import socket
import threading

from harness import wait_until


class NotifySocket:
    """`messages` are the datagrams so far, each a dictionary; `env` is for the daemon."""

    def __init__(self, folder, **env):
        self.path = str(folder / "notify")
        self.env = {"NOTIFY_SOCKET": self.path, **env}
        self.messages = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        while data := self.socket.recv(4096):
            lines = data.decode().splitlines()
            self.messages.append(dict(line.split("=", 1) for line in lines))

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.path)
        self.thread.join()
        self.socket.close()

    def count(self, key):
        return sum(key in message for message in list(self.messages))

    def wait_for(self, key, value=None, after=0):
        """The first message behind the first `after` ones that has `key`, and `value` in it."""
        def first():
            fitting = (m for m in self.messages[after:] if key in m and (value is None or value in m[key]))
            return next(fitting, None)
        return wait_until(first, f"{key}={value or ''}")
