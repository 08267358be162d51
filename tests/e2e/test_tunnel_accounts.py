"""What would break: a client could move more by having more tunnels, or one client's limits would be another's."""
import threading
import time

from client import Aborted
from harness import PATIENCE, main, run_culvert, wait_until
from test_auth import AuthTest, proxy_authorization
from test_tunnels import OPEN_TO_TESTS, TunnelTest

KIB = 1024


class AccountTest(TunnelTest):
    def setUp(self):
        super().setUp()
        self.may_send = threading.Event()
        self.addCleanup(self.may_send.set)

    def flood(self, size):
        """A destination that sends so much once it may, and ends."""
        def serve(sock):
            self.may_send.wait(PATIENCE)
            sock.sendall(bytes(size))
        return self.destination(serve)

    def assert_refused(self, culvert, authority, **options):
        with self.client(culvert) as client:
            self.assert_failure(client.connect(authority, **options), 429, "client_bytes_exhausted")


class Bandwidth(AccountTest):
    def test_all_tunnels_of_a_client_share_it(self):
        tunnels, size = 8, 256 * KIB
        culvert = self.forward_proxy('bandwidth_per_client = "1MiB"', threads=2)
        destination = self.flood(size)
        clients = [self.tunnel(culvert, destination) for _ in range(tunnels)]
        took = {}

        def read(number, client, began):
            took[number] = (len(client.receive(size)), time.monotonic() - began)
        began = time.monotonic()
        self.may_send.set()
        threads = [threading.Thread(target=read, args=(number, client, began)) for number, client in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([received for received, _ in took.values()], [size] * tunnels)
        seconds = sorted(seconds for _, seconds in took.values())
        # 2 MiB at one in a second, of which a tenth may come ahead, and a piece of each tunnel before the first turn.
        self.assertGreater(seconds[-1], 1.2, "together they were faster than allowed")
        self.assertLess(seconds[-1], 10, "together they were slower than allowed")
        self.assertGreater(seconds[0], seconds[-1] / 8, "some had it all before the others had theirs")

    def test_without_it_nobody_waits(self):
        culvert = self.forward_proxy('bandwidth_per_client = "off"')
        began = time.monotonic()
        self.may_send.set()
        self.tunnel(culvert, self.flood(16 * KIB * KIB)).receive(16 * KIB * KIB)
        self.assertLess(time.monotonic() - began, 10)


class Bytes(AccountTest):
    def moved(self, culvert, destination, size):
        """A tunnel through which so much has gone, there and back."""
        client = self.tunnel(culvert, destination)
        client.send(bytes(size))
        self.assertEqual(client.receive(size), bytes(size))
        return client

    def test_all_tunnels_of_a_client_share_them(self):
        culvert = self.forward_proxy('max_bytes_per_client = "100KiB"', threads=2)
        destination = self.destination()
        clients = [self.moved(culvert, destination, 5 * KIB) for _ in range(8)]
        self.moved(culvert, destination, 10 * KIB)
        self.assert_refused(culvert, destination.authority)
        for client in clients:
            client.send("x")
            with self.assertRaises(ConnectionResetError):
                while client.reader.more():
                    pass
        records = wait_until(lambda: [record for record in culvert.access_log()
                                      if record.get("error.type") == "client_bytes_exhausted"
                                      and record["http.response.status_code"] == 200], "their records")
        self.assertTrue(records)

    def test_the_next_interval_is_another(self):
        culvert = self.forward_proxy('max_bytes_per_client = "10KiB"\nmax_bytes_per_client_interval = "1s"')
        destination = self.destination()
        self.moved(culvert, destination, 5 * KIB)
        self.assert_refused(culvert, destination.authority)

        def passes():
            with self.client(culvert) as client:
                return client.connect(destination.authority).status == 200
        wait_until(passes, "the next interval")

    def test_a_reload_forgets_nothing(self):
        culvert = self.forward_proxy('max_bytes_per_client = "10KiB"')
        destination = self.destination()
        self.moved(culvert, destination, 5 * KIB)
        culvert.reload(culvert.config_path.read_text().replace("[tunnel.out]", "[tunnel.out]\nmax_tunnels = 7"))
        wait_until(lambda: "reloaded" in culvert.stderr(), "the reload")
        self.assert_refused(culvert, destination.authority)

    def test_forwarded_requests_count_as_well(self):
        origin = self.origin(lambda x: x.reply(200, bytes(int(x.request.target[1:]))))
        authority = f"127.0.0.1:{origin.port}"
        culvert = self.forward_proxy('max_bytes_per_client = "100KiB"\nmax_tunnels_per_client = 1', threads=2)

        def ask(size, body=b""):
            with culvert.connect() as client:
                return client.get(f"http://{authority}/{size}", host=authority, body=body, method="POST" if body else "GET")
        self.moved(culvert, self.destination(), 10 * KIB).close()
        for _ in range(2):
            self.assertEqual(len(ask(10 * KIB, bytes(10 * KIB)).body), 10 * KIB)
        with self.assertRaises((Aborted, ConnectionResetError)):
            ask(100 * KIB)
        self.assert_failure(ask(1), 429, "client_bytes_exhausted")
        self.assert_refused(culvert, self.destination().authority)
        cut = [record for record in culvert.access_log(6)
               if (record["http.response.status_code"], record.get("error.type")) == (200, "client_bytes_exhausted")]
        self.assertEqual([record["http.request.method"] for record in cut], ["GET"])

    def test_a_body_that_is_too_much_is_refused(self):
        origin = self.origin(lambda x: x.reply(200, b"done"))
        authority = f"127.0.0.1:{origin.port}"
        culvert = self.forward_proxy('max_bytes_per_client = "100KiB"')
        with culvert.connect() as client:
            client.send(f"POST http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 200000\r\n\r\n")
            client.send(bytes(150_000))
            self.assert_failure(client.response(), 429, "client_bytes_exhausted")
        self.assertLess(culvert.access_log(1)[0]["http.request.body.size"], 200_000)

    def test_they_are_listed(self):
        path = self.folder / "culvert.toml"
        path.write_text(self.config(8080, listener='mode = "forward"\ntunnel = "out"',
                                    more='[tunnel.out]\nbandwidth_per_client = "1MiB"\nhello_timeout = "3s"\nrequire_sni = true\n'))
        lines = [" ".join(line.split()) for line in run_culvert("check", "--limits", path).stdout.splitlines()]
        lines = [line.replace(str(path), "FILE") for line in lines[lines.index("[tunnel.out]"):]]
        self.assertRegex(lines[1], r"^hello_timeout 3s FILE:\d+:\d+$")
        self.assertIn("max_bytes_per_client off default (nothing of it is kept)", lines)
        self.assertIn("max_bytes_per_client_interval 1d default", lines)
        self.assertTrue(any(line.startswith("bandwidth_per_client 1MiB FILE:") for line in lines))


class Users(AccountTest, AuthTest):
    def test_each_user_has_an_account(self):
        self.write_users(self.hashed("ann", "secret"), self.hashed("bob", "hunter2"))
        culvert = self.forward_proxy(f'auth = "teams"\nmax_bytes_per_client = "10KiB"\n[auth.teams]\n'
                                     f'users = {{ file = "{self.folder}/users" }}\n', rules=(OPEN_TO_TESTS,))
        destination = self.destination()
        ann, bob = [proxy_authorization("ann", "secret")], [proxy_authorization("bob", "hunter2")]
        client = self.tunnel(culvert, destination, headers=ann)
        client.send(bytes(6 * KIB))
        with self.assertRaises(ConnectionResetError):
            while client.reader.more():
                pass
        self.assert_refused(culvert, destination.authority, headers=ann)
        client = self.tunnel(culvert, destination, headers=bob)
        client.send("x")
        self.assertEqual(client.receive(1), b"x")


if __name__ == "__main__":
    main()
