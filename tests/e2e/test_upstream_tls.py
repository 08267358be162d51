"""What would break: requests would go to a server that has not proved who it is, in the clear, or not at all."""
import hashlib
import ssl

from authority import Authority
from client import Client
from harness import CulvertTest, free_port, main, wait_until
from peers import start_nginx, start_node
from test_streams import Server, echo

MIB = 1024 * 1024
FIELDS = 'fields = ["http.response.status_code", "error.type", "error.cause", "culvert.retries"]'
NODE_HTTPS = """
const fs = require('fs');
const server = require('https').createServer(
  { key: fs.readFileSync(process.env.TEST_KEY), cert: fs.readFileSync(process.env.TEST_CERTIFICATE) },
  (req, res) => res.end(req.socket.servername + ' ' + req.socket.alpnProtocol + ' ' + req.socket.isSessionReused()));
server.listen(Number(process.argv[2]), '127.0.0.1');
"""


class UpstreamTlsTest(CulvertTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)
        self.names = []  # that were asked for by SNI

    def context(self, *names, issued=None):
        """Of a server with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = issued or self.authority.issue(*(names or ("origin.test",)))
        context.load_cert_chain(issued.certificate, issued.key)
        context.sni_callback = lambda sock, name, own: self.names.append(name)
        return context

    def upstream(self, *servers, tls="", more=""):
        """Of these, believed by the test's authority."""
        listed = ", ".join(f'"{server}"' for server in servers)
        return (f'[upstream.origin]\nservers = [{listed}]\n{more}\n'
                f'[upstream.origin.tls]\nca = "{self.authority.file}"\n{tls}\n[[route]]\nupstream = "origin"\n')

    def behind(self, origin, tls='server_name = "origin.test"', **parts):
        """A daemon in front of it."""
        return self.culvert(self.upstream(origin.address, tls=tls, more=parts.pop("upstream", "")), threads=1,
                            access=FIELDS, **parts)

    def assert_refused(self, culvert, reason, status=502, cause="."):
        self.assert_failure(culvert.get("/"), status, reason)
        record = self.assert_logged(culvert, reason, status)
        self.assertRegex(record["error.cause"], cause)


class Proof(UpstreamTlsTest):
    def test_request_goes_by_tls(self):
        # ROWS: agent.createConnection.override, request.options.protocol
        origin = self.origin(tls=self.context())
        response = self.behind(origin).get("/a?b", [("X-One", "1")])
        self.assertEqual((response.status, response.body), (200, b"ok"))
        self.assertEqual((origin.request().target, origin.request().header("X-One")), ("/a?b", "1"))
        self.assertEqual(origin.request().header("Host"), "site.test")
        self.assertEqual(self.names, ["origin.test"])
        self.assertEqual(origin.handshakes[0].version, "TLSv1.3")

    def test_name_is_the_hosts_where_none_is_written(self):
        origin = self.origin(tls=self.context("localhost"))
        culvert = self.culvert(self.upstream(f"localhost:{origin.port}", more="family = 4"), threads=1)
        self.assertEqual(culvert.get("/").status, 200)
        self.assertEqual(self.names, ["localhost"])

    def test_address_is_proved_and_no_name(self):
        origin = self.origin(tls=self.context("IP:127.0.0.1"))
        self.assertEqual(self.behind(origin, tls="").get("/").status, 200)
        self.assertEqual(self.names, [None])

    def test_certificate_for_another_name_is_refused(self):
        origin = self.origin(tls=self.context("other.test"))
        self.assert_refused(self.behind(origin), "upstream_certificate_invalid", cause="[Hh]ost ?name mismatch")
        self.assertEqual(origin.requests, [])

    def test_certificate_for_another_address_is_refused(self):
        origin = self.origin(tls=self.context("IP:127.0.0.2"))
        self.assert_refused(self.behind(origin, tls=""), "upstream_certificate_invalid", cause="IP address mismatch")

    def test_authority_that_is_not_believed(self):
        stranger = Authority(self.folder, "stranger")
        origin = self.origin(tls=self.context(issued=stranger.issue("origin.test")))
        self.assert_refused(self.behind(origin), "upstream_certificate_invalid", cause="unable to get local issuer")

    def test_certificate_that_has_ended(self):
        origin = self.origin(tls=self.context(issued=self.authority.issue("origin.test", days=-1)))
        self.assert_refused(self.behind(origin), "upstream_certificate_invalid", cause="expired")

    def test_any_certificate_will_do_where_that_is_written(self):
        origin = self.origin(tls=self.context("other.test"))
        culvert = self.behind(origin, tls='server_name = "origin.test"\nverify = false')
        self.assertEqual(culvert.get("/").status, 200)
        self.assertEqual(self.names, ["origin.test"])

    def test_whom_the_system_believes(self):
        origin = self.origin(tls=self.context("IP:127.0.0.1"))
        routes = f'[[route]]\nupstream = "https://{origin.address}"\n'
        culvert = self.culvert(routes, threads=1, env={"SSL_CERT_FILE": str(self.authority.file)})
        self.assertEqual(culvert.get("/").status, 200)
        self.assert_failure(self.culvert(routes, threads=1).get("/"), 502, "upstream_certificate_invalid")

    def test_unix_socket(self):
        origin = self.origin(tls=self.context(), path=self.folder / "origin.sock")
        self.assertEqual(self.behind(origin).get("/").status, 200)

    def test_client_certificate(self):
        context = self.context()
        context.load_verify_locations(self.authority.file)
        context.verify_mode = ssl.CERT_REQUIRED
        origin = self.origin(tls=context)
        shown = 'server_name = "origin.test"\n' + self.authority.client("proxy").toml()
        self.assertEqual(self.behind(origin, tls=shown).get("/").status, 200)
        subject = dict(part[0] for part in origin.handshakes[0].client["subject"])
        self.assertEqual(subject["commonName"], "proxy")
        self.assert_refused(self.behind(origin), "upstream_tls_alert", cause="certificate required")


class Trouble(UpstreamTlsTest):
    def test_server_that_speaks_no_tls(self):
        def answer(sock):
            sock.recv(1)
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        self.assert_refused(self.behind(Server(self, answer)), "upstream_tls_handshake_failed", cause="wrong version number")

    def test_server_that_goes_while_hands_are_shaken(self):
        def go(sock):
            sock.recv(10_000)
            sock.close()
        self.assert_refused(self.behind(Server(self, go)), "upstream_tls_handshake_failed", cause="before TLS stood")

    def test_server_that_is_silent_while_hands_are_shaken(self):
        silent = Server(self, lambda sock: sock.recv(1))
        self.assert_refused(self.behind(silent, upstream='connect_timeout = "100ms"'), "upstream_connect_timeout", 504)

    def test_server_that_is_too_old(self):
        context = self.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        origin = self.origin(tls=context)
        self.assertEqual(self.behind(origin).get("/").status, 200)
        self.assertEqual(origin.handshakes[0].version, "TLSv1.2")
        culvert = self.behind(origin, tls='server_name = "origin.test"\nmin_version = "1.3"')
        self.assert_refused(culvert, "upstream_tls_alert", cause="protocol version")

    def test_next_server_is_tried(self):
        wrong, right = self.origin(tls=self.context("other.test")), self.origin(tls=self.context())
        culvert = self.culvert(self.upstream(wrong.address, right.address, tls='server_name = "origin.test"'), threads=1,
                               access=FIELDS)
        for _ in range(2):
            self.assertEqual(culvert.get("/", [("Connection", "close")]).status, 200)
        retries = [record["culvert.retries"] for record in culvert.access_log(2)]
        self.assertIn(1, retries)
        self.assertEqual((len(right.requests), wrong.requests), (2, []))

    def test_body_that_is_cut_is_not_taken_for_whole(self):
        def until_close(exchange):
            exchange.send("HTTP/1.1 200 OK\r\n\r\npart of it")
            exchange.close()  # without close_notify
        def in_order(exchange):
            exchange.send("HTTP/1.1 200 OK\r\n\r\nall of it")
            exchange.sock.unwrap()
            exchange.close()
        whole = self.behind(self.origin(in_order, tls=self.context())).get("/")
        self.assertEqual(whole.body, b"all of it")
        culvert = self.behind(self.origin(until_close, tls=self.context()))
        client = culvert.connect()
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: b"part of it" in client.reader.buffer or not client.reader.more(), "the part")
        self.assert_logged(culvert, "upstream_aborted_body", 200)


class Connections(UpstreamTlsTest):
    def test_connection_is_kept(self):
        origin = self.origin(tls=self.context())
        culvert = self.behind(origin)
        for _ in range(5):
            self.assertEqual(culvert.get("/").status, 200)
        self.assertEqual(origin.connections, 1)

    def test_session_is_resumed(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version):
                context = self.context()
                context.maximum_version = version
                origin = self.origin(tls=context)
                culvert = self.behind(origin, upstream="keep_alive = false")
                for _ in range(3):
                    self.assertEqual(culvert.get("/").status, 200)
                self.assertEqual([each.reused for each in origin.handshakes], [False, True, True])

    def test_reload_keeps_what_it_does_not_change(self):
        # ROWS: agent.getName.https
        origin = self.origin(tls=self.context())
        port = free_port()
        def config(tls):
            routes = self.upstream(origin.address, tls=f'server_name = "origin.test"\n{tls}')
            return self.config(port, routes, threads=1)
        culvert = self.start(config(""), port)
        self.assertEqual(culvert.get("/").status, 200)
        def reload(text, revision):
            culvert.reload(text)
            wait_until(lambda: f"reloaded: revision {revision}" in culvert.stderr(), "the reload")
        reload(config("") + '[[route]]\npath = "/other"\nrespond = { status = 204 }\n', 2)
        self.assertEqual(culvert.get("/").status, 200)
        self.assertEqual(origin.connections, 1)
        reload(config("verify = false"), 3)
        self.assertEqual(culvert.get("/").status, 200)
        self.assertEqual(origin.connections, 2)

    def test_much_goes_both_ways(self):
        origin = self.origin(lambda x: x.reply(200, x.request.body), tls=self.context())
        body = bytes(i * 31 % 251 for i in range(3 * MIB))
        response = self.behind(origin).get("/", method="POST", body=body)
        self.assertEqual(hashlib.sha256(response.body).digest(), hashlib.sha256(body).digest())

    def test_upgrade(self):
        def switch(exchange):
            exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            while data := exchange.sock.recv(1000):
                exchange.send(data)
            exchange.close()
        origin = self.origin(switch, tls=self.context())
        culvert = self.culvert(self.upstream(origin.address, tls='server_name = "origin.test"') + 'upgrade = ["echo"]\n',
                               threads=1)
        client = culvert.connect()
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        self.assertIn("101", client.reader.head()[0])
        client.send("hello")
        self.assertEqual(client.reader.exactly(5), b"hello")

    def test_raw_streams(self):
        context = self.context()
        def greet(sock):
            secure = context.wrap_socket(sock, server_side=True)
            secure.sendall(b"welcome\n")
            echo(secure)
        server = Server(self, greet)
        upstream = self.upstream(server.address, tls='server_name = "origin.test"').partition("[[route]]")[0]
        culvert = self.culvert("", listener='mode = "tcp"\nupstream = "origin"', more=upstream, threads=1)
        client = Client(("127.0.0.1", culvert.port))
        self.addCleanup(client.close)
        self.assertEqual(client.reader.exactly(8), b"welcome\n")
        client.send("x" * 100_000)
        self.assertEqual(client.reader.exactly(100_000), b"x" * 100_000)


class RealServers(UpstreamTlsTest):
    def test_nginx(self):
        issued = self.authority.issue("origin.test")
        nginx = start_nginx(self.folder / "nginx", f"ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {issued.certificate}; ssl_certificate_key {issued.key};"
                            "location / { return 200 '$ssl_protocol $ssl_server_name $ssl_session_reused $connection_requests'; }",
                            "ssl")
        self.addCleanup(nginx.stop)
        culvert = self.culvert(self.upstream(f"127.0.0.1:{nginx.port}", tls='server_name = "origin.test"'), threads=1)
        for number in (1, 2, 3):
            self.assertEqual(culvert.get("/").body.decode(), f"TLSv1.3 origin.test . {number}")

    def test_node(self):
        issued = self.authority.issue("origin.test")
        node = start_node(self.folder / "node", NODE_HTTPS,
                          {"TEST_KEY": str(issued.key), "TEST_CERTIFICATE": str(issued.certificate)})
        self.addCleanup(node.stop)
        culvert = self.culvert(self.upstream(f"127.0.0.1:{node.port}", tls='server_name = "origin.test"',
                                             more="keep_alive = false"), threads=1)
        answers = [culvert.get("/").body.decode() for _ in range(2)]
        self.assertEqual(answers, ["origin.test http/1.1 false", "origin.test http/1.1 true"])


if __name__ == "__main__":
    main()
