"""What would break: a peer that is gone in the middle of a tunnel's life would take the daemon along, or leave a descriptor
behind; a client that sends what it should not would get no answer.
"""
import contextlib
import os
import socket
import struct
from pathlib import Path

from harness import CulvertTest, main, run_culvert, wait_until
from hellos import client_hello
from test_auth import proxy_authorization
from tunnels import Destination, TunnelClient, connect_request, read_to_end

HOST = "localhost"
MUCH = bytes(64 * 1024)


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def fill(sock):
    """Sends until no more is taken."""
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.send(MUCH)


class FaultsTest(CulvertTest):
    def setUp(self):
        super().setUp()
        self.accepted = []  # the destinations' ends of tunnels, newest last

    def destination(self):
        """Its ends do what the test does with them, and nothing else."""
        def hold(sock):
            self.accepted.append(sock.dup())
        destination = Destination(hold)
        self.addCleanup(destination.close)
        self.addCleanup(lambda: [sock.close() for sock in self.accepted])
        return destination

    def forward_proxy(self, tunnel="", more=""):
        return self.culvert(threads=1, listener='mode = "forward"\ntunnel = "out"',
                            more=f'[tunnel.out]\ndefault = "allow"\nprivate_networks = "allow"\n{tunnel}\n'
                                 f'[[tunnel.out.rule]]\nallow = ["*:*"]\n{more}')

    def client(self, culvert):
        client = TunnelClient(("127.0.0.1", culvert.port))
        self.addCleanup(client.close)
        return client

    def tunnel(self, culvert, destination):
        """Both ends of one."""
        known = len(self.accepted)
        client = self.client(culvert)
        self.assertEqual(client.connect(f"{HOST}:{destination.port}").status, 200)
        wait_until(lambda: len(self.accepted) > known, "the destination accepting")
        return client, self.accepted[-1]

    @staticmethod
    def connections(culvert):
        """How many it has open, in whatever state: sockets but those that listen. That of a client counts as soon as it is
        accepted, that of a destination from the attempt on."""
        listening = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    listening.add(f"socket:[{fields[9]}]")
        folder = f"/proc/{culvert.process.pid}/fd"
        count = 0
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                link = os.readlink(f"{folder}/{name}")
                count += link.startswith("socket:") and link not in listening
        return count

    def assert_connections(self, culvert, number, what):
        wait_until(lambda: self.connections(culvert) == number, what)

    def assert_nothing_is_left(self, culvert, plays, *reasons):
        """Each of `plays` ends one connection; its record has one of `reasons`."""
        for play in plays:
            play()
        for record in culvert.access_log(len(plays)):
            self.assertIn(record["error.type"], reasons, record)
        self.assert_connections(culvert, 0, "all sockets given back")
        self.assertEqual(culvert.stop(), 0, culvert.stderr())
        self.assertEqual(len(culvert.access_log()), len(plays), "one record each")


class BeforeItStands(FaultsTest):
    def test_within_the_head(self):
        culvert = self.forward_proxy()
        self.assert_connections(culvert, 0, "the harness being gone")
        for _ in range(5):
            client = self.client(culvert)
            client.send("CONNECT localhost:44")
            self.assert_connections(culvert, 1, "the connection")
            client.reset()
            self.assert_connections(culvert, 0, "its end")
        self.assertEqual(culvert.stop(), 0)
        self.assertEqual(culvert.access_log(), [], "there was no request")

    def test_behind_the_head(self):
        # The reset meets culvert anywhere: at the lookup, at the connecting, with both ready at once.
        culvert, destination = self.forward_proxy(), self.destination()

        def play():
            client = self.client(culvert)
            client.send(connect_request(f"{HOST}:{destination.port}"))
            client.reset()
        self.assert_nothing_is_left(culvert, 1000 * [play], "client_aborted", "tunnel_client_reset")

    def test_while_its_password_is_checked(self):
        user = run_culvert("hash-password", "--cost", 5, "--user", "ann", input="secret").stdout.strip()
        culvert = self.forward_proxy('auth = "teams"', f'[auth.teams]\nmax_failures = 0\nusers = "{user}"\n')
        destination = self.destination()

        def play():
            client = self.client(culvert)
            client.send(connect_request(f"{HOST}:{destination.port}", [proxy_authorization("ann", "wrong")]))
            client.reset()
        self.assert_nothing_is_left(culvert, 20 * [play], "client_aborted", "proxy_auth_failed")
        self.assertEqual(destination.connections, 0)

    def test_while_nobody_answers(self):
        culvert, silent = self.forward_proxy('connect_timeout = "1h"'), self.address_that_never_answers()

        def play():
            self.assert_connections(culvert, 0, "those before being gone")
            client = self.client(culvert)
            client.send(connect_request(silent))
            self.assert_connections(culvert, 2, "the attempt to connect")
            client.reset()
            self.assert_connections(culvert, 0, "the attempt given up")
        self.assert_nothing_is_left(culvert, 5 * [play], "client_aborted")

    def test_before_it_has_named_its_host(self):
        culvert, destination = self.forward_proxy("require_sni = true"), self.destination()

        def client_goes(said):
            client, _ = self.tunnel(culvert, destination)
            client.send(said)
            client.reset()

        def destination_goes():
            _, end = self.tunnel(culvert, destination)
            reset(end)
        plays = 5 * [lambda: client_goes(b""), lambda: client_goes(client_hello(HOST)[:20]), destination_goes]
        self.assert_nothing_is_left(culvert, plays, "client_aborted", "tunnel_upstream_reset")


class WhileItStands(FaultsTest):
    """Either end resets: where nothing moves, where both sides are full, and where the other has ended already."""

    def play_all(self, prepare):
        culvert, destination = self.forward_proxy(), self.destination()

        def play(goes):
            client, end = self.tunnel(culvert, destination)
            prepare(client.sock, end)
            reset(client.sock if goes == "client" else end)
        plays = 5 * [lambda: play("client"), lambda: play("destination")]
        self.assert_nothing_is_left(culvert, plays, "tunnel_client_reset", "tunnel_upstream_reset")

    def test_nothing_moves(self):
        self.play_all(lambda client, end: None)

    def test_both_sides_are_full(self):
        self.play_all(lambda client, end: (fill(client), fill(end)))

    def test_one_side_is_full(self):
        self.play_all(lambda client, end: fill(end))

    def test_client_has_ended(self):
        def half_close(client, end):
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(read_to_end(end), b"")
        self.play_all(half_close)

    def test_destination_has_ended(self):
        def half_close(client, end):
            end.shutdown(socket.SHUT_WR)
            self.assertEqual(read_to_end(client), b"")
        self.play_all(half_close)


class Clients(FaultsTest):
    def test_one_that_never_reads_is_let_go(self):
        culvert, destination = self.forward_proxy('idle_timeout = "300ms"'), self.destination()

        def play():
            _, end = self.tunnel(culvert, destination)
            fill(end)
        self.assert_nothing_is_left(culvert, 3 * [play], "tunnel_idle_timeout")

    def test_nothing_is_served_behind_a_refused_connect(self):
        origin = self.origin()
        culvert = self.forward_proxy()
        behind = f"GET http://{origin.address}/ HTTP/1.1\r\nHost: {origin.address}\r\n\r\n"
        for authority, status in (("localhost:0", 400), (f"127.0.0.1:{culvert.port}", 403)):
            with self.client(culvert) as client:
                client.send(connect_request(authority) + behind)
                answer = client.response()
                self.assertEqual(answer.status, status, answer)
                self.assertTrue(answer.has_token("Connection", "close"))
                self.assertTrue(client.is_closed())
        self.assertEqual(origin.requests, [])
        self.assert_connections(culvert, 0, "all sockets given back")


if __name__ == "__main__":
    main()
