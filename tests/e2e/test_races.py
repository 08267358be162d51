"""What would break: the moments in which one side leaves while the other speaks."""
import random
import socket
import threading

from harness import CulvertTest, curl, main, wait_until

MIB = 1024 * 1024


class KeepAliveRace(CulvertTest):
    """An upstream may close an idle connection just when the next request is on its way. Nobody is to notice."""

    REQUESTS = 100

    def assert_all_answered(self, culvert, pause=lambda: None):
        with culvert.connect() as client:
            for number in range(self.REQUESTS):
                response = client.get(f"/{number}")
                self.assertEqual((response.status, response.body), (200, b"/%d" % number))
                pause()
        self.assertEqual([record for record in culvert.access_log(self.REQUESTS) if "error.type" in record], [])

    def test_second_request_of_a_connection_is_never_answered(self):
        # ROWS: request.reusedSocket, request.reusedSocket.retry
        for end in ("close", "reset"):
            with self.subTest(end=end):
                served = set()

                def handler(exchange, served=served, end=end):
                    if exchange.request.connection in served:
                        return getattr(exchange, end)()
                    served.add(exchange.request.connection)
                    return exchange.reply(200, exchange.request.target.encode())
                origin = self.origin(handler)
                self.assert_all_answered(self.culvert(origin.route(), threads=1))
                self.assertEqual(origin.connections, self.REQUESTS)

    def test_connection_is_closed_about_when_the_next_request_comes(self):
        idle_limit = 0.002

        def handler(exchange):
            exchange.reply(200, exchange.request.target.encode())
            exchange.sock.settimeout(idle_limit)
            try:
                if exchange.wait_for_end():
                    exchange.close()
            except TimeoutError:
                exchange.close()
            exchange.sock.settimeout(20)
        chance = random.Random(42)
        clock = threading.Event()
        self.assert_all_answered(self.culvert(self.origin(handler).route(), threads=1),
                                 pause=lambda: clock.wait(chance.uniform(0, 2 * idle_limit)))


class ClientLeaves(CulvertTest):
    def leave(self, origin, *arguments):
        """A curl that has only half a second; returns the one record of the access log."""
        culvert = self.culvert(origin.route())
        done = curl("--max-time", "0.5", "-o", "/dev/null", *arguments, culvert.url())
        self.assertEqual(done.returncode, 28, done.stderr)
        [record] = culvert.access_log(1)
        self.assertEqual(record["error.type"], "client_aborted")
        return record

    def test_in_the_middle_of_a_download(self):
        def handler(exchange):
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while not exchange.origin.released.wait(0.01):
                exchange.send(b"x" * 1000)
        origin = self.origin(handler)
        record = self.leave(origin)
        self.assertEqual(record["http.response.status_code"], 200)
        wait_until(lambda: not origin.open, "the upstream's connection closing")

    def test_only_its_own_side(self):
        """Who has asked and finished sending (nc -N does) has not left: the answer is still owed."""
        def handler(exchange):
            exchange.origin.released.wait(20)
            exchange.reply(200, b"late")
        origin = self.origin(handler)
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            client.request("GET", "/")
            client.sock.shutdown(socket.SHUT_WR)
            wait_until(lambda: origin.requests, "the request arriving")
            origin.released.set()
            self.assertEqual(client.response().body, b"late")
            self.assertTrue(client.is_closed())

    def test_in_the_middle_of_an_upload(self):
        # ROWS: message.complete, request.events.order.signal, server.event.clientError.writable
        path = self.folder / "upload"
        path.write_bytes(bytes(MIB))
        origin = self.origin()
        self.leave(origin, "-T", path, "--limit-rate", "100K")
        wait_until(lambda: not origin.open, "the upstream's connection closing")
        self.assertEqual(len(origin.requests), 1)
        self.assertLess(len(origin.request().body), MIB)


class OneByteAtATime(CulvertTest):
    def test_both_sides(self):
        """A request and an answer in pieces of one byte, headers, chunks and trailers."""
        answer = (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                  b"5\r\nfirst\r\n6;x=y\r\nsecond\r\n0\r\nX-Sum: 1\r\n\r\n")

        def handler(exchange):
            for byte in answer:
                exchange.send(bytes([byte]))
        origin = self.origin(handler)
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for _ in range(2):
                for byte in (b"PUT /slow HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                             b"3\r\nabc\r\n00a\r\n0123456789\r\n0\r\nX-Up: 2\r\n\r\n"):
                    client.send(bytes([byte]))
                self.assertEqual(client.response().status, 103)
                response = client.response()
                self.assertEqual((response.status, response.body, response.trailers),
                                 (200, b"firstsecond", [("X-Sum", "1")]))
                self.assertEqual((origin.request().body, origin.request().trailers),
                                 (b"abc0123456789", [("X-Up", "2")]))


if __name__ == "__main__":
    main()
