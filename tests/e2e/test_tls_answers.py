"""What would break: clients would not learn that a certificate still holds, get one that is not for whom they ask, or be
answered for a host that their connection is not for.
"""
import ssl

from client import Client
from harness import free_port, main, run_culvert, wait_until
from test_tls import ANSWER, TlsTest


class Profiles(TlsTest):
    def test_modern_is_1_3_alone(self):
        culvert = self.with_tls(tls='profile = "modern"')
        self.assertIn("alert protocol version", self.s_client(culvert, "-tls1_2"))
        for cipher in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
            self.assertIn(f"New, TLSv1.3, Cipher is {cipher}", self.s_client(culvert, "-ciphersuites", cipher))

    def test_intermediate_is_what_nobody_need_write(self):
        culvert = self.with_tls(tls='profile = "intermediate"')
        for version, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            self.assertIn(f"New, {name}", self.s_client(culvert, version))

    def test_no_protocol_is_asked_for_where_none_is_offered(self):
        culvert = self.with_tls(tls="alpn = []")
        self.assertIn("No ALPN negotiated", self.s_client(culvert, "-alpn", "imap"))
        self.assertEqual(self.curl(culvert).stdout, b"ok")


class Stapling(TlsTest):
    def issue(self):
        """A certificate for site.test with the one that signed it behind it, and a response about it."""
        issued = self.authority.issue("site.test")
        issued.certificate.write_text(issued.certificate.read_text() + self.authority.file.read_text())
        return issued

    def stapled(self, culvert, *arguments):
        return self.s_client(culvert, "-status", *arguments)

    def with_staple(self, issued, file):
        return self.culvert(ANSWER, listener='tls = "main"\n', threads=1,
                            more=f'[tls.main]\n{issued.toml()}ocsp = "{file}"\n')

    def next_update(self, culvert):
        return next(line for line in self.stapled(culvert).splitlines() if "Next Update" in line)

    def test_who_asks_gets_it(self):
        issued = self.issue()
        culvert = self.with_staple(issued, self.authority.ocsp(issued))
        for version in ("-tls1_2", "-tls1_3"):
            with self.subTest(version=version):
                told = self.stapled(culvert, version)
                self.assertIn("OCSP Response Status: successful", told)
                self.assertIn("Cert Status: good", told)
                self.assertNotIn("OCSP", self.s_client(culvert, version))
        self.assertEqual(self.curl(culvert, "--cert-status").stdout, b"ok")

    def test_reload_has_the_new_one(self):
        issued = self.issue()
        culvert = self.with_staple(issued, self.authority.ocsp(issued))
        before = self.next_update(culvert)
        self.authority.ocsp(issued, "-ndays", 300)
        culvert.reload(culvert.config_path.read_text())
        wait_until(lambda: self.next_update(culvert) != before, "the new response")

    def check(self, issued, file):
        config = self.folder / "check.toml"
        config.write_text(f'[listener.web]\naddress = "127.0.0.1:1"\ntls = "main"\n[tls.main]\nocsp = "{file}"\n{issued.toml()}{ANSWER}')
        return run_culvert("check", config)

    def test_what_is_wrong_with_the_file_is_said_with_its_place(self):
        issued, alone = self.issue(), self.authority.issue("alone.test")
        other = self.authority.issue("other.test")
        garbage = self.folder / "garbage.ocsp"
        garbage.write_text("nothing\n")
        for certificate, file, words in (
                (issued, garbage, "there is no OCSP response in it (DER)"),
                (issued, self.authority.ocsp(other), "it is about another certificate"),
                (alone, self.authority.ocsp(alone), "the certificate of who signed it has to stand behind its own")):
            with self.subTest(words=words):
                done = self.check(certificate, file)
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertIn(f'check.toml:5:8: error: "{file}": {words} [bad-ocsp]', done.stderr)
        self.assertIn("5:8: error: cannot read", self.check(issued, self.folder / "none.ocsp").stderr)
        self.assertEqual(self.check(issued, self.authority.ocsp(issued)).stderr, "")

    def test_one_that_does_not_help_is_a_warning_and_is_not_given(self):
        issued = self.issue()
        file = self.authority.ocsp(issued, revoked=True)
        done = self.check(issued, file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f'warning: the OCSP response in "{file}" does not say that the certificate is good [ocsp]', done.stderr)
        culvert = self.with_staple(issued, file)
        self.assertIn("OCSP response: no response sent", self.stapled(culvert))
        self.assertEqual(self.curl(culvert).stdout, b"ok")


class StrictTransport(TlsTest):
    """HSTS, RFC 6797."""

    def test_every_answer_over_tls_says_it_and_none_without(self):
        plain = free_port()
        origin = self.origin(lambda x: x.reply(200, b"page", [] if x.request.target == "/page" else
                                               [("Strict-Transport-Security", "max-age=1")]))
        culvert = self.with_tls(f'[[route]]\npath = "/gone"\nrespond = {{ status = 410 }}\n[[route]]\npath = "/moved"\n'
                                'redirect = { to = "https://{host}/page" }\n[[route]]\nhost = "site.test"\n'
                                f'upstream = "http://{origin.address}"\n', server='hsts = "365d"',
                                more=f'[listener.plain]\naddress = "127.0.0.1:{plain}"')
        secure = self.client(culvert)
        for path, status in (("/page", 200), ("/own", 200), ("/gone", 410), ("/moved", 308)):
            with self.subTest(path=path):
                response = secure.get(path)
                self.assertEqual(response.status, status)
                self.assertEqual(response.all("Strict-Transport-Security"), ["max-age=31536000"])
        nowhere = secure.get("/", host="nowhere.test")
        self.assertEqual(nowhere.status, 404)
        self.assertEqual(nowhere.all("Strict-Transport-Security"), ["max-age=31536000"])
        with Client(("127.0.0.1", plain)) as client:
            for path in ("/page", "/gone", "/moved"):
                self.assertEqual(client.get(path).all("Strict-Transport-Security"), [], path)

    def test_listener_says_it_for_itself(self):
        culvert = self.with_tls(server='hsts = "1d"', listener='hsts = "30d"\nhsts_options = "include_subdomains"\n')
        self.assertEqual(self.client(culvert).get("/").header("Strict-Transport-Security"),
                         "max-age=2592000; includeSubDomains")
        culvert.reload(culvert.config_path.read_text().replace('hsts = "30d"', 'hsts = "off"'))
        wait_until(lambda: "reloaded" in culvert.stderr(), "the reload")
        self.assertIsNone(self.client(culvert).get("/").header("Strict-Transport-Security"))


class Reloading(TlsTest):
    def test_handshake_ends_as_it_began(self):
        culvert = self.with_tls(certificates=[self.authority.issue(name) for name in ("first.test", "second.test")])
        waiting = Client(("127.0.0.1", culvert.port))
        self.addCleanup(waiting.close)
        self.assertEqual(self.presented(culvert, "second.test"), ["second.test"])  # by now it is taken up
        self.authority.issue("new.test", file="first.test")
        culvert.reload(culvert.config_path.read_text())
        wait_until(lambda: self.presented(culvert) == ["new.test"], "the reload")
        inside = self.context().wrap_socket(waiting.sock, server_hostname="second.test")
        self.addCleanup(inside.close)
        self.assertEqual(inside.getpeercert()["subjectAltName"], (("DNS", "second.test"),))


class Names(TlsTest):
    def test_unknown_ones_get_an_alert_where_that_is_asked(self):
        culvert = self.with_tls(tls='unknown_server_name = "refuse"')
        self.assertIn("unrecognized name", self.s_client(culvert, name="other.test"))
        context = self.context()
        context.check_hostname = False
        with self.assertRaisesRegex(ssl.SSLError, "UNRECOGNIZED_NAME"):
            self.client(culvert, None, context)
        self.assertEqual(self.curl(culvert).stdout, b"ok")
        self.assertEqual([record.get("error.type") for record in culvert.access_log(3)],
                         ["tls_server_name_refused", "tls_server_name_refused", None])

    def test_request_for_another_host_is_misdirected_where_that_is_asked(self):
        issued = [self.authority.issue("site.test"), self.authority.issue("other.test", "*.wild.test")]
        culvert = self.with_tls(tls='misdirected_requests = "refuse"', certificates=issued)
        client = self.client(culvert)
        for host, status in (("site.test", 200), (f"SITE.test:{culvert.port}", 200), ("other.test", 421), ("site.test.", 200),
                             ("127.0.0.1", 421), ("[::1]", 421), ("site.test", 200)):
            with self.subTest(host=host):
                response = client.get("/", host=host)
                self.assertEqual(response.status, status)
        client.send("GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n")
        self.assert_failure(client.response(), 421, "request_misdirected")
        self.assertEqual(self.client(culvert, "a.wild.test").get("/", host="b.wild.test").status, 200)
        self.assertEqual(culvert.access_log(3)[2]["error.type"], "request_misdirected")
        self.assertEqual(culvert.access_log(3)[2]["http.response.status_code"], 421)

    def test_otherwise_it_is_served(self):
        client = self.client(self.with_tls())
        self.assertEqual(client.get("/", host="other.test").body, b"ok")


if __name__ == "__main__":
    main()
