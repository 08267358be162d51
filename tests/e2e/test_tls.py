"""What would break: clients of a TLS listener would be served with a wrong certificate, by old protocols, or not at all; a
new certificate would cut connections, or a broken one take the site down.
"""
import hashlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess

from authority import Authority, Issued, openssl
from client import Aborted, Client, Reader
from harness import CulvertTest, UNTRACED_LEAKS, curl, free_port, main, run_culvert, wait_until

LAST_REQUEST = "GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n"
ANSWER = '[[route]]\nrespond = { status = 200, body = "ok" }\n'


class TlsTest(CulvertTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)

    def with_tls(self, routes=ANSWER, certificates=None, tls="", more="", **parts):
        """A daemon whose listener presents these, or one for site.test."""
        certificates = certificates or [self.authority.issue("site.test")]
        section = "".join(f"[[tls.main.certificate]]\n{each.toml()}" for each in certificates)
        parts = {"threads": 1, **parts}
        return self.culvert(routes, listener='tls = "main"\n' + parts.pop("listener", ""),
                            more=f"{more}\n[tls.main]\n{tls}\n{section}", **parts)

    def context(self):
        return ssl.create_default_context(cafile=self.authority.file)

    def client(self, culvert, name="site.test", context=None):
        """A raw client inside TLS that has verified the certificate."""
        client = Client(("127.0.0.1", culvert.port))
        self.addCleanup(client.close)
        client.sock = (context or self.context()).wrap_socket(client.sock, server_hostname=name)
        client.reader = Reader(client.sock)
        return client

    def curl(self, culvert, *arguments, host="site.test", path="/"):
        return curl("--cacert", self.authority.file, "--resolve", f"{host}:{culvert.port}:127.0.0.1", *arguments,
                    f"https://{host}:{culvert.port}{path}")

    def s_client(self, culvert, *arguments, name="site.test", text="Q\n"):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{culvert.port}", "-servername", name,
                               "-CAfile", self.authority.file, *map(str, arguments)], input=text, capture_output=True,
                              text=True, timeout=30, check=False)
        return done.stdout + done.stderr

    def presented(self, culvert, name=None):
        """The names of the certificate that a client gets who asks for that one."""
        context = self.context()
        context.check_hostname = False
        names = self.client(culvert, name, context).sock.getpeercert()["subjectAltName"]
        return [value for _, value in names]


class Serving(TlsTest):
    def test_curl_verifies_and_is_answered(self):
        # ROWS: server.event.connection.inject
        culvert = self.with_tls()
        done = self.curl(culvert, "-w", " %{ssl_verify_result} %{http_version}")
        self.assertEqual(done.stdout, b"ok 0 1.1", done.stderr)

    def test_wrong_name_is_for_the_client_to_notice(self):
        culvert = self.with_tls()
        self.assertEqual(self.curl(culvert, host="other.test").returncode, 60)

    def test_upstream_hears_of_https_and_the_log_too(self):
        origin = self.origin(lambda x: x.reply(200, x.request.header("X-Forwarded-Proto").encode()))
        culvert = self.with_tls(origin.route(), access='fields = ["url.scheme", "culvert.listener"]')
        self.assertEqual(self.curl(culvert).stdout, b"https")
        self.assertEqual(culvert.access_log(1), [{"url.scheme": "https", "culvert.listener": "web"}])

    def test_connection_is_kept(self):
        culvert = self.with_tls()
        client = self.client(culvert)
        for _ in range(3):
            self.assertEqual(client.get("/").body, b"ok")

    def test_pipelined_requests_in_one_record(self):
        culvert = self.with_tls()
        client = self.client(culvert)
        client.send(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n" * 20)
        for _ in range(20):
            self.assertEqual(client.response().body, b"ok")

    def test_large_bodies_both_ways(self):
        body = os.urandom(20 * 1024 * 1024)
        origin = self.origin(lambda x: x.reply(200, x.request.body))
        culvert = self.with_tls(origin.route())
        up = self.folder / "up"
        up.write_bytes(body)
        done = self.curl(culvert, "-T", up, path="/file")
        self.assertEqual(hashlib.sha256(done.stdout).digest(), hashlib.sha256(body).digest(), done.stderr)

    def test_slow_reader_holds_no_memory(self):
        size = 64 * 1024 * 1024
        origin = self.origin(lambda x: x.reply(200, b"x" * size))
        culvert = self.with_tls(origin.route())
        self.assertEqual(len(self.curl(culvert, path="/warm").stdout), size)
        before = culvert.rss_kib()
        client = self.client(culvert)
        client.request("GET", "/")
        wait_until(lambda: len(origin.requests) == 2, "the request")
        head = client.response_head()
        self.assertEqual(head.header("Content-Length"), str(size))
        self.assertLess(culvert.rss_kib() - before, 8 * 1024)

    def test_answer_until_the_end_ends_by_close_notify(self):
        def handler(exchange):
            exchange.send(b"HTTP/1.0 200 OK\r\n\r\nto the end")
            exchange.close()
        culvert = self.with_tls(self.origin(handler).route())
        client = self.client(culvert)
        client.request("GET", "/", version="HTTP/1.0")
        self.assertEqual(client.response().body, b"to the end")  # without close_notify Python's ssl raises

    def test_broken_upstream_is_no_end(self):
        def handler(exchange):
            exchange.send(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            exchange.close()
        culvert = self.with_tls(self.origin(handler).route())
        client = self.client(culvert)
        client.request("GET", "/")
        with self.assertRaises((Aborted, OSError)):
            client.response()

    def test_client_that_is_cut_off_has_aborted(self):
        origin = self.origin()
        culvert = self.with_tls(origin.route())
        client = self.client(culvert)
        client.request("POST", "/", [("Content-Length", "100")], b"half")
        wait_until(lambda: origin.connections, "the upstream's connection")
        client.sock.shutdown(socket.SHUT_WR)  # of the connection: no close_notify
        self.assertEqual(culvert.access_log(1)[0].get("error.type"), "client_aborted")

    def test_client_that_goes_between_two_requests_concerns_nobody(self):
        culvert = self.with_tls()
        client = self.client(culvert)
        client.request("GET", "/")
        self.assertEqual(client.response().body, b"ok")
        client.close()  # without close_notify, as Python's ssl does it
        self.assertEqual(self.curl(culvert).stdout, b"ok")
        self.assertEqual(culvert.stop(), 0)
        records = culvert.access_path.read_text().splitlines()
        self.assertEqual(len(records), 2, records)

    def test_self_signed_in_one_line(self):
        culvert = self.culvert(ANSWER, listener='tls = "self-signed"')
        self.assertEqual(curl("-k", f"https://localhost:{culvert.port}/").stdout, b"ok")
        self.assertIn("DNS:localhost", subprocess.run(
            ["openssl", "x509", "-noout", "-ext", "subjectAltName"], text=True, capture_output=True, check=True,
            input=ssl.get_server_certificate(("127.0.0.1", culvert.port))).stdout)

    def test_stop_in_the_middle_of_a_handshake(self):
        culvert = self.with_tls()
        waiting = Client(("127.0.0.1", culvert.port))
        self.addCleanup(waiting.close)
        waiting.send(b"\x16\x03\x01")
        self.assertEqual(self.curl(culvert).stdout, b"ok")
        self.assertEqual(culvert.stop(), 0)


class Certificates(TlsTest):
    def test_certificate_follows_the_name(self):
        issued = [self.authority.issue(*names) for names in (["first.test"], ["a.test", "b.test"], ["*.wild.test"])]
        culvert = self.with_tls(certificates=issued)
        for name, expected in ((None, ["first.test"]), ("b.test", ["a.test", "b.test"]), ("x.wild.test", ["*.wild.test"]),
                               ("x.y.wild.test", ["first.test"]), ("nobody.test", ["first.test"])):
            with self.subTest(name=name):
                self.assertEqual(self.presented(culvert, name), expected)

    def test_ecdsa_and_rsa_side_by_side(self):
        issued = [self.authority.issue("site.test", key=key, file=key) for key in ("rsa", "ec")]
        culvert = self.with_tls(certificates=issued)
        for algorithm, kind in (("ECDSA+SHA256", "ECDSA"), ("RSA-PSS+SHA256", "RSA-PSS")):
            with self.subTest(kind=kind):
                self.assertIn(f"Peer signature type: {kind}", self.s_client(culvert, "-sigalgs", algorithm))

    def test_new_certificate_disturbs_nobody(self):
        culvert = self.with_tls(certificates=[self.authority.issue("old.test", "site.test")])
        standing = self.client(culvert)
        self.assertEqual(standing.get("/").body, b"ok")
        self.authority.issue("new.test", "site.test", file="old.test")
        culvert.reload(culvert.config_path.read_text())
        wait_until(lambda: "new.test" in self.presented(culvert), "the new certificate")
        self.assertEqual(standing.get("/").body, b"ok")

    def test_broken_new_certificate_is_reported_and_the_old_one_kept(self):
        issued = self.authority.issue("site.test")
        culvert = self.with_tls(certificates=[issued])
        issued.key.write_bytes(self.authority.issue("other.test").key.read_bytes())
        culvert.reload(culvert.config_path.read_text())
        wait_until(lambda: "the key does not belong to the certificate" in culvert.stderr(), "the report")
        self.assertEqual(self.curl(culvert).stdout, b"ok")

    def test_what_did_not_change_keeps_its_sessions(self):
        culvert = self.with_tls()
        session = self.folder / "session"
        self.s_client(culvert, "-sess_out", session, "-ign_eof", text=LAST_REQUEST)
        culvert.reload(culvert.config_path.read_text().replace('body = "ok"', 'body = "new"'))
        wait_until(lambda: self.curl(culvert).stdout == b"new", "the reload")
        self.assertIn("Reused, TLSv1.3", self.s_client(culvert, "-sess_in", session))

    def test_sessions_go_on(self):
        culvert = self.with_tls()
        for version, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            with self.subTest(version=version):
                session = self.folder / f"session{version}"
                first = self.s_client(culvert, version, "-sess_out", session, "-ign_eof",
                                      text=LAST_REQUEST)
                self.assertIn(f"New, {name}", first)
                self.assertIn(f"Reused, {name}", self.s_client(culvert, version, "-sess_in", session))

    def check(self, tls):
        config = self.folder / "check.toml"
        config.write_text(f'[listener.web]\naddress = "127.0.0.1:1"\ntls = "main"\n[tls.main]\n{tls}\n{ANSWER}')
        return run_culvert("check", config)

    def test_what_is_wrong_with_files_is_said_with_its_place(self):
        right, other = self.authority.issue("right.test"), self.authority.issue("other.test")
        locked = self.folder / "locked.key"
        locked.write_text(subprocess.run(["openssl", "pkcs8", "-topk8", "-in", right.key, "-passout", "pass:x"],
                                         capture_output=True, text=True, check=True).stdout)
        weak = self.folder / "weak"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", f"{weak}.key", "-out",
                        f"{weak}.pem", "-subj", "/CN=weak.test"], check=True, capture_output=True)
        garbage = self.folder / "garbage.pem"
        garbage.write_text("no certificate\n")
        for certificate, key, words in ((right.certificate, other.key, "the key does not belong to the certificate"),
                                        (right.key, right.key, "there is no certificate in it"),
                                        (garbage, right.key, "there is no certificate in it"),
                                        (f"{weak}.pem", f"{weak}.key", "ee key too small")):
            with self.subTest(words=words):
                done = self.check(f'certificate = "{certificate}"\nkey = "{key}"')
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertIn(f'check.toml:5:15: error: "{certificate}": {words}', done.stderr)
                self.assertIn("[bad-certificate]", done.stderr)
        for key, words in ((right.certificate, "there is no private key in it"), (locked, "the key needs a passphrase")):
            with self.subTest(words=words):
                done = self.check(f'certificate = "{right.certificate}"\nkey = {{ file = "{key}" }}')
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertIn(f'check.toml:6:7: error: "{key}": {words}', done.stderr)
                self.assertIn("[bad-key]", done.stderr)

    def test_files_that_are_missing(self):
        right = self.authority.issue("right.test")
        done = self.check(f'certificate = "{self.folder}/none.pem"\nkey = "{right.key}"')
        self.assertIn("check.toml:5:15: error: cannot read", done.stderr)
        done = self.check(f'certificate = "{right.certificate}"')
        self.assertIn('check.toml:4:6: error: [tls.main] has no "key" [missing-key]', done.stderr)

    def test_times_of_certificates_are_warnings(self):
        for days, words in ((10, "ends on"), (0, "ended on")):
            with self.subTest(days=days):
                issued = self.authority.issue("site.test", days=days)
                done = self.check(issued.toml())
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(done.stderr, rf"warning: the certificate in \".*\" {words} \d{{4}}-\d\d-\d\d \[certificate-time\]")
        self.assertEqual(self.check(self.authority.issue("site.test", days=30).toml()).stderr, "")


class Watching(TlsTest):
    """Nobody sends a signal here."""

    def presents(self, culvert, name, asked=None):
        wait_until(lambda: name in self.presented(culvert, asked), f"the certificate for {name}")

    def renew(self, *names, into):
        """As most programs do it: new files take the places of those that were there."""
        issued = self.authority.issue(*names)
        for new, old in ((issued.key, into.key), (issued.certificate, into.certificate)):
            new.rename(old)

    def test_new_files_are_presented_and_nobody_is_disturbed(self):
        issued = self.authority.issue("old.test")
        culvert = self.with_tls(certificates=[issued])
        standing = self.client(culvert, "old.test")
        self.assertEqual(standing.get("/").body, b"ok")
        session = self.folder / "session"
        self.s_client(culvert, "-sess_out", session, "-ign_eof", text=LAST_REQUEST)
        self.renew("new.test", into=issued)
        self.presents(culvert, "new.test")
        self.assertEqual(standing.get("/").body, b"ok")
        self.assertIn("reloaded: revision 2: new certificates in [tls.main]", culvert.stderr())
        # What was agreed on under the old one is not gone on with; it does no harm to ask for it.
        self.assertIn("New, TLSv1.3", self.s_client(culvert, "-sess_in", session))

    def test_only_certificates_are_read(self):
        issued = self.authority.issue("old.test")
        culvert = self.with_tls(certificates=[issued])
        culvert.configure(culvert.config_path.read_text().replace('body = "ok"', 'body = "new"'))
        self.renew("new.test", into=issued)
        self.presents(culvert, "new.test")
        self.assertEqual(self.curl(culvert, host="new.test").stdout, b"ok")
        culvert.signal(signal.SIGHUP)
        wait_until(lambda: self.curl(culvert, host="new.test").stdout == b"new", "the reload")

    def test_secret_of_kubernetes(self):
        mount = self.folder / "mount"

        def update(version, *names):
            issued = self.authority.issue(*names)
            folder = mount / f"..{version}"
            folder.mkdir(parents=True)
            issued.certificate.rename(folder / "tls.crt")
            issued.key.rename(folder / "tls.key")
            (mount / "..data_tmp").symlink_to(folder.name)
            (mount / "..data_tmp").rename(mount / "..data")
        update("2026_1", "old.test")
        mounted = Issued(mount / "tls.crt", mount / "tls.key")
        for path in (mounted.certificate, mounted.key):
            path.symlink_to(f"..data/{path.name}")
        culvert = self.with_tls(certificates=[mounted])
        for round_ in range(2, 5):
            update(f"2026_{round_}", f"new{round_}.test")
            shutil.rmtree(mount / f"..2026_{round_ - 1}")
            self.presents(culvert, f"new{round_}.test")

    def test_broken_files_are_reported_and_tried_again(self):
        issued, other = self.authority.issue("old.test"), self.authority.issue("other.test")
        good = self.authority.issue("good.test")
        culvert = self.with_tls(certificates=[issued])
        for break_it, words in ((lambda: issued.key.write_bytes(other.key.read_bytes()),
                                 "the key does not belong to the certificate"),
                                (lambda: issued.certificate.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n"),
                                 "there is no certificate in it"),
                                (issued.certificate.unlink, "cannot read")):
            with self.subTest(words=words):
                break_it()
                wait_until(lambda: f"[tls.main] keeps its certificates: " in culvert.stderr() and words in culvert.stderr(),
                           "the report")
                self.assertEqual(self.presented(culvert), ["old.test"])
        good.certificate.rename(issued.certificate)
        good.key.rename(issued.key)
        self.presents(culvert, "good.test")

    def test_what_is_wrong_with_one_holds_up_no_other(self):
        broken, issued = self.authority.issue("broken.test"), self.authority.issue("old.test")
        culvert = self.with_tls(certificates=[issued], more=f"[tls.broken]\n{broken.toml()}")
        broken.key.unlink()
        self.renew("new.test", into=issued)
        self.presents(culvert, "new.test")
        self.assertIn("[tls.broken] keeps its certificates: cannot read", culvert.stderr())

    def test_not_where_nobody_wants_it(self):
        fixed, issued = self.authority.issue("fixed.test"), self.authority.issue("old.test")
        port = free_port()
        culvert = self.with_tls(certificates=[issued], more=f'[listener.fixed]\naddress = "127.0.0.1:{port}"\n'
                                f'tls = "fixed"\n[tls.fixed]\nwatch = false\n{fixed.toml()}')
        self.renew("changed.test", into=fixed)
        self.renew("new.test", into=issued)
        self.presents(culvert, "new.test")
        pem = ssl.get_server_certificate(("127.0.0.1", port))
        self.assertIn(b"DNS:fixed.test", openssl("x509", "-noout", "-ext", "subjectAltName", input=pem.encode()))

    def test_change_during_a_reload_is_not_lost(self):
        issued = self.authority.issue("name0.test")
        culvert = self.with_tls(certificates=[issued])
        for round_ in range(1, 6):
            self.renew(f"name{round_}.test", into=issued)
            culvert.signal(signal.SIGHUP)
        self.presents(culvert, "name5.test")

    def test_one_that_ends_soon_is_a_warning(self):
        issued, soon = self.authority.issue("old.test"), self.authority.issue("soon.test", days=10)
        culvert = self.with_tls(certificates=[issued])
        soon.key.rename(issued.key)
        soon.certificate.rename(issued.certificate)
        wait_until(lambda: re.search(rf'warn.* the certificate in "{issued.certificate}" ends on \d{{4}}-', culvert.stderr()),
                   "the warning")

    def test_without_inotify_it_is_said(self):
        culvert = self.with_tls(under=["strace", "-D", "-f", "-e", "inject=inotify_init1:error=EMFILE", "-e",
                                       "trace=inotify_init1", "-o", str(self.folder / "calls")], env=UNTRACED_LEAKS)
        wait_until(lambda: "inotify cannot watch certificates: Too many open files; they are looked at every 10 s instead"
                   in culvert.stderr(), "the warning")


class Refusing(TlsTest):
    def refused(self, culvert, reason, records=1):
        record = culvert.access_log(records)[-1]
        self.assertEqual(record["error.type"], reason, record)
        return record

    def test_plain_http_gets_a_readable_answer(self):
        culvert = self.with_tls()
        done = curl("-w", " %{http_code}", f"http://127.0.0.1:{culvert.port}/")
        self.assertTrue(done.stdout.endswith(b" 400"), done)
        self.assertIn(b"This port speaks TLS", done.stdout)
        self.refused(culvert, "tls_plain_http")

    def test_old_protocols_and_ciphers(self):
        culvert = self.with_tls()
        for arguments in (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-SHA"],
                          ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"]):
            with self.subTest(arguments=arguments):
                self.assertIn("alert", self.s_client(culvert, *arguments))

    def test_lowest_version(self):
        culvert = self.with_tls(tls='min_version = "1.3"')
        self.assertIn("alert protocol version", self.s_client(culvert, "-tls1_2"))
        self.assertIn("New, TLSv1.3", self.s_client(culvert, "-tls1_3"))

    def test_renegotiation_is_refused(self):
        culvert = self.with_tls()
        said = self.s_client(culvert, "-tls1_2", text="R\n")
        self.assertIn("RENEGOTIATING", said)
        self.assertIn(":no renegotiation:", said)
        self.assertEqual(self.curl(culvert).stdout, b"ok")

    def test_protocols_that_nobody_speaks(self):
        culvert = self.with_tls()
        self.assertIn("ALPN protocol: http/1.1", self.s_client(culvert, "-alpn", "h2,http/1.1"))
        self.assertIn("no application protocol", self.s_client(culvert, "-alpn", "h2"))

    def test_garbage(self):
        culvert = self.with_tls()
        with culvert.connect() as client:
            client.send(b"\x16\x03\x01\x00\x05hello")
            self.assertTrue(wait_until(lambda: culvert.access_log(1), "the record"))
        self.assertTrue(self.refused(culvert, "tls_handshake_failed")["error.cause"])
        self.assertEqual(self.curl(culvert).stdout, b"ok")

    def test_handshake_that_is_cut(self):
        culvert = self.with_tls()
        with culvert.connect() as client:
            client.send(b"\x16\x03\x01\x02\x00\x01")
        self.refused(culvert, "tls_handshake_failed")

    def test_silence(self):
        culvert = self.with_tls(tls='handshake_timeout = "200ms"')
        with culvert.connect() as client:
            self.assertTrue(client.is_closed())
        self.refused(culvert, "tls_handshake_timeout")

    def test_who_only_looks_is_not_reported(self):
        culvert = self.with_tls()
        culvert.connect().close()
        self.assertEqual(self.curl(culvert).stdout, b"ok")
        self.assertEqual([record.get("error.type") for record in culvert.access_log(1)], [None])


class Combined(TlsTest):
    def test_https_proxy(self):
        origin = self.origin(lambda x: x.reply(200, b"through"))
        port = origin.address.rpartition(":")[2]
        culvert = self.with_tls("", listener='mode = "forward"\ntunnel = "any"\n',
                                certificates=[self.authority.issue("localhost")],
                                more=f'[tunnel.any]\nprivate_networks = "allow"\nports = [{port}]\nhttp_ports = [{port}]\n')
        for extra in ([], ["--proxytunnel"]):
            with self.subTest(extra=extra):
                done = curl("--proxy", f"https://localhost:{culvert.port}", "--proxy-cacert", self.authority.file, *extra,
                            f"http://127.0.0.1:{port}/", "--noproxy", "")
                self.assertEqual(done.stdout, b"through", done.stderr)

    def test_behind_a_proxy_header(self):
        culvert = self.with_tls(listener="proxy_protocol = true\n", access='fields = ["client.address"]')
        client = Client(("127.0.0.1", culvert.port))
        self.addCleanup(client.close)
        outgoing, incoming = ssl.MemoryBIO(), ssl.MemoryBIO()
        inside = self.context().wrap_bio(incoming, outgoing, server_hostname="site.test")
        with self.assertRaises(ssl.SSLWantReadError):
            inside.do_handshake()
        # the header and the first bytes of the handshake at once
        client.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 1000 443\r\n" + outgoing.read())
        while True:
            try:
                inside.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(client.sock.recv(65536))
        inside.write(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
        client.send(outgoing.read())
        self.assertEqual(culvert.access_log(1)[0]["client.address"], "192.0.2.7")

    def test_raw_streams_inside(self):
        port = free_port()
        with socket.create_server(("127.0.0.1", port)) as server:
            culvert = self.with_tls("", listener='mode = "tcp"\nupstream = "raw"\n',
                                    more=f'[upstream.raw]\nservers = "127.0.0.1:{port}"\n')
            client = self.client(culvert)
            client.send(b"inside")
            stream, _ = server.accept()
            with stream:
                self.assertEqual(stream.recv(100), b"inside")
                stream.sendall(b"answer")
                self.assertEqual(client.sock.recv(100), b"answer")

    def test_node_and_its_agent(self):
        culvert = self.with_tls()
        program = ("const https = require('https');"
                   "const agent = new https.Agent({keepAlive: true, maxSockets: 1, ca: require('fs').readFileSync(process.argv[1])});"
                   "const ask = n => https.get({agent, host: '127.0.0.1', port: process.argv[2], servername: 'site.test',"
                   " headers: {Host: 'site.test'}}, r => { let t = r.socket.getProtocol() + ' '; r.on('data', d => t += d);"
                   " r.on('end', () => { console.log(t, n); if (n < 3) ask(n + 1); else agent.destroy(); }); });"
                   "ask(1);")
        done = subprocess.run(["node", "-e", program, self.authority.file, str(culvert.port)], capture_output=True, text=True,
                              timeout=30, check=False)
        self.assertEqual(re.findall(r"TLSv1.3 ok (\d)", done.stdout), ["1", "2", "3"], done.stderr)


if __name__ == "__main__":
    main()
