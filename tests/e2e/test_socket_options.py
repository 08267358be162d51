"""What would break: options of Node's model that an operator sets in the file and that never reach the sockets or the
parsers they are meant for."""
import re
import socket

from harness import UNTRACED_LEAKS, CulvertTest, main, wait_until

ANSWER = '[[route]]\nrespond = { body = "ok" }\n'


class Listener(CulvertTest):
    def test_lenient_parser_of_one_listener(self):
        # ROWS: createServer.insecureHTTPParser
        strict = self.culvert(ANSWER)
        lenient = self.culvert(ANSWER, server="insecure_http_parser = true")
        for culvert, status in ((strict, 400), (lenient, 200)):
            with culvert.connect() as client:
                client.send(b"GET / HTTP/1.1\nHost: a\n\n")
                self.assertEqual(client.response().status, status)

    def test_client_that_has_shut_its_sending_side(self):
        # ROWS: server.observed.half-close
        origin = self.origin(lambda x: (x.origin.released.wait(20), x.reply(200, b"late")))
        for number, allowed in enumerate(("true", "false"), 1):
            culvert = self.culvert(origin.route(), threads=1, server=f"allow_half_open = {allowed}")
            with culvert.connect() as client:
                client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                wait_until(lambda: len(origin.requests) == number, "the request arriving")
                client.sock.shutdown(socket.SHUT_WR)
                if allowed == "true":
                    origin.released.set()
                    self.assertEqual(client.response().body, b"late")
                    origin.released.clear()
                else:
                    self.assertTrue(client.is_closed(), "to this listener, the client has gone")

    def test_late_408(self):
        # ROWS: createServer.connectionsCheckingInterval
        culvert = self.culvert(ANSWER, server='headers_timeout = "100ms"\nconnections_checking_interval = "300ms"')
        with culvert.connect() as client:
            client.send(b"GET / HTTP/1.1\r\n")
            self.assertEqual(client.response().status, 408)


class Kernel(CulvertTest):
    """Options that only the kernel sees: what the daemon tells it."""

    def calls_of(self, server="", upstream=""):
        trace = self.folder / "trace"
        origin = self.origin()
        route = origin.route().replace("[[route]]", f"{upstream}\n[[route]]")
        culvert = self.culvert(route, threads=1, server=server, env=UNTRACED_LEAKS,
                               under=["strace", "-D", "-f", "-y", "-e", "trace=setsockopt,bind", "-o", str(trace)])
        with culvert.connect() as client:
            self.assertEqual(client.get("/").status, 200)
        self.assertEqual(culvert.stop(), 0, culvert.stderr())
        wait_until(lambda: re.search(r"\+\+\+ exited", trace.read_text()), "the trace")
        return trace.read_text()

    def test_probes_of_clients(self):
        # ROWS: createServer.keepAlive, createServer.keepAliveInitialDelay
        calls = self.calls_of('keep_alive = true\nkeep_alive_initial_delay = "7s"')
        self.assertRegex(calls, r"SO_KEEPALIVE, \[1\]")
        self.assertRegex(calls, r"TCP_KEEPIDLE, \[7\]")

    def test_no_probes_and_delays_where_nobody_asked(self):
        # ROWS: createServer.noDelay, request.options.connect-options, request.setNoDelay
        calls = self.calls_of("no_delay = false", "no_delay = false\nkeep_alive = false")
        self.assertNotIn("SO_KEEPALIVE", calls)
        self.assertNotIn("TCP_NODELAY, [1]", calls)

    def test_probes_of_free_upstream_connections(self):
        # ROWS: agent.keepAliveMsecs, agent.pool.tcp-keepalive, request.setSocketKeepAlive
        self.assertRegex(self.calls_of("", "keep_alive_msecs = 3000"), r"TCP_KEEPIDLE, \[3\]")

    def test_local_address(self):
        # ROWS: request.options.localAddress, agent.connect-options
        self.assertRegex(self.calls_of("", 'local_address = "127.0.0.2"'), r'bind\(.*inet_addr\("127\.0\.0\.2"\)')


class Upstream(CulvertTest):
    def upstream(self, origin, more):
        return origin.route().replace("[[route]]", f"{more}\n[[route]]")

    def test_family_of_a_name(self):
        # ROWS: request.options.family
        origin = self.origin()  # on 127.0.0.1 only
        for family, status in ((4, 200), (6, 502)):
            route = self.upstream(origin, f"family = {family}").replace("127.0.0.1:", "localhost:")
            with self.culvert(route).connect() as client:
                self.assertEqual(client.get("/").status, status)

    def test_how_a_name_is_looked_up(self):
        # ROWS: request.options.hints
        origin = self.origin()  # "127.1" has an IPv4 address only
        for hints, status in (("", 502), ('hints = ["v4mapped"]', 200)):
            route = self.upstream(origin, f"family = 6\n{hints}").replace("127.0.0.1:", "127.1:")
            self.assertEqual(self.culvert(route).get("/").status, status, hints)

    def test_credentials(self):
        # ROWS: request.options.auth, request.header.authorization
        origin = self.origin()
        secret = self.folder / "secret"
        secret.write_text("user:pass\n")
        for auth in ('"user:pass"', f'{{ file = "{secret}" }}', '{ env = "UPSTREAM_AUTH" }', '{ credential = "secret" }'):
            culvert = self.culvert(self.upstream(origin, f"auth = {auth}"),
                                   env={"UPSTREAM_AUTH": "user:pass", "CREDENTIALS_DIRECTORY": str(self.folder)})
            culvert.get("/")
            self.assertEqual(origin.request().all("Authorization"), ["Basic dXNlcjpwYXNz"], auth)
        culvert.get("/", [("Authorization", "X")])
        self.assertEqual(origin.request().all("Authorization"), ["X"], "what a client says for itself counts")

    def test_heads_of_answers(self):
        # ROWS: request.options.maxHeaderSize, request.maxHeadersCount
        origin = self.origin(lambda x: x.reply(200, b"ok", [("X", "y" * 1500)] + [(f"H{i}", "1") for i in range(20)]))
        for more, status in (("", 200), ('max_header_size = "1KiB"', 502), ("max_headers_count = 10", 502)):
            with self.culvert(self.upstream(origin, more)).connect() as client:
                response = client.get("/")
                self.assertEqual(response.status, status, more)
                if status == 502:
                    self.assertIn("upstream_response_headers_too_large", str(response.header("Proxy-Status")))

    def test_lenient_parser_of_one_upstream(self):
        # ROWS: request.options.insecureHTTPParser
        origin = self.origin(lambda x: x.send(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"))
        for more, status in (("", 502), ("insecure_http_parser = true", 200)):
            with self.culvert(self.upstream(origin, more)).connect() as client:
                self.assertEqual(client.get("/").status, status)


if __name__ == "__main__":
    main()
