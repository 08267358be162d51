"""What would break: a tunnel that is allowed for one host would carry TLS to another, or tunnels that are right would be refused."""
import os
import socket
import ssl
import subprocess
import threading

from harness import PATIENCE, UNTRACED_LEAKS, curl, main, wait_until
from hellos import certificate, client_hello, in_records, with_extension
from test_tunnels import OPEN_TO_TESTS, TunnelTest
from tunnels import read_to_end

ENCRYPTED_CLIENT_HELLO = 0xfe0d
OUTER = b"\0" + bytes(20)
ACCESS_DENIED, DECODE_ERROR, MISSING_EXTENSION, UNRECOGNIZED_NAME = 49, 50, 109, 112


def alert(number):
    return bytes([21, 3, 3, 0, 2, 2, number])


class SniTest(TunnelTest):
    def setUp(self):
        super().setUp()
        self.received = []

    def keep(self, sock):
        """Notes all that comes, and ends with it."""
        received = b""
        try:
            while data := sock.recv(65536):
                received += data
        finally:
            self.received.append(received)

    def checked(self, tunnel="", **options):
        return self.forward_proxy(f"require_sni = true\n{tunnel}", **options)

    def opened(self, culvert, destination, host="localhost"):
        client = self.client(culvert)
        self.assertEqual(client.connect(f"{host}:{destination.port}").status, 200)
        return client

    def assert_refused(self, culvert, reason, first, answer=b"", host="localhost"):
        """Nothing of `first` goes to the destination; the client gets `answer`, or a reset."""
        destination = self.destination(self.keep)
        client = self.opened(culvert, destination, host)
        logged = len(culvert.access_log())
        client.send(first)
        if answer:
            self.assertEqual(read_to_end(client.sock), answer)
        else:
            with self.assertRaises(ConnectionResetError):
                client.sock.recv(1)
        wait_until(lambda: self.received, "the destination hearing of the end")
        self.assertEqual(self.received.pop(), b"")
        record = self.assert_logged(culvert, reason, 200, logged + 1)
        self.assertEqual((record["http.request.body.size"], record["http.response.body.size"]), (0, 0))
        return record


class Verdicts(SniTest):
    def test_the_right_name_passes_with_every_byte(self):
        destination = self.destination()
        culvert = self.checked()
        for host, name in (("localhost", "localhost"), ("LOCALHOST.", "localhost"), ("localhost", "LocalHost")):
            for hello in (client_hello(name), in_records(client_hello(name), 40),
                          with_extension(client_hello(name), 9999, bytes(8000))):
                with self.subTest(host=host, name=name, size=len(hello)):
                    client = self.opened(culvert, destination, host)
                    client.send(hello + b"what follows")
                    self.assertEqual(client.receive(len(hello) + 12), hello + b"what follows")
                    client.sock.shutdown(socket.SHUT_WR)
                    self.assertTrue(client.is_closed())
        record = culvert.access_log(9)[0]
        self.assertNotIn("error.type", record)
        self.assertNotIn("tls.client.server_name", record)
        self.assertGreater(record["http.request.body.size"], 200)

    def test_in_pieces_and_with_the_request(self):
        destination = self.destination()
        culvert = self.checked()
        hello = client_hello("localhost")
        client = self.client(culvert)
        self.assertEqual(client.connect(f"localhost:{destination.port}", early=hello[:100]).status, 200)
        for byte in hello[100:]:
            client.send(bytes([byte]))
        self.assertEqual(client.receive(len(hello)), hello)
        client = self.client(culvert)
        self.assertEqual(client.connect(f"localhost:{destination.port}", early=hello).status, 200)
        self.assertEqual(client.receive(len(hello)), hello)

    def test_another_name(self):
        culvert = self.checked()
        for name in ("other.test", "localhost.test", "xlocalhost"):
            record = self.assert_refused(culvert, "tunnel_sni_mismatch", client_hello(name), alert(UNRECOGNIZED_NAME))
            self.assertEqual(record["tls.client.server_name"], name)

    def test_no_name(self):
        self.assert_refused(self.checked(), "tunnel_sni_missing", client_hello(None), alert(MISSING_EXTENSION))

    def test_an_address_has_no_name(self):
        culvert = self.checked()
        self.assert_refused(culvert, "tunnel_sni_mismatch", client_hello("localhost"), alert(UNRECOGNIZED_NAME), "127.0.0.1")
        client = self.opened(culvert, self.destination(), "127.0.0.1")
        hello = client_hello(None)
        client.send(hello)
        self.assertEqual(client.receive(len(hello)), hello)

    def test_what_is_no_tls(self):
        culvert = self.checked()
        self.assert_refused(culvert, "tunnel_not_tls", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assert_refused(culvert, "tunnel_not_tls", b"SSH-2.0-client\r\n")

    def test_what_is_no_client_hello(self):
        culvert = self.checked()
        self.assert_refused(culvert, "tls_hello_malformed", b"\x16\x03\x01\x00\x06\x02\x00\x00\x00\x00\x00", alert(DECODE_ERROR))
        too_long = with_extension(client_hello("localhost"), 9999, bytes(16_384))
        record = self.assert_refused(culvert, "tls_hello_malformed", in_records(too_long, 16_000), alert(DECODE_ERROR))
        self.assertEqual(record["error.cause"], "the TLS ClientHello takes more than 16384 bytes")

    def test_encrypted_client_hello(self):
        hello = with_extension(client_hello("localhost"), ENCRYPTED_CLIENT_HELLO, OUTER)
        client = self.opened(self.checked(), self.destination())
        client.send(hello)
        self.assertEqual(client.receive(len(hello)), hello)
        self.assert_refused(self.checked('encrypted_client_hello = "deny"'), "tunnel_ech_denied", hello, alert(ACCESS_DENIED))

    def test_a_rule_may_say_otherwise(self):
        free = self.destination()
        rules = (f'allow = ["localhost:{free.port}"]\nprivate_networks = "allow"\nrequire_sni = false\n', OPEN_TO_TESTS)
        culvert = self.checked(rules=rules)
        client = self.opened(culvert, free)
        client.send("no TLS")
        self.assertEqual(client.receive(6), b"no TLS")
        self.assert_refused(culvert, "tunnel_not_tls", b"no TLS")
        rules = (f'require_sni = true\n{OPEN_TO_TESTS}',)
        self.assert_refused(self.forward_proxy(rules=rules), "tunnel_not_tls", b"no TLS")


class Waiting(SniTest):
    def test_a_client_that_says_nothing(self):
        def greet(sock):
            sock.sendall(b"220 welcome\r\n")
            self.keep(sock)
        culvert = self.checked('hello_timeout = "300ms"')
        client = self.opened(culvert, self.destination(greet))
        with self.assertRaises(ConnectionResetError):
            client.sock.recv(1)
        self.assert_logged(culvert, "tls_hello_timeout", 200)
        client = self.opened(culvert, self.destination())
        client.send(client_hello("localhost")[:100])
        with self.assertRaises(ConnectionResetError):
            client.sock.recv(1)
        self.assert_logged(culvert, "tls_hello_timeout", 200, 2)

    def test_the_time_is_for_the_hello_alone(self):
        culvert = self.checked('hello_timeout = "200ms"\nidle_timeout = "1s"')
        client = self.opened(culvert, self.destination())
        hello = client_hello("localhost")
        client.send(hello)
        self.assertEqual(client.receive(len(hello)), hello)
        with self.assertRaises(ConnectionResetError):
            client.sock.recv(1)
        self.assert_logged(culvert, "tunnel_idle_timeout", 200)

    def test_either_side_may_go(self):
        culvert = self.checked()
        self.opened(culvert, self.destination()).close()
        self.assert_logged(culvert, "client_aborted", 200)
        # Not before the tunnel stands: that would be a refusal.
        may_go = threading.Event()
        client = self.opened(culvert, self.destination(lambda sock: (may_go.wait(PATIENCE), self.reset(sock))))
        may_go.set()
        with self.assertRaises(ConnectionResetError):
            client.sock.recv(1)
        self.assert_logged(culvert, "tunnel_upstream_reset", 200, 2)

    @staticmethod
    def reset(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def test_a_stop_does_not_wait_for_it(self):
        culvert = self.checked(process='shutdown_timeout = "200ms"')
        client = self.opened(culvert, self.destination())
        culvert.stop()
        with self.assertRaises(ConnectionResetError):
            client.sock.recv(1)
        self.assert_logged(culvert, "tunnel_closed", 200)


class RealPrograms(SniTest):
    def tls_destination(self, answer):
        self.pem = certificate(self.folder / "localhost.pem", "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)

        def serve(sock):
            with context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False) as secure:
                secure.do_handshake()
                secure.recv(65536)
                secure.sendall(answer)
                secure.unwrap()
        return self.destination(serve)

    def test_curl(self):
        destination = self.tls_destination(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret")
        culvert = self.checked()
        through = ("--proxy", culvert.url(), "--cacert", self.pem)
        done = curl(*through, f"https://localhost:{destination.port}/")
        self.assertEqual((done.stdout, done.returncode), (b"secret", 0), done.stderr)
        done = curl(*through, "--connect-to", f"other.test:443:localhost:{destination.port}", "https://other.test/")
        self.assertEqual(done.returncode, 35, done.stderr)
        self.assertIn(b"unrecognized name", done.stderr)

    def test_openssl(self):
        destination = self.tls_destination(b"secret")
        culvert = self.checked()
        for name, expected in (("localhost", b"secret"), ("other.test", b"unrecognized name")):
            done = subprocess.run(["openssl", "s_client", "-proxy", f"127.0.0.1:{culvert.port}", "-connect",
                                   f"localhost:{destination.port}", "-servername", name, "-quiet"],
                                  input=b"x\n", capture_output=True, check=False, timeout=PATIENCE)
            self.assertIn(expected, done.stdout + done.stderr)

    def test_much_still_goes_through_a_pipe(self):
        much = os.urandom(16 * 1024 * 1024)
        hello = client_hello("localhost")

        def flood(sock):
            received = b""
            while len(received) < len(hello):
                received += sock.recv(len(hello) - len(received))
            sock.sendall(much)
            sock.shutdown(socket.SHUT_WR)
            self.keep(sock)
        culvert = self.checked(env=UNTRACED_LEAKS,
                               under=("strace", "-D", "-f", "-e", "trace=splice", "-o", str(self.folder / "calls")))
        client = self.opened(culvert, self.destination(flood))
        client.send(hello)
        writer = threading.Thread(target=lambda: (client.send(much), client.sock.shutdown(socket.SHUT_WR)))
        writer.start()
        self.assertTrue(client.receive(len(much)) == much)
        writer.join()
        wait_until(lambda: self.received, "the destination having it all")
        self.assertTrue(self.received[0] == much)
        wait_until(lambda: "splice(" in (self.folder / "calls").read_text(), "the kernel moving bytes")


if __name__ == "__main__":
    main()
