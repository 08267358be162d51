"""A name server, and a network of the test's own in which it is the one that is asked.

A test of names runs itself again in namespaces (`own_network`): there it is root, whoever it is outside, port 53 is
free, and addresses of the public Internet can be this machine's. Nothing outside notices.
"""
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

SIOCSIFFLAGS, SIOCSIFADDR, IFF_UP_AND_RUNNING, MS_BIND = 0x8914, 0x8916, 0x41, 4096
A, CNAME, AAAA, SRV, INTERNET = 1, 5, 28, 33, 1
NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME = 0, 2, 3


def own_network(*addresses):
    """Goes on in namespaces where `addresses` are this machine's, as loopback ones are, and a NameServer is asked."""
    if "CULVERT_OWN_NETWORK" not in os.environ:
        os.environ["CULVERT_OWN_NETWORK"] = "yes"
        os.execvp("unshare", [*way_into_namespaces(), sys.executable, "-B", *sys.argv])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP_AND_RUNNING))
        for number, address in enumerate(addresses):
            fcntl.ioctl(sock, SIOCSIFADDR, struct.pack("16sHH4s8x", b"lo:%d" % number, socket.AF_INET, 0,
                                                       socket.inet_aton(address)))
    # A question is asked once, and given up after a second.
    use_file("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    use_file("/etc/nsswitch.conf", "hosts: files dns\n")


def way_into_namespaces():
    """In a chroot nobody may map users, and its root is no mount that could be made private; root needs neither."""
    ways = [["unshare", "--mount", "--net", *options]
            for options in (["--map-root-user"], [], ["--propagation", "unchanged"])]
    return next(way for way in ways if subprocess.run([*way, "true"], stderr=subprocess.DEVNULL).returncode == 0)


def use_file(path, text):
    """In place of what is there, for whoever is in these namespaces. Where nothing is, an empty file changes nothing for others."""
    Path(path).touch()
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(file.name.encode(), path.encode(), None, MS_BIND, None) != 0:
            raise OSError(ctypes.get_errno(), f"cannot mount on {path}")


def written(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(name, kind, content, ttl=0):
    return written(name) + struct.pack("!HHIH", kind, INTERNET, ttl, len(content)) + content


def has(*addresses, ttl=0):
    """Such a name has these, of either family."""
    def answer(name, kind):
        family = {A: socket.AF_INET, AAAA: socket.AF_INET6}.get(kind)
        return NO_ERROR, [record(name, kind, socket.inet_pton(family, ip), ttl) for ip in addresses
                          if family == (socket.AF_INET6 if ":" in ip else socket.AF_INET)]
    return answer


def serves(*targets, ttl=0):
    """The name of a service, of which these are (priority, weight, port, host)."""
    def answer(name, kind):
        return NO_ERROR, [record(name, SRV, struct.pack("!HHH", *target[:3]) + written(target[3]), ttl)
                          for target in targets if kind == SRV]
    return answer


def is_cut(name, kind):
    """The record of a service that ends before its target does."""
    return NO_ERROR, [record(name, SRV, struct.pack("!HHH", 0, 0, 80) + b"\x05abc")] if kind == SRV else []


def stands_for(other, *addresses, ttl=0, alias_ttl=0):
    """One that is another name for `other`, which has these."""
    def answer(name, kind):
        code, records = has(*addresses, ttl=ttl)(other, kind)
        return code, [record(name, CNAME, written(other), alias_ttl), *records]
    return answer


def circle(name, kind):
    """One that stands for another, which stands for the first."""
    return NO_ERROR, [record(name, CNAME, written("round." + name)), record("round." + name, CNAME, written(name))]


def fails(name, kind):
    return SERVER_FAILURE, []


def is_silent(name, kind):
    return None


def in_turn(*answers):
    """One after the other, each to both families, and the last again and again."""
    asked = {A: 0, AAAA: 0}

    def answer(name, kind):
        asked[kind] += 1
        return answers[min(asked[kind], len(answers)) - 1](name, kind)
    return answer


class NameServer:
    """Answers as `names` says, which maps a name to one of the functions above; others it does not have."""

    def __init__(self, names):
        self.names = names
        self.asked = []  # names, for IPv4 addresses
        self.services = []  # names, for hosts of theirs
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                question, peer = self.socket.recvfrom(512)
                if not question:
                    return
                if answer := self.answer(question):
                    self.socket.sendto(answer, peer)

    def answer(self, question):
        labels, at = [], 12
        while size := question[at]:
            labels.append(question[at + 1:at + 1 + size].decode())
            at += 1 + size
        kind = int.from_bytes(question[at + 1:at + 3], "big")
        name = ".".join(labels)
        if kind == A:
            self.asked.append(name)
        if kind == SRV:
            self.services.append(name)
        said = self.names[name](name, kind) if name in self.names else (NO_SUCH_NAME, [])
        if said is None:
            return None
        code, records = said
        head = question[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        return head + question[12:at + 5] + b"".join(records)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", ("127.0.0.1", 53))
        self.thread.join()
        self.socket.close()
