"""What would break: behind a load balancer all clients would be one, or any of them could say that he is another."""
import contextlib
import re
import socket
import struct
import threading

from harness import CulvertTest, free_port, main, wait_until
from client import Aborted, Client
from peers import start_haproxy, start_nginx

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ECHO = "[[route]]\necho = true\n"


def binary(content, command=1, family=0x11):
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack(">H", len(content)) + content


def ipv4(source, port, destination="198.51.100.2", destination_port=443):
    return (socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">HH", port, destination_port))


class Incoming(CulvertTest):
    def start_with(self, listener="", routes="", **parts):
        """A daemon that wants the header; it shows what it takes the client for."""
        return self.culvert(routes or ECHO, listener=f"proxy_protocol = true\n{listener}",
                            access='fields = ["client.address", "client.port", "network.peer.address", "error.type", '
                                   '"error.cause", "http.response.status_code"]', **parts)

    def ask(self, culvert, header):
        with culvert.connect() as client:
            client.send(header)
            self.assertEqual(client.get("/").status, 200)
        return culvert.access_log(1)[-1]

    def assert_closed(self, culvert, sent, reason, cause):
        before = len(culvert.access_log())
        with culvert.connect() as client:
            client.send(sent)
            self.assertTrue(client.is_closed(), sent)
        record = culvert.access_log(before + 1)[-1]
        self.assertEqual((record["error.type"], record["client.address"]), (reason, "127.0.0.1"))
        self.assertRegex(record.get("error.cause", ""), cause)

    def test_the_client_of_a_header_counts(self):
        for header, address, port in (
                (b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1", 56324),
                (b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", "2001:db8::1", 56324),
                (binary(ipv4("192.0.2.9", 4711)), "192.0.2.9", 4711)):
            record = self.ask(self.start_with(), header)
            self.assertEqual((record["client.address"], record["client.port"], record["network.peer.address"]),
                             (address, port, address))

    def test_without_an_address_the_connection_counts(self):
        for header in (b"PROXY UNKNOWN\r\n", binary(b"", 0, 0), binary(ipv4("192.0.2.9", 4711), 0)):
            record = self.ask(self.start_with(), header)
            self.assertEqual(record["client.address"], "127.0.0.1", header)

    def test_x_forwarded_for_and_routes_go_by_it(self):
        origin = self.origin()
        routes = origin.route('client = ["192.0.2.0/24"]')
        culvert = self.start_with(routes=routes)
        with culvert.connect() as client:
            client.send(b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n")
            self.assertEqual(client.get("/").status, 200)
            self.assertEqual(client.get("/again").status, 200, "all requests of the connection")
        self.assertEqual([request.all("X-Forwarded-For") for request in origin.requests], [["192.0.2.1"]] * 2)
        with culvert.connect() as client:
            client.send(b"PROXY TCP4 192.0.3.1 198.51.100.2 56324 443\r\n")
            self.assertEqual(client.get("/").status, 404)

    def test_trust_goes_by_it(self):
        origin = self.origin()
        culvert = self.start_with(routes=origin.route(), more='[server.forwarded]\ntrust = ["192.0.2.1"]')
        for source, expected in (("192.0.2.1", "203.0.113.5, 192.0.2.1"), ("192.0.2.2", "192.0.2.2")):
            with culvert.connect() as client:
                client.send(f"PROXY TCP4 {source} 198.51.100.2 1 2\r\n")
                client.get("/", [("X-Forwarded-For", "203.0.113.5")])
                self.assertEqual(origin.requests[-1].header("X-Forwarded-For"), expected)

    def test_a_request_may_come_with_it_or_byte_by_byte(self):
        culvert = self.start_with()
        request = b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n"
        for header in (b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", binary(ipv4("192.0.2.1", 1))):
            with culvert.connect() as client:
                client.send(header + request + request)
                self.assertEqual([client.response().status, client.response().status], [200, 200])
            with culvert.connect() as client:
                for byte in header + request:
                    client.send(bytes([byte]))
                self.assertEqual(client.response().status, 200)

    def test_what_is_no_header_is_closed_without_an_answer(self):
        culvert = self.start_with()
        for sent, cause in (
                (b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n", "does not begin with"),
                (b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 65536\r\n", "port"),
                (b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n", "CR or LF"),
                (b"PROXY TCP4 " + b"1" * 200, "107 bytes"),
                (b"PROXY TCP4 ::1 ::1 56324 443\r\n", "address"),
                (SIGNATURE + b"\x21\x11\xff\xff", "4096 bytes"),
                (binary(b"1234"), "shorter"),
                (binary(ipv4("192.0.2.1", 1) + b"\x03\0\4crc!"), "checksum"),
                (binary(ipv4("192.0.2.1", 1), family=0x41), "family"),
                (SIGNATURE + b"\x31\x11\0\0", "version")):
            self.assert_closed(culvert, sent, "proxy_header_malformed", cause)

    def test_half_a_header_is_no_header_and_silence_is_nothing(self):
        culvert = self.start_with()
        with culvert.connect() as client:
            client.send(b"PROXY TCP4 192.0")
            client.sock.shutdown(socket.SHUT_WR)
            self.assertTrue(client.is_closed())
        self.assertEqual(culvert.access_log(1)[-1]["error.type"], "proxy_header_malformed")
        culvert.connect().close()
        self.ask(culvert, b"PROXY UNKNOWN\r\n")
        self.assertEqual([record.get("error.type") for record in culvert.access_log(2)],
                         ["proxy_header_malformed", None], "who only looks whether somebody listens leaves no record")

    def test_a_late_header_is_not_awaited(self):
        culvert = self.start_with('headers_timeout = "300ms"\nrequest_timeout = "1m"')
        with culvert.connect() as client:
            client.send(b"PROXY TCP4 192.0.2.1")
            self.assertTrue(client.is_closed())
        self.assertEqual(culvert.access_log(1)[-1]["error.type"], "proxy_header_timeout")

    def test_only_named_peers_may_send_it(self):
        culvert = self.start_with('proxy_protocol_from = ["192.0.2.0/24"]')
        self.assert_closed(culvert, b"", "proxy_header_denied", "^$")
        culvert = self.start_with('proxy_protocol_from = ["192.0.2.0/24", "127.0.0.0/8"]')
        self.assertEqual(self.ask(culvert, b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n")["client.address"], "10.0.0.1")

    def test_peers_of_a_unix_socket_may_always_send_it(self):
        path = str(self.folder / "web.sock")
        port = free_port()
        culvert = self.start(self.config(port, ECHO) + f'[listener.local]\naddress = "unix:{path}"\n'
                             'proxy_protocol = true\nproxy_protocol_from = ["192.0.2.0/24"]\n', port)
        with Client(path) as client:
            client.send(b"PROXY TCP4 203.0.113.7 10.0.0.2 1 2\r\n")
            self.assertEqual(client.get("/").status, 200)
        self.assertEqual(culvert.access_log(1)[-1]["client.address"], "203.0.113.7")

    def test_clients_are_limited_one_by_one(self):
        culvert = self.start_with(more="[limits]\nmax_connections_per_client = 2")
        def client_of(source):
            client = culvert.connect()
            self.addCleanup(client.close)
            client.send(f"PROXY TCP4 {source} 10.0.0.2 1 2\r\n")
            return client
        silent = [culvert.connect() for _ in range(5)]  # nobody's place is taken before the header
        for client in silent:
            self.addCleanup(client.close)
        first, second = client_of("192.0.2.1"), client_of("192.0.2.1")
        self.assertEqual([first.get("/").status, second.get("/").status], [200, 200])
        self.assertTrue(client_of("192.0.2.1").is_closed(), "one too many")
        self.assertEqual(client_of("192.0.2.2").get("/").status, 200)
        first.close()
        def has_room():
            try:
                return client_of("192.0.2.1").get("/").status == 200
            except (Aborted, OSError):
                return False
        wait_until(has_room, "a place given back")

    def test_a_stop_does_not_wait_for_headers(self):
        culvert = self.start_with(process='shutdown_timeout = "1h"')
        with culvert.connect() as client:
            client.send(b"PROXY")
            self.ask(culvert, b"PROXY UNKNOWN\r\n")
            culvert.signal(15)
            self.assertEqual(culvert.wait(), 0)
            self.assertTrue(client.is_closed())

    def test_a_listener_that_is_gone_awaits_no_header(self):
        port, other = free_port(), free_port()
        culvert = self.start(self.config(port, ECHO) +
                             f'[listener.other]\naddress = "127.0.0.1:{other}"\nproxy_protocol = true\n', port)
        with Client(("127.0.0.1", other)) as client:
            client.send(b"PROXY")
            culvert.reload(self.config(port, ECHO))
            self.assertTrue(client.is_closed())

    def test_a_reload_changes_what_new_connections_begin_with(self):
        port = free_port()
        culvert = self.culvert(ECHO, port=port)
        self.assertEqual(culvert.get("/").status, 200)
        culvert.reload(self.config(port, ECHO, listener="proxy_protocol = true"))
        def wants_header():
            with culvert.connect() as client:
                client.send(b"PROXY TCP4 192.0.2.1 10.0.0.2 1 2\r\n")
                try:
                    return client.get("/").status == 200
                except (Aborted, OSError):
                    return False
        wait_until(wants_header, "the new configuration")

    def test_haproxy_as_the_one_in_front(self):
        for send in ("send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"):
            culvert = self.start_with()
            with self.subTest(send):
                haproxy = start_haproxy(self.folder / re.sub(r"\W", "-", send), culvert.port, server=send)
                self.addCleanup(haproxy.stop)
                with Client(("127.0.0.1", haproxy.port)) as client:
                    port = client.sock.getsockname()[1]
                    self.assertEqual(client.get("/").status, 200)
                self.assertEqual(culvert.access_log(1)[-1]["client.port"], port)


class Preface:
    """A server that notes how each connection begins, up to the blank line of a request, and answers it once."""

    def __init__(self, test):
        self.listener = socket.create_server(("127.0.0.1", 0))
        test.addCleanup(self.listener.close)
        self.port = self.listener.getsockname()[1]
        self.seen = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return  # closed
            with sock:
                data = b""
                while b"\r\n\r\n" not in data[16:] and (part := sock.recv(65536)):
                    data += part
                self.seen.append(data)
                with contextlib.suppress(OSError):  # a peer may go away
                    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    sock.recv(1)

    def route(self, version, more=""):
        return (f'[upstream.origin]\nservers = ["127.0.0.1:{self.port}"]\nsend_proxy_protocol = "{version}"\n{more}\n'
                '[[route]]\nupstream = "origin"\n')


class Outgoing(CulvertTest):
    def test_each_connection_begins_with_the_client(self):
        for version in ("v1", "v2"):
            origin = Preface(self)
            culvert = self.culvert(origin.route(version))
            with culvert.connect() as client:
                here, there = client.sock.getsockname(), client.sock.getpeername()
                expected = (f"PROXY TCP4 127.0.0.1 127.0.0.1 {here[1]} {there[1]}\r\n".encode() if version == "v1"
                            else binary(ipv4("127.0.0.1", here[1], "127.0.0.1", there[1])))
                for _ in range(3):
                    self.assertEqual(client.get("/").body, b"ok")
            self.assertEqual([seen.partition(b"GET / ")[0] for seen in origin.seen], [expected] * 3,
                             "a connection for each request")
            for seen in origin.seen:
                self.assertIn(b"\r\nConnection: close\r\n", seen)

    def test_clients_behind_trusted_proxies_are_told(self):
        origin = Preface(self)
        culvert = self.culvert(origin.route("v1"), more='[server.forwarded]\ntrust = ["127.0.0.0/8"]')
        culvert.get("/", [("X-Forwarded-For", "2001:db8::7")])
        self.assertRegex(origin.seen[0], rb"^PROXY TCP6 2001:db8::7 ::ffff:127\.0\.0\.1 0 \d+\r\nGET / ")

    def test_what_came_in_goes_out(self):
        origin = Preface(self)
        culvert = self.culvert(origin.route("v2"), listener="proxy_protocol = true")
        with culvert.connect() as client:
            client.send(b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n")
            self.assertEqual(client.get("/").status, 200)
        self.assertTrue(origin.seen[0].startswith(binary(ipv4("192.0.2.1", 56324)) + b"GET / "), origin.seen)

    def test_a_client_without_an_address_is_unknown(self):
        origin = Preface(self)
        path = str(self.folder / "web.sock")
        port = free_port()
        self.start(self.config(port, origin.route("v1")) + f'[listener.local]\naddress = "unix:{path}"\n', port)
        with Client(path) as client:
            self.assertEqual(client.get("/").status, 200)
        self.assertTrue(origin.seen[0].startswith(b"PROXY UNKNOWN\r\nGET / "), origin.seen)

    def test_requests_that_wait_for_a_connection_get_one_of_their_own(self):
        origin = Preface(self)
        culvert = self.culvert(origin.route("v1", "max_sockets = 1"), threads=1)
        clients = [culvert.connect() for _ in range(5)]
        for client in clients:
            self.addCleanup(client.close)
            client.request("GET", "/")
        self.assertEqual([client.response().body for client in clients], [b"ok"] * 5)
        ports = sorted(str(client.sock.getsockname()[1]).encode() for client in clients)
        self.assertEqual(sorted(seen.split()[4] for seen in origin.seen), ports)

    def test_nginx_and_haproxy_take_it(self):
        nginx = start_nginx(self.folder / "nginx", "location / { return 200 '$proxy_protocol_addr:$proxy_protocol_port'; }",
                            listen="proxy_protocol")
        self.addCleanup(nginx.stop)
        plain = start_nginx(self.folder / "plain", "location / { return 200 '$http_x_client'; }")
        self.addCleanup(plain.stop)
        haproxy = start_haproxy(self.folder / "haproxy", plain.port, bind="accept-proxy", mode="http",
                                more="http-request set-header X-Client %[src]:%[src_port]")
        self.addCleanup(haproxy.stop)
        for version in ("v1", "v2"):
            for peer in (nginx, haproxy):
                culvert = self.culvert(peer.route(upstream=f'send_proxy_protocol = "{version}"'))
                with culvert.connect() as client:
                    for _ in range(2):
                        port = client.sock.getsockname()[1]
                        self.assertEqual(client.get("/").body.decode(), f"127.0.0.1:{port}")


if __name__ == "__main__":
    main()
