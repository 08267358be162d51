"""What would break: clients would pass without the certificate that is asked for, or as somebody else; upstreams, rules and
the log would not know who they are, or believe what a client says of itself.
"""
import base64
import socket

from authority import Authority, openssl
from client import Client, Reader
from harness import CulvertTest, curl, free_port, main, run_culvert, wait_until
from test_tls import ANSWER, LAST_REQUEST, TlsTest

FIELDS = 'fields = ["tls.client.subject", "user.name", "culvert.route", "error.type", "error.cause"]'


def as_field(der):
    """A byte sequence of RFC 8941."""
    return f":{base64.b64encode(der).decode()}:"


class ClientTest(TlsTest):
    def setUp(self):
        super().setUp()
        self.staff = Authority(self.folder, "staff")

    def with_clients(self, routes=ANSWER, tls="", **parts):
        return self.with_tls(routes, tls=f'client_ca = "{self.staff.file}"\n{tls}', **parts)

    def curl_as(self, culvert, issued, *arguments, **options):
        shown = () if issued is None else ("--cert", issued.certificate, "--key", issued.key)
        return self.curl(culvert, *shown, *arguments, **options)

    def client_as(self, culvert, issued, name="site.test"):
        context = self.context()
        if issued is not None:
            context.load_cert_chain(issued.certificate, issued.key)
        return self.client(culvert, name, context)


class Asking(ClientTest):
    def test_who_shows_one_is_known(self):
        # ROWS: message.socket.peer-certificate
        culvert = self.with_clients(access=FIELDS)
        self.assertEqual(self.curl_as(culvert, self.staff.client("alice")).stdout, b"ok")
        self.assertEqual(culvert.access_log(1), [{"tls.client.subject": "CN=alice,O=Test", "culvert.route": "route 1"}])

    def test_all_that_can_be_logged(self):
        alice = self.staff.client("alice", "URI:spiffe://test/alice", "DNS:alice.test")
        culvert = self.with_clients(
            access='fields = ["tls.client.hash.sha256", "tls.client.x509.alternative_names"]')
        self.curl_as(culvert, alice)
        printed = openssl("x509", "-in", alice.certificate, "-noout", "-fingerprint", "-sha256").decode()
        self.assertEqual(culvert.access_log(1), [{"tls.client.x509.alternative_names": "spiffe://test/alice",
                                                  "tls.client.hash.sha256": printed.strip().partition("=")[2].replace(":", "")}])

    def test_none_is_told_by_an_alert_and_a_record(self):
        culvert = self.with_clients()
        for version in ("--tls-max 1.2", "--tlsv1.3"):
            self.assertNotEqual(self.curl_as(culvert, None, *version.split()).returncode, 0)
        for record in culvert.access_log(2):
            self.assertEqual(record["error.type"], "tls_client_certificate_missing", record)
        self.assertIn("alert certificate required", self.s_client(culvert, "-tls1_3", "-ign_eof", text=LAST_REQUEST))
        self.assertIn("alert handshake failure", self.s_client(culvert, "-tls1_2"))

    def test_bad_ones_are_told_with_what_is_wrong(self):
        culvert = self.with_clients()
        bad = (Authority(self.folder, "nobody").client("stranger"), "unable to get local issuer certificate"), \
            (self.staff.client("late", days=0), "certificate has expired"), \
            (self.staff.issue("server.test"), "unsuitable certificate purpose")
        for number, (issued, words) in enumerate(bad, 1):
            with self.subTest(words=words):
                self.assertNotEqual(self.curl_as(culvert, issued).returncode, 0)
                record = culvert.access_log(number)[-1]
                self.assertEqual((record["error.type"], record["error.cause"]), ("tls_client_certificate_invalid", words))
        shown = ("-cert", bad[0][0].certificate, "-key", bad[0][0].key)
        self.assertIn("alert unknown ca", self.s_client(culvert, "-tls1_3", "-ign_eof", *shown, text=LAST_REQUEST))

    def test_names_whose_certificates_are_accepted(self):
        self.assertIn("CN = staff of a test", self.s_client(self.with_clients()))

    def test_optional(self):
        culvert = self.with_clients(tls='client_auth = "optional"\n', access=FIELDS)
        self.assertEqual(self.curl_as(culvert, None).stdout, b"ok")
        self.assertEqual(self.curl_as(culvert, self.staff.client("alice")).stdout, b"ok")
        self.assertNotEqual(self.curl_as(culvert, self.authority.client("stranger")).returncode, 0)
        self.assertEqual([record.get("tls.client.subject") for record in culvert.access_log(3)], [None, "CN=alice,O=Test", None])

    def test_each_server_name_asks(self):
        culvert = self.with_clients(certificates=[self.authority.issue("site.test"), self.authority.issue("other.test")])
        alice = self.staff.client("alice")
        for host in ("site.test", "other.test"):
            self.assertNotEqual(self.curl_as(culvert, None, host=host).returncode, 0)
            self.assertEqual(self.curl_as(culvert, alice, host=host).stdout, b"ok")


class Revoking(ClientTest):
    def test_revoked_ones_are_refused_from_the_next_reload_on(self):
        alice, mallory = self.staff.client("alice"), self.staff.client("mallory")
        crl = self.staff.crl()
        culvert = self.with_clients(tls=f'client_crl = "{crl}"\n')
        session = self.folder / "session"
        shown = ("-cert", mallory.certificate, "-key", mallory.key)
        self.s_client(culvert, *shown, "-sess_out", session, "-ign_eof", text=LAST_REQUEST)
        self.assertEqual(self.curl_as(culvert, mallory).stdout, b"ok")
        self.staff.crl(mallory)
        culvert.reload(culvert.config_path.read_text())
        wait_until(lambda: self.curl_as(culvert, mallory).returncode != 0, "the refusal")
        self.assertEqual(self.curl_as(culvert, alice).stdout, b"ok")
        before = len(culvert.access_log(1))
        self.s_client(culvert, *shown, "-sess_in", session, "-ign_eof", text=LAST_REQUEST)  # no way around it
        self.assertEqual(culvert.access_log(before + 1)[-1]["error.cause"], "certificate revoked")

    def check(self, tls):
        issued = self.authority.issue("site.test")
        config = self.folder / "check.toml"
        config.write_text(f'[listener.web]\naddress = "127.0.0.1:1"\ntls = "main"\n[tls.main]\n{tls}\n{issued.toml()}{ANSWER}')
        return run_culvert("check", config)

    def test_what_is_wrong_with_files_is_said_with_its_place(self):
        foreign, garbage = self.authority.crl(), self.folder / "garbage.pem"
        garbage.write_text("nothing\n")
        for tls, place, words in (
                (f'client_ca = "{garbage}"', "5:13", f'"{garbage}": there is no certificate in it (PEM) [bad-certificate]'),
                ('client_ca = "none.pem"', "5:13", f'cannot read "{self.folder}/none.pem": No such file or directory [unreadable]'),
                (f'client_ca = "{self.staff.file}"\nclient_crl = "{garbage}"', "6:14", f'"{garbage}": there is no CRL in it (PEM) [bad-crl]'),
                (f'client_ca = "{self.staff.file}"\nclient_crl = "{foreign}"', "6:14",
                 f'"{foreign}": the CRL of "CN=authority of a test" is signed by none of client_ca [bad-crl]')):
            with self.subTest(words=words):
                done = self.check(tls)
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertIn(f"check.toml:{place}: error: {words}", done.stderr)

    def test_times_are_warnings(self):
        crl = self.staff.crl(days=("-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200102000000Z"))
        done = self.check(f'client_ca = "{self.staff.file}"\nclient_crl = "{crl}"')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f'6:14: warning: the CRL of "CN=staff of a test" in "{crl}" ended on 2020-01-02 [crl]', done.stderr)
        both = self.folder / "both.pem"
        both.write_text(self.staff.file.read_text() + self.authority.file.read_text())
        done = self.check(f'client_ca = "{both}"\nclient_crl = "{self.staff.crl()}"')
        self.assertIn('warning: there is no CRL of "CN=authority of a test"', done.stderr)
        self.assertEqual(self.check(f'client_ca = "{self.staff.file}"\nclient_crl = "{self.staff.crl()}"').stderr, "")


class Telling(ClientTest):
    """Upstreams hear of certificates from culvert, and from nobody else."""

    FORGED = ["Client-Cert", "client-cert", "CLIENT-CERT", "Client-Cert-Chain", "client-cert-chain", "Client_Cert",
              "Client-Cert_Chain", "client.cert", "Client.Cert.Chain", "client_cert_chain"]

    def forging(self, client):
        """A request that says all of that of itself, in its head and behind its body."""
        lines = "".join(f"{name}: :Zm9yZ2Vk:\r\n" for name in self.FORGED)
        client.send("POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\nTrailer: Client-Cert\r\n"
                    f"Connection: Client-Cert, client-cert-chain, Client_Cert\r\n{lines}\r\n2\r\nhi\r\n0\r\n{lines}\r\n")
        self.assertEqual(client.response().status, 200)

    def told(self, origin):
        request = origin.request(-1)
        return [(name, value) for name, value in request.headers + request.trailers if "cert" in name.lower()]

    def test_nobody_can_say_it_of_himself(self):
        origin = self.origin()
        culvert = self.culvert(origin.route(), server='[server.forwarded]\ntrust = ["127.0.0.0/8"]')
        with culvert.connect() as client:
            self.forging(client)
        self.assertEqual(self.told(origin), [])
        self.forging(self.client(self.with_tls(origin.route())))
        self.assertEqual(self.told(origin), [])
        self.forging(self.client(self.with_clients(origin.route(), tls='client_auth = "optional"\n')))
        self.assertEqual(self.told(origin), [])

    def test_what_was_shown_is_told(self):
        origin = self.origin()
        alice = self.staff.client("alice")
        culvert = self.with_clients(origin.route())
        der = openssl("x509", "-in", alice.certificate, "-outform", "der")
        self.forging(self.client_as(culvert, alice))
        self.assertEqual(self.told(origin), [("Client-Cert", as_field(der))])

    def test_also_with_a_session_that_goes_on(self):
        origin = self.origin()
        alice = self.staff.client("alice")
        culvert = self.with_clients(origin.route(), access=FIELDS)
        der = openssl("x509", "-in", alice.certificate, "-outform", "der")
        for version in ("-tls1_2", "-tls1_3"):
            session = self.folder / f"session{version}"
            shown = ("-cert", alice.certificate, "-key", alice.key)
            self.s_client(culvert, version, *shown, "-sess_out", session, "-ign_eof", text=LAST_REQUEST)
            self.assertIn("Reused", self.s_client(culvert, version, "-sess_in", session, "-ign_eof", text=LAST_REQUEST))
            self.assertEqual(self.told(origin), [("Client-Cert", as_field(der))])
        self.assertEqual({record["tls.client.subject"] for record in culvert.access_log(4)}, {"CN=alice,O=Test"})

    def test_chain_where_it_is_asked_for_and_nothing_where_it_is_not(self):
        origin = self.origin()
        alice = self.staff.client("alice")
        culvert = self.with_clients(origin.route(), server='[server.forwarded]\nsend = ["client-cert-chain"]')
        self.client_as(culvert, alice).get("/")
        self.assertEqual([name for name, _ in self.told(origin)], ["Client-Cert"])  # signed by the root: there is no chain
        culvert = self.with_clients(origin.route(), server='[server.forwarded]\nsend = ["x-forwarded-for"]')
        self.client_as(culvert, alice).get("/")
        self.assertEqual(self.told(origin), [])


class Leading(ClientTest):
    def test_routes_by_certificate(self):
        alice, bob = self.staff.client("alice", "DNS:alice.svc.test"), self.staff.client("bob", "URI:spiffe://test/bob")
        printed = openssl("x509", "-in", bob.certificate, "-noout", "-fingerprint", "-sha256").decode()
        fingerprint = printed.strip().partition("=")[2]
        routes = "".join(f'[[route]]\n{condition}\nrespond = {{ body = "{body}" }}\n' for condition, body in (
            ('client_certificate = { san = "*.svc.test", subject = "CN=alice,*" }', "alice"),
            (f'client_certificate = {{ fingerprint = "{fingerprint}" }}', "bob"),
            ('client_certificate = { subject = "*" }', "somebody"), ("", "nobody")))
        culvert = self.with_clients(routes, tls='client_auth = "optional"\n')
        for issued, body in ((alice, b"alice"), (bob, b"bob"), (self.staff.client("carol"), b"somebody"), (None, b"nobody")):
            with self.subTest(body=body):
                self.assertEqual(self.curl_as(culvert, issued).stdout, body)

    def test_user_of_a_route(self):
        origin = self.origin()
        culvert = self.with_clients(origin.route('auth = "staff"'), tls='client_auth = "optional"\n', access=FIELDS,
                                    more='[auth.staff]\ntype = "certificate"\nname = "cn"\n')
        done = self.curl_as(culvert, None, "-w", " %{http_code}")
        self.assertTrue(done.stdout.endswith(b" 403"), done)
        self.curl_as(culvert, self.staff.client("alice"), "-H", "Authorization: Bearer token")
        self.assertEqual(origin.request().header("Authorization"), "Bearer token")
        self.assertEqual([(record.get("user.name"), record.get("error.type")) for record in culvert.access_log(2)],
                         [(None, "client_certificate_required"), ("alice", None)])

    def test_user_of_a_tunnel(self):
        port = free_port()
        with socket.create_server(("127.0.0.1", port)):
            culvert = self.with_clients(
                "", listener='mode = "forward"\ntunnel = "egress"\n', certificates=[self.authority.issue("localhost")],
                tls='client_auth = "optional"\n', access=FIELDS,
                more=f'[tunnel.egress]\nauth = "staff"\n[[tunnel.egress.rule]]\nusers = ["alice.svc.test"]\n'
                     f'allow = ["127.0.0.1:{port}"]\nprivate_networks = "allow"\n[auth.staff]\ntype = "certificate"\n')
            alice, bob = self.staff.client("alice", "DNS:alice.svc.test"), self.staff.client("bob", "DNS:bob.svc.test")
            for issued, status in ((alice, 200), (bob, 403), (None, 403), (self.staff.client("unnamed"), 403)):
                client = self.client_as(culvert, issued, "localhost")
                client.send(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
                self.assertEqual(client.response_head().status, status)
                client.close()
        told = [(record.get("user.name"), record.get("tls.client.subject"), record["error.type"])
                for record in culvert.access_log(4)]
        self.assertCountEqual(told, [("alice.svc.test", "CN=alice,O=Test", "tunnel_client_reset"),
                                     ("bob.svc.test", "CN=bob,O=Test", "destination_denied"),
                                     (None, None, "client_certificate_required"),
                                     (None, "CN=unnamed,O=Test", "client_certificate_required")])

    def test_destinations_of_a_forward_proxy_are_not_told(self):
        origin = self.origin()
        port = origin.address.rpartition(":")[2]
        culvert = self.with_clients("", listener='mode = "forward"\ntunnel = "any"\n', certificates=[self.authority.issue("localhost")],
                                    more=f'[tunnel.any]\nprivate_networks = "allow"\nhttp_ports = [{port}]\n')
        alice = self.staff.client("alice")
        curl("--proxy", f"https://localhost:{culvert.port}", "--proxy-cacert", self.authority.file, "--proxy-cert",
             alice.certificate, "--proxy-key", alice.key, f"http://127.0.0.1:{port}/", "--noproxy", "", "-H", "Client-Cert: :Zm9yZ2Vk:")
        self.assertEqual([name for name, _ in origin.request().headers if "cert" in name.lower()], [])

    def test_raw_streams(self):
        port = free_port()
        with socket.create_server(("127.0.0.1", port)) as server:
            culvert = self.with_clients("", listener='mode = "tcp"\nupstream = "raw"\n', access=FIELDS,
                                        more=f'[upstream.raw]\nservers = "127.0.0.1:{port}"\n')
            client = self.client_as(culvert, self.staff.client("alice"))
            client.send(b"inside")
            stream, _ = server.accept()
            with stream:
                self.assertEqual(stream.recv(100), b"inside")
            client.close()
            self.assertEqual(culvert.access_log(1)[0]["tls.client.subject"], "CN=alice,O=Test")

    def test_behind_a_proxy_header(self):
        culvert = self.with_clients(listener="proxy_protocol = true\n", access='fields = ["client.address", "tls.client.subject"]')
        alice = self.staff.client("alice")
        client = Client(("127.0.0.1", culvert.port))
        self.addCleanup(client.close)
        client.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 1000 443\r\n")
        context = self.context()
        context.load_cert_chain(alice.certificate, alice.key)
        client.sock = context.wrap_socket(client.sock, server_hostname="site.test")
        client.reader = Reader(client.sock)
        self.assertEqual(client.get("/").body, b"ok")
        self.assertEqual(culvert.access_log(1), [{"client.address": "192.0.2.7", "tls.client.subject": "CN=alice,O=Test"}])


if __name__ == "__main__":
    main()
