"""What would break: tunnels that cannot be had, that lose bytes or their ends, or that lead where nobody may go."""
import os
import socket
import threading

from client import Aborted
from harness import CulvertTest, curl, free_port, main, wait_until
from tunnels import Destination, TunnelClient, connect_request, echo, read_to_end

OPEN_TO_TESTS = 'allow = ["127.0.0.0/8:*", "[::1]:*", "*.test:*", "localhost:*"]\nprivate_networks = "allow"\n'


class TunnelTest(CulvertTest):
    def destination(self, serve=echo, **options):
        destination = Destination(serve, **options)
        self.addCleanup(destination.close)
        return destination

    def forward_proxy(self, tunnel="", rules=(OPEN_TO_TESTS,), **parts):
        sections = "".join(f"[[tunnel.out.rule]]\n{rule}\n" for rule in rules)
        return self.culvert(listener='mode = "forward"\ntunnel = "out"', more=f"[tunnel.out]\n{tunnel}\n{sections}", **parts)

    def client(self, culvert, **options):
        client = TunnelClient(("127.0.0.1", culvert.port), **options)
        self.addCleanup(client.close)
        return client

    def tunnel(self, culvert, destination, **options):
        client = self.client(culvert)
        response = client.connect(destination.authority, **options)
        self.assertEqual(response.status, 200, response)
        self.assertEqual(response.headers, [], "an answer to CONNECT has no framing")
        return client


class Connect(TunnelTest):
    def test_bytes_both_ways_and_both_ends(self):
        # ROWS: server.event.connect, server.event.connect.no-data-listener
        destination = self.destination()
        culvert = self.forward_proxy()
        client = self.tunnel(culvert, destination)
        client.send("hello")
        self.assertEqual(client.receive(5), b"hello")
        client.sock.shutdown(socket.SHUT_WR)
        self.assertTrue(client.is_closed(), "the end came back")
        record = culvert.access_log(1)[0]
        self.assertEqual((record["http.request.method"], record["http.response.status_code"]), ("CONNECT", 200))
        self.assertEqual((record["http.request.body.size"], record["http.response.body.size"]), (5, 5))
        self.assertEqual((record["culvert.server"], record["culvert.tunnel"], record["culvert.rule"]),
                         (destination.authority, "out", "rule 1"))
        self.assertNotIn("error.type", record)

    def test_early_data_comes_first(self):
        destination = self.destination()
        culvert = self.forward_proxy()
        client = self.tunnel(culvert, destination, early=b"GET / HTTP/1.1\r\nHost: not.a.request\r\n\r\n")
        client.send("more")
        self.assertEqual(client.receive(43), b"GET / HTTP/1.1\r\nHost: not.a.request\r\n\r\nmore")

    def test_one_byte_at_a_time(self):
        destination = self.destination()
        client = self.client(self.forward_proxy())
        for byte in (connect_request(destination.authority) + "early").encode():
            client.send(bytes([byte]))
        self.assertEqual(client.response("CONNECT").status, 200)
        self.assertEqual(client.receive(5), b"early")

    def test_destination_may_speak_first_and_end_first(self):
        def banner(sock):
            sock.sendall(b"220 welcome\r\n")
            sock.shutdown(socket.SHUT_WR)
            received.append(read_to_end(sock))
        received = []
        client = self.tunnel(self.forward_proxy(), self.destination(banner))
        self.assertEqual(client.receive(13), b"220 welcome\r\n")
        self.assertFalse(client.reader.more(), "its end is passed on")
        client.send("still heard")
        client.sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: received, "the destination reading to the end")
        self.assertEqual(received, [b"still heard"])

    def test_much_both_ways_past_a_slow_reader(self):
        much = os.urandom(8 * 1024 * 1024)
        may_read = threading.Event()
        received = []

        def slow(sock):
            writer = threading.Thread(target=sock.sendall, args=(much,))
            writer.start()
            may_read.wait(20)
            received.append(read_to_end(sock))
            writer.join()
            sock.shutdown(socket.SHUT_WR)
        culvert = self.forward_proxy()
        client = self.tunnel(culvert, self.destination(slow))
        before = culvert.rss_kib()
        writer = threading.Thread(target=lambda: (client.send(much), client.sock.shutdown(socket.SHUT_WR)))
        writer.start()
        self.assertEqual(client.receive(len(much)), much)
        self.assertLess(culvert.rss_kib() - before, 4096, "what nobody reads waits in memory")
        may_read.set()
        writer.join()
        self.assertFalse(client.reader.more())
        self.assertEqual(received[0], much)

    def test_a_reset_is_passed_on(self):
        destination = self.destination(lambda sock: (sock.recv(1), self.reset(sock)))
        culvert = self.forward_proxy()
        client = self.tunnel(culvert, destination)
        client.send("x")
        with self.assertRaises(ConnectionResetError):
            client.reader.more()
        self.assert_logged(culvert, "tunnel_upstream_reset", 200)

    def test_a_clients_reset_reaches_the_destination(self):
        ended = []

        def wait(sock):
            try:
                sock.recv(1)
            except ConnectionResetError:
                ended.append("reset")
        culvert = self.forward_proxy()
        self.tunnel(culvert, self.destination(wait)).reset()
        wait_until(lambda: ended, "the destination hearing of it")
        self.assert_logged(culvert, "tunnel_client_reset", 200)

    @staticmethod
    def reset(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def test_ipv6_and_names(self):
        destination = self.destination(host="::1")
        culvert = self.forward_proxy()
        for authority in (destination.authority, f"localhost:{destination.port}", f"LOCALHOST.:{destination.port}"):
            with self.subTest(authority):
                client = self.client(culvert)
                self.assertEqual(client.connect(authority).status, 200)
                client.send("x")
                self.assertEqual(client.receive(1), b"x")

    def test_route_leads_to_a_tunnel(self):
        destination = self.destination()
        routes = ('[[route]]\nhost = "127.0.0.1"\ntunnel = "out"\n[[route]]\nrespond = { body = "site" }\n'
                  f"[tunnel.out]\n[[tunnel.out.rule]]\n{OPEN_TO_TESTS}")
        culvert = self.culvert(routes)
        client = self.tunnel(culvert, destination)
        client.send("x")
        self.assertEqual(client.receive(1), b"x")
        self.assertEqual(culvert.get("/", host="www.test").body, b"site")
        self.assert_failure(culvert.get("/", host="127.0.0.1"), 405, "method_not_allowed")
        self.assert_failure(self.client(culvert).connect("other.test:443"), 405, "method_not_allowed")

    def test_curl(self):
        origin = self.origin(lambda x: x.reply(200, b"from afar"))
        culvert = self.forward_proxy()
        url = f"http://127.0.0.1:{origin.port}/path?query"
        proxy = ("--proxy", culvert.url())
        for arguments in (("--proxytunnel",), ("--proxytunnel", "--proxy1.0", culvert.url()), ()):
            with self.subTest(arguments):
                self.assertEqual(curl(*proxy, *arguments, url).stdout, b"from afar")
        self.assertEqual(origin.request().target, "/path?query")
        self.assertIsNotNone(origin.request().header("Via"))
        self.assertIsNone(origin.request().header("Proxy-Connection"))


class Refusals(TunnelTest):
    def refused(self, culvert, authority, status, reason, **options):
        client = self.client(culvert)
        response = client.connect(authority, **options)
        self.assert_failure(response, status, reason)
        self.assertTrue(response.has_token("Connection", "close"))
        self.assertTrue(client.is_closed())

    def test_by_rules(self):
        culvert = self.forward_proxy(rules=('deny = ["*.denied.test:*"]', 'allow = ["*.test:*"]'))
        self.refused(culvert, "a.denied.test:443", 403, "destination_denied")
        record = self.assert_logged(culvert, "destination_denied", 403)
        self.assertEqual((record["culvert.tunnel"], record["culvert.rule"]), ("out", "rule 1"))
        self.refused(culvert, "elsewhere.example:443", 403, "destination_denied")

    def test_by_port(self):
        culvert = self.forward_proxy(rules=())
        self.refused(culvert, "198.41.0.4:80", 403, "destination_port_denied")
        self.refused(culvert, "198.41.0.4:22", 403, "destination_port_denied")

    def test_malformed_authorities(self):
        culvert = self.forward_proxy()
        for authority in ("host", "host:", ":443", "host:0", "host:65536", "host:x", "user@host:443", "host:443/path",
                          "http://host:443", "[::1", "[::1]", "[::1]x:443", "::1:443", "ho st:443", "host:443:443", "[v1.x]:443",
                          "ho%73t:443", "[fe80::1%25eth0]:443", "host:+443", "host:0443x"):
            with self.subTest(authority):
                client = self.client(culvert)
                client.send(f"CONNECT {authority} HTTP/1.1\r\nHost: host\r\n\r\n")
                self.assertEqual(client.response().status, 400)
                self.assertTrue(client.is_closed())

    def test_other_host_field(self):
        culvert = self.forward_proxy()
        client = self.client(culvert)
        client.send("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nHost: b.test:443\r\n\r\n")
        self.assert_failure(client.response(), 400, "request_malformed")

    def test_body(self):
        destination = self.destination()
        culvert = self.forward_proxy()
        for framing in (("Content-Length", "5"), ("Transfer-Encoding", "chunked")):
            self.refused(culvert, destination.authority, 400, "request_malformed", headers=[framing])
        self.assertEqual(destination.connections, 0)

    def test_upstream_failures(self):
        culvert = self.forward_proxy("connect_timeout = \"300ms\"\nprivate_networks = \"allow\"",
                                     rules=('allow = ["*:*"]',))
        self.refused(culvert, f"127.0.0.1:{free_port()}", 502, "upstream_connect_refused")
        self.refused(culvert, self.address_that_never_answers(), 504, "upstream_connect_timeout")
        self.refused(culvert, "no-such-name.invalid:443", 502, "upstream_name_not_found")

    def test_head_too_large(self):
        culvert = self.forward_proxy()
        self.refused(culvert, "a.test:443", 431, "request_headers_too_large", headers=[("X", "x" * 20_000)])

    def test_client_that_goes_while_it_waits(self):
        culvert = self.forward_proxy("connect_timeout = \"1h\"")
        silent = self.address_that_never_answers()
        client = self.client(culvert)
        before = self.attempts_to(silent)
        client.send(connect_request(silent))
        wait_until(lambda: self.attempts_to(silent) > before, "the attempt to connect")
        client.reset()
        self.assert_logged(culvert, "client_aborted", None)
        wait_until(lambda: self.attempts_to(silent) == before, "the attempt given up")

    @staticmethod
    def attempts_to(address):
        """Connections to it that are neither established nor given up, by anybody."""
        port = f":{int(address.rpartition(':')[2]):04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        return sum(row[2].endswith(port) and row[3] == "02" for row in rows)

    def test_without_a_service_it_is_no_method(self):
        culvert = self.culvert('[[route]]\nrespond = { body = "x" }\n')
        self.assert_failure(self.client(culvert).connect("a.test:443"), 405, "method_not_allowed")

    def test_culvert_itself(self):
        culvert = self.forward_proxy('private_networks = "allow"', rules=('allow = ["*:*"]',))
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            self.refused(culvert, f"{host}:{culvert.port}", 403, "destination_is_culvert")

    def test_culvert_itself_at_any_of_its_addresses(self):
        port = free_port()
        culvert = self.start(f'[listener.all]\naddress = "0.0.0.0:{port}"\nmode = "forward"\ntunnel = "out"\n'
                             '[tunnel.out]\nprivate_networks = "allow"\n[[tunnel.out.rule]]\nallow = ["*:*"]\n', port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
            mine = probe.getsockname()[0]
        for host in ("127.0.0.1", "127.0.0.77", "0.0.0.0", mine):
            self.refused(culvert, f"{host}:{port}", 403, "destination_is_culvert")


class Ssrf(TunnelTest):
    """Spellings of this machine and its neighbours: where everything is allowed, none of them is."""

    ADDRESSES = """127.0.0.1 127.0.0.2 127.255.255.254 0.0.0.0 0.0.0.1 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200
        169.254.169.254 169.254.170.2 169.254.0.1 168.63.129.16 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255 192.0.0.192
        192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
        [::] [::1] [0:0:0:0:0:0:0:1] [::127.0.0.1] [::ffff:127.0.0.1] [::FFFF:7F00:1] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:169.254.169.254]
        [::ffff:a9fe:a9fe] [64:ff9b::127.0.0.1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::1] [2002:7f00:1::] [2002:a9fe:a9fe::1]
        [2002:c0a8:1::1] [fe80::1] [fec0::1] [fc00::1] [fd00::1] [fd00:ec2::254] [ff02::1] [2001:db8::1] [2001::1] [100::1]
        [2606:4700::5efe:127.0.0.1] localhost LOCALHOST localhost. ip6-localhost.localhost""".split()
    NOT_CLEAR = """127.1 127.0.1 2130706433 017700000001 0x7f000001 0x7f.0.0.1 0177.0.0.1 0x7f.1 127.0.0.1. 00127.0.0.1 127.0.0.01
        127.0.0.0x1 169.254.43518 2852039166 0xa9fea9fe 0251.0376.0251.0376 256.256.256.256 1.2.3.4.5""".split()

    def test_each_spelling(self):
        reached = self.destination(host="127.0.0.1")
        culvert = self.forward_proxy('default = "allow"\nports = [%d]\nhttp_ports = [%d]' % (reached.port, reached.port),
                                     rules=('allow = ["*:*"]',))
        self.assertGreater(len(self.ADDRESSES) + len(self.NOT_CLEAR), 40)
        for host in self.ADDRESSES + self.NOT_CLEAR:
            for plain in (False, True):
                with self.subTest(host=host, plain=plain):
                    authority = f"{host}:{reached.port}"
                    client = self.client(culvert)
                    if plain:
                        client.request("GET", f"http://{authority}/", host=authority)
                        response = client.response()
                    else:
                        response = client.connect(authority)
                    self.assertIn(response.status, (400, 403, 502), response)
                    if host in self.ADDRESSES and host != "ip6-localhost.localhost":
                        self.assert_failure(response, 403, "destination_not_public")
                    client.close()
        self.assertEqual(reached.connections, 0)


class Limits(TunnelTest):
    def assert_ends(self, client):
        try:
            self.assertFalse(client.reader.more())
        except ConnectionResetError:
            pass

    def test_idle(self):
        culvert = self.forward_proxy('idle_timeout = "200ms"')
        self.assert_ends(self.tunnel(culvert, self.destination()))
        self.assert_logged(culvert, "tunnel_idle_timeout", 200)

    def test_age(self):
        culvert = self.forward_proxy('max_lifetime = "300ms"')
        self.assert_ends(self.tunnel(culvert, self.destination()))
        self.assert_logged(culvert, "tunnel_lifetime", 200)

    def test_bytes(self):
        culvert = self.forward_proxy('max_bytes = "10B"')
        client = self.tunnel(culvert, self.destination())
        client.send("12345")
        self.assertEqual(client.receive(5), b"12345", "ten bytes, both ways together")
        client.send("x")
        self.assert_ends(client)
        self.assert_logged(culvert, "tunnel_max_bytes", 200)

    def test_bandwidth(self):
        culvert = self.forward_proxy('bandwidth = "100kB"')
        client = self.tunnel(culvert, self.destination())
        client.send(b"x" * 50_000)
        self.assertEqual(len(client.receive(50_000)), 50_000)
        client.sock.shutdown(socket.SHUT_WR)
        self.assertTrue(client.is_closed())
        self.assertGreater(float(culvert.access_log(1)[0]["duration"]), 0.2, "50 kB at 100 kB/s, less what may run ahead")

    def test_number(self):
        culvert = self.forward_proxy("max_tunnels = 2")
        destination = self.destination()
        first, _ = self.tunnel(culvert, destination), self.tunnel(culvert, destination)
        self.assert_failure(self.client(culvert).connect(destination.authority), 503, "tunnels_exhausted")
        first.close()
        wait_until(lambda: self.client(culvert).connect(destination.authority).status == 200, "room")

    def test_number_of_one_client(self):
        culvert = self.forward_proxy("max_tunnels_per_client = 1")
        destination = self.destination()
        self.tunnel(culvert, destination)
        self.assert_failure(self.client(culvert).connect(destination.authority), 429, "client_tunnels_exhausted")

    def test_tunnels_count_as_connections(self):
        culvert = self.culvert(
            listener='mode = "forward"\ntunnel = "out"\nmax_connections = 1',
            more=f"[tunnel.out]\n[[tunnel.out.rule]]\n{OPEN_TO_TESTS}")
        destination = self.destination()
        first = self.tunnel(culvert, destination)
        second = self.client(culvert)
        second.send(connect_request(destination.authority))
        second.sock.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            second.response("CONNECT")
        second.sock.settimeout(20)
        first.close()
        self.assertEqual(second.response("CONNECT").status, 200)


class Life(TunnelTest):
    def test_reload_concerns_no_tunnel(self):
        port = free_port()
        destination = self.destination()
        culvert = self.forward_proxy(port=port)
        client = self.tunnel(culvert, destination)
        culvert.reload(self.config(port, listener='mode = "forward"\ntunnel = "out"',
                                   more='[tunnel.out]\n[[tunnel.out.rule]]\ndeny = ["*:*"]\n'))
        wait_until(lambda: self.client(culvert).connect(destination.authority).status == 403, "the reload")
        client.send("still here")
        self.assertEqual(client.receive(10), b"still here")

    def test_stopping_waits_for_tunnels(self):
        destination = self.destination()
        culvert = self.forward_proxy()
        client = self.tunnel(culvert, destination)
        culvert.signal(15)
        wait_until(lambda: "stopping" in culvert.stderr(), "the stop")
        client.send("still here")
        self.assertEqual(client.receive(10), b"still here")
        client.sock.shutdown(socket.SHUT_WR)
        self.assertTrue(client.is_closed())
        self.assertEqual(culvert.wait(), 0)

    def test_the_deadline_ends_them(self):
        culvert = self.forward_proxy(process='shutdown_timeout = "300ms"')
        client = self.tunnel(culvert, self.destination())
        culvert.signal(15)
        self.assertTrue(client.is_closed())
        self.assertEqual(culvert.wait(), 0)
        self.assert_logged(culvert, "tunnel_closed", 200)

    def test_no_descriptor_is_left(self):
        destination = self.destination()
        culvert = self.forward_proxy()
        self.tunnel(culvert, destination).close()
        before = len(culvert.access_log(1))
        wait_until(lambda: len(os.listdir(f"/proc/{culvert.process.pid}/fd")), "the count")
        count = len(os.listdir(f"/proc/{culvert.process.pid}/fd"))
        for _ in range(50):
            client = self.tunnel(culvert, destination)
            client.send("x")
            client.receive(1)
            client.close()
        self.assertEqual(len(culvert.access_log(before + 50)), before + 50)
        wait_until(lambda: len(os.listdir(f"/proc/{culvert.process.pid}/fd")) <= count, "all descriptors given back")


class ForwardProxy(TunnelTest):
    """Requests that name their destination: GET http://..."""

    def test_is_an_ordinary_proxy(self):
        origin = self.origin(lambda x: x.reply(200, x.request.body or b"nothing"))
        culvert = self.forward_proxy()
        authority = f"127.0.0.1:{origin.port}"
        with culvert.connect() as client:
            for target, body in ((f"http://{authority}/a?b", b""), (f"http://{authority}", b"posted"), (f"HTTP://{authority}/c", b"")):
                client.request("POST" if body else "GET", target, body=body, host=authority)
                self.assertEqual(client.response().body, body or b"nothing")
        self.assertEqual([request.target for request in origin.requests], ["/a?b", "/", "/c"])
        self.assertEqual(origin.connections, 1, "one client, one connection")
        for request in origin.requests:
            self.assertEqual(request.all("Host"), [authority])
        record = culvert.access_log(3)[0]
        self.assertEqual((record["culvert.server"], record["culvert.tunnel"], record["culvert.rule"]),
                         (authority, "out", "rule 1"))

    def test_refusals(self):
        culvert = self.forward_proxy(rules=('allow = ["*.test:*"]',))
        with culvert.connect() as client:
            self.assert_failure(client.get("http://elsewhere.example/", host="elsewhere.example"), 403, "destination_denied")
            self.assert_failure(client.get("https://a.test/", host="a.test"), 400, "destination_scheme_not_supported")
            self.assert_failure(client.get("ftp://a.test/", host="a.test"), 400, "destination_scheme_not_supported")
            self.assert_failure(client.get("/"), 400, "proxy_request_expected")
            self.assert_failure(client.get("*", method="OPTIONS"), 400, "proxy_request_expected")

    def test_stale_connection_is_tried_again(self):
        def answer_once(exchange):
            exchange.reply(200, b"%d" % exchange.request.connection)
            exchange.close()
        origin = self.origin(answer_once)
        culvert = self.forward_proxy()
        authority = f"127.0.0.1:{origin.port}"
        with culvert.connect() as client:
            for _ in range(5):
                self.assertEqual(client.get(f"http://{authority}/", host=authority).status, 200)

    def test_aborted_answer_looks_aborted(self):
        def cut(exchange):
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
            exchange.close()
        origin = self.origin(cut)
        culvert = self.forward_proxy()
        authority = f"127.0.0.1:{origin.port}"
        with culvert.connect() as client:
            client.request("GET", f"http://{authority}/", host=authority)
            with self.assertRaises((Aborted, ConnectionResetError)):
                client.response()


if __name__ == "__main__":
    main()
