"""What would break: raw streams would be cut, changed or held up, or TLS clients would reach the wrong server."""
import os
import socket
import ssl
import threading

from harness import CulvertTest, free_port, main, wait_until
from client import PATIENCE, Client
from hellos import certificate, client_hello, in_records

MIB = 1024 * 1024


class Server:
    """A raw server: serve(sock) for each connection, in a thread of its own."""

    def __init__(self, test, serve, path=None):
        self.listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.listener.bind(path or ("127.0.0.1", 0))
        self.listener.listen(64)
        self.address = f"unix:{path}" if path else f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.serve = serve
        self.connections = []
        test.addCleanup(self.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return  # closed
            sock.settimeout(6 * PATIENCE)
            self.connections.append(sock)
            threading.Thread(target=self.handle, args=(sock,), daemon=True).start()

    def handle(self, sock):
        try:
            self.serve(sock)
        except OSError:
            pass  # a peer may go away

    def close(self):
        self.listener.close()
        for sock in self.connections:
            sock.close()


def echo(sock):
    """Sends back what comes, and the end after it."""
    while data := sock.recv(MIB):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def named(name):
    """Says who it is after the client's first bytes, which it repeats."""
    def serve(sock):
        data = sock.recv(MIB)
        sock.sendall(name + b" " + data)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
    return serve


def receive_all(sock):
    parts = []
    while part := sock.recv(MIB):
        parts.append(part)
    return b"".join(parts)


class StreamTest(CulvertTest):
    FIELDS = ('fields = ["client.address", "client.port", "server.address", "http.request.body.size", "error.cause", '
              '"http.response.body.size", "duration", "culvert.listener", "culvert.upstream", "culvert.server", '
              '"culvert.retries", "error.type"]')

    def streams(self, listener, upstreams, more="", **parts):
        """A daemon with a listener of raw streams on its own port."""
        more += "".join(f'[upstream.{name}]\n{settings}\n' for name, settings in upstreams.items())
        return self.culvert("", listener=f'mode = "tcp"\n{listener}', more=more, access=self.FIELDS, **parts)

    def to(self, server, settings="", listener="", **parts):
        return self.streams(f'upstream = "db"\n{listener}', {"db": f'servers = ["{server.address}"]\n{settings}'}, **parts)

    def connect(self, culvert, **options):
        client = culvert.connect(**options)
        self.port = client.sock.getsockname()[1]
        return client

    def record(self, culvert):
        """Of the test's last connection: the harness has had its own, to see whether anybody listens."""
        def found():
            return [record for record in culvert.access_log() if record.get("client.port") == self.port]
        return wait_until(found, "the stream's record")[0]

    def assert_refused(self, culvert, first, reason):
        """A stream that begins so is reset without an answer; that may come while it still connects."""
        with self.assertRaises((ConnectionResetError, BrokenPipeError)):
            with self.connect(culvert) as client:
                client.send(first)
                client.sock.recv(1)
        wait_until(lambda: reason in [record.get("error.type") for record in culvert.access_log()], f"{reason} in a record")


class Relaying(StreamTest):
    def test_bytes_both_ways_and_a_record(self):
        server = Server(self, echo)
        culvert = self.to(server)
        with self.connect(culvert) as client:
            port = client.sock.getsockname()[1]
            for message in (b"hello", b"\0\xff\r\n\r\n", b"x" * 100_000):
                client.send(message)
                self.assertEqual(client.reader.exactly(len(message)), message)
            client.sock.shutdown(socket.SHUT_WR)
            self.assertTrue(client.is_closed())
        record = self.record(culvert)
        self.assertEqual((record["client.address"], record["client.port"]), ("127.0.0.1", port))
        self.assertEqual((record["http.request.body.size"], record["http.response.body.size"]), (100_011, 100_011))
        self.assertEqual((record["culvert.listener"], record["culvert.upstream"], record["culvert.server"]),
                         ("web", "db", server.address))
        self.assertGreater(record["duration"], 0)
        self.assertNotIn("error.type", record)

    def test_a_server_may_speak_first_and_ends_are_passed_on(self):
        def greet(sock):
            sock.sendall(b"220 ready\r\n")
            sock.shutdown(socket.SHUT_WR)
            self.heard = receive_all(sock)
        culvert = self.to(Server(self, greet))
        with self.connect(culvert) as client:
            self.assertEqual(receive_all(client.sock), b"220 ready\r\n", "the server has finished")
            client.send(b"still heard")
            client.sock.shutdown(socket.SHUT_WR)
            wait_until(lambda: getattr(self, "heard", None) == b"still heard", "the rest of the client's bytes")

    def test_unix_sockets_on_both_sides(self):
        server = Server(self, echo, path=str(self.folder / "db.sock"))
        path = str(self.folder / "front.sock")
        port = free_port()
        self.start(self.config(port, '[[route]]\necho = true\n') + f'[listener.raw]\naddress = "unix:{path}"\n'
                   f'mode = "tcp"\nupstream = "db"\n[upstream.db]\nservers = ["{server.address}"]\n', port)
        with Client(path) as client:
            client.send(b"hello")
            self.assertEqual(client.reader.exactly(5), b"hello")

    def test_much_with_a_slow_reader(self):
        data = os.urandom(MIB) * 64
        def flood(sock):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)
        culvert = self.to(Server(self, flood), threads=1)
        before = culvert.rss_kib()
        with self.connect(culvert, receive_buffer=4096) as client:
            got = client.sock.recv(1)
            self.assertLess(culvert.rss_kib() - before, 16 * 1024, "what a slow client does not take stays with the server")
            got += receive_all(client.sock)
            self.assertEqual(len(got), len(data))
            self.assertTrue(got == data)

    def test_a_reset_is_a_reset(self):
        server = Server(self, echo)
        culvert = self.to(server)
        with self.connect(culvert) as client:
            client.send(b"x")
            self.assertEqual(client.reader.exactly(1), b"x")
            client.reset()
        self.assertEqual(self.record(culvert)["error.type"], "client_aborted")

        def break_off(sock):
            sock.recv(1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
        culvert = self.to(Server(self, break_off))
        with self.connect(culvert) as client:
            client.send(b"x")
            with self.assertRaises(ConnectionResetError):
                client.sock.recv(1)
        self.assertEqual(self.record(culvert)["error.type"], "stream_upstream_reset")

    def test_a_quiet_stream_ends(self):
        culvert = self.to(Server(self, echo), listener='idle_timeout = "300ms"')
        with self.connect(culvert) as client:
            client.send(b"x")
            self.assertEqual(client.reader.exactly(1), b"x")
            self.assertTrue(client.is_closed())
        self.assertEqual(self.record(culvert)["error.type"], "stream_idle_timeout")

    def test_limits_on_connections_count_streams(self):
        culvert = self.to(Server(self, echo), more="[limits]\nmax_connections_per_client = 1\n")
        def echoes(client):
            try:
                client.send(b"x")
                return client.reader.more()
            except OSError:
                return False
        def connected():
            client = culvert.connect()
            self.addCleanup(client.close)
            return echoes(client) and client
        first = wait_until(connected, "a place")
        self.assertFalse(connected(), "one too many")
        self.assertTrue(echoes(first))

    def test_a_stop_waits_for_streams_and_then_cuts_them(self):
        culvert = self.to(Server(self, echo), process='shutdown_timeout = "1h"')
        with self.connect(culvert) as client:
            client.send(b"x")
            self.assertEqual(client.reader.exactly(1), b"x")
            culvert.signal(15)
            wait_until(lambda: "signal" in culvert.stderr() or "stop" in culvert.stderr(), "the stop")
            client.send(b"y")
            self.assertEqual(client.reader.exactly(1), b"y", "it goes on")
            culvert.signal(15)
            self.assertTrue(client.is_closed())
        self.assertEqual(culvert.wait(), 0)
        self.assertEqual(self.record(culvert)["error.type"], "stream_closed")

    def test_a_reload_leads_new_streams_and_leaves_old_ones(self):
        one, two = Server(self, named(b"one")), Server(self, named(b"two"))
        port = free_port()
        def config(server):
            return self.config(port, "", listener='mode = "tcp"\nupstream = "db"',
                               more=f'[upstream.db]\nservers = ["{server.address}"]')
        culvert = self.start(config(one), port)
        with culvert.connect() as old:
            wait_until(lambda: len(one.connections) > 1, "its server")
            culvert.reload(config(two))
            def leads_to_two():
                with self.connect(culvert) as client:
                    client.send(b"x")
                    return receive_all(client.sock) == b"two x"
            wait_until(leads_to_two, "the new configuration")
            old.send(b"x")
            self.assertEqual(receive_all(old.sock), b"one x")


class Connecting(StreamTest):
    def test_the_next_server_is_tried(self):
        server = Server(self, echo)
        closed = f"127.0.0.1:{free_port()}"
        culvert = self.streams('upstream = "db"', {"db": f'servers = ["{closed}", "{server.address}"]'}, threads=1)
        for _ in range(3):
            with self.connect(culvert) as client:
                client.send(b"x")
                self.assertEqual(client.reader.exactly(1), b"x")
        self.assertIn(1, [record["culvert.retries"] for record in culvert.access_log(4)])

    def test_no_server_answers(self):
        culvert = self.streams('upstream = "db"', {"db": f'servers = ["127.0.0.1:{free_port()}"]'})
        self.assert_refused(culvert, b"", "upstream_connect_refused")

    def test_a_server_that_never_answers(self):
        silent = self.address_that_never_answers()
        server = Server(self, echo)
        culvert = self.streams('upstream = "db"', {"db": f'servers = ["{silent}"]\nconnect_timeout = "200ms"'})
        self.assert_refused(culvert, b"", "upstream_connect_timeout")
        culvert = self.streams('upstream = "db"', {
            "db": f'servers = ["{silent}", "{server.address}"]\nconnect_timeout = "200ms"'}, threads=1)
        for _ in range(2):
            with self.connect(culvert) as client:
                client.send(b"x")
                self.assertEqual(client.reader.exactly(1), b"x")

    def test_a_client_that_leaves_while_it_is_connected(self):
        culvert = self.streams('upstream = "db"', {
            "db": f'servers = ["{self.address_that_never_answers()}"]\nconnect_timeout = "1h"'})
        self.connect(culvert).reset()
        self.assertEqual(self.record(culvert)["error.type"], "client_aborted")

    def test_servers_with_names(self):
        server = Server(self, echo)
        port = server.address.rpartition(":")[2]
        culvert = self.streams('upstream = "db"', {"db": f'servers = ["localhost:{port}"]\nfamily = 4'})
        with self.connect(culvert) as client:
            client.send(b"x")
            self.assertEqual(client.reader.exactly(1), b"x")
        culvert = self.streams('upstream = "db"', {"db": 'servers = ["nobody.invalid:1"]'})
        self.assert_refused(culvert, b"", "upstream_name_not_found")


class ByName(StreamTest):
    def led_by_name(self, rest='upstream = "rest"', **parts):
        servers = {name: Server(self, named(name.encode())) for name in ("a", "b", "rest")}
        listener = (f'{rest}\n[[listener.web.sni]]\nserver_name = ["a.example", "*.a.example"]\nupstream = "a"\n'
                    '[[listener.web.sni]]\nserver_name = ["*.example", "B.test"]\nupstream = "b"\n')
        return self.streams(listener, {name: f'servers = ["{server.address}"]' for name, server in servers.items()},
                            **parts)

    def answer(self, culvert, *pieces):
        with self.connect(culvert) as client:
            for piece in pieces:
                client.send(piece)
            return receive_all(client.sock)

    def test_each_name_has_its_upstream_and_its_bytes(self):
        culvert = self.led_by_name()
        for name, upstream in (("a.example", b"a"), ("www.A.example", b"a"), ("c.example", b"b"), ("b.test", b"b"),
                               ("example", b"rest"), ("xb.test", b"rest"), (None, b"rest")):
            hello = client_hello(name)
            self.assertEqual(self.answer(culvert, hello), upstream + b" " + hello, name)
        record = next(record for record in culvert.access_log(8) if record.get("server.address") == "www.a.example")
        self.assertEqual(record["culvert.upstream"], "a")

    def test_what_is_no_tls_goes_where_the_rest_goes(self):
        self.assertEqual(self.answer(self.led_by_name(), b"GET / HTTP/1.1\r\n\r\n"), b"rest GET / HTTP/1.1\r\n\r\n")

    def test_pieces_and_what_follows_are_passed_on_whole(self):
        def whole(sock):
            data = b""
            while b"the end" not in data:
                data += sock.recv(MIB)
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)
        server = Server(self, whole)
        culvert = self.streams('[[listener.web.sni]]\nserver_name = ["a.example"]\nupstream = "a"\n',
                               {"a": f'servers = ["{server.address}"]'})
        hello = client_hello("a.example")
        for stream in (hello, in_records(hello, 50)):
            stream += b"the end"
            self.assertEqual(self.answer(culvert, stream), stream)
            self.assertEqual(self.answer(culvert, *(bytes([byte]) for byte in stream)), stream)

    def test_without_a_place_for_the_rest_it_is_refused(self):
        culvert = self.led_by_name(rest="")
        self.assert_refused(culvert, client_hello("c.test"), "tls_name_unknown")
        self.assertIn("c.test", [record.get("server.address") for record in culvert.access_log()])

    def test_malformed_and_late_hellos_are_refused(self):
        culvert = self.led_by_name()
        self.assert_refused(culvert, b"\x16\x03\x01\x00\x06\x02\x00\x00\x00\x00\x00", "tls_hello_malformed")
        self.assertRegex(str(culvert.access_log()), "does not begin with a ClientHello")
        culvert = self.led_by_name(server='headers_timeout = "300ms"\nrequest_timeout = "1m"')
        with self.connect(culvert) as client:
            client.send(client_hello("a.example")[:50])
            self.assertTrue(client.is_closed())
        self.assertEqual(self.record(culvert)["error.type"], "tls_hello_timeout")

    def test_tls_goes_through_untouched(self):
        pem = certificate(self.folder / "certificate.pem", "a.example")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        def serve(sock):
            with context.wrap_socket(sock, server_side=True) as secure:
                secure.sendall(secure.recv(MIB).upper())
                secure.unwrap()
        server = Server(self, serve)
        culvert = self.streams('[[listener.web.sni]]\nserver_name = "a.example"\nupstream = "a"\n',
                               {"a": f'servers = ["{server.address}"]'})
        trusting = ssl.create_default_context(cafile=pem)
        with culvert.connect() as client, trusting.wrap_socket(client.sock, server_hostname="a.example") as secure:
            secure.sendall(b"hello")
            self.assertEqual(secure.recv(MIB), b"HELLO")


class ProxyProtocol(StreamTest):
    def test_it_goes_in_and_out(self):
        for version, expected in (("v1", b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"),
                                  ("v2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb")):
            culvert = self.to(Server(self, echo), f'send_proxy_protocol = "{version}"', "proxy_protocol = true")
            with self.connect(culvert) as client:
                client.send(b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nhello")
                client.sock.shutdown(socket.SHUT_WR)
                self.assertEqual(receive_all(client.sock), expected + b"hello")
            record = culvert.access_log(1)[0]
            self.assertEqual((record["client.address"], record["client.port"]), ("192.0.2.1", 56324))
            self.assertEqual(record["http.request.body.size"], 5, "the header is not the client's")

    def test_a_client_hello_may_follow_it(self):
        server = Server(self, named(b"a"))
        culvert = self.streams('proxy_protocol = true\n[[listener.web.sni]]\nserver_name = "a.example"\nupstream = "a"\n',
                               {"a": f'servers = ["{server.address}"]'})
        hello = client_hello("a.example")
        with self.connect(culvert) as client:
            client.send(b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n" + hello)
            self.assertEqual(receive_all(client.sock), b"a " + hello)


if __name__ == "__main__":
    main()
