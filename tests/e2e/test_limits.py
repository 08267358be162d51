"""What would break: the bounds that keep one client, or one busy upstream, from taking what is there for everybody."""
from client import Aborted, Client
from harness import CulvertTest, curl, free_port, main, wait_until

ANSWER = '[[route]]\nrespond = { status = 200, body = "ok" }\n'


class Connections(CulvertTest):
    def client(self, culvert):
        client = culvert.connect()
        self.addCleanup(client.close)
        return client

    def served(self, culvert):
        """A connection that has a place."""
        client = self.client(culvert)
        self.assertEqual(client.get("/").body, b"ok")
        return client

    def assert_waits(self, client):
        client.request("GET", "/")
        client.sock.settimeout(0.3)
        with self.assertRaises(TimeoutError, msg="an answer, although all places are taken"):
            client.response()
        client.sock.settimeout(20)

    def test_those_beyond_the_limit_wait_their_turn(self):
        for where in ({"more": "[limits]\nmax_connections = 2\n"}, {"listener": "max_connections = 2"}):
            with self.subTest(where=where):
                culvert = self.culvert(ANSWER, server='keep_alive_timeout = "1h"', **where)
                first, second = self.served(culvert), self.served(culvert)
                third = self.client(culvert)
                self.assert_waits(third)
                self.assertEqual(second.get("/").body, b"ok", "those inside notice nothing")
                first.close()
                self.assertEqual(third.response().body, b"ok")

    def test_limit_of_one_listener_is_not_that_of_another(self):
        port = free_port()
        culvert = self.culvert(ANSWER, server='keep_alive_timeout = "1h"', listener="max_connections = 1",
                               more=f'[listener.other]\naddress = "127.0.0.1:{port}"\n')
        self.served(culvert)
        self.assert_waits(self.client(culvert))
        with Client(("127.0.0.1", port)) as other:
            self.assertEqual(other.get("/").body, b"ok")

    def test_raised_limit_lets_them_in(self):
        port = free_port()
        limit = "[limits]\nmax_connections = {}\n"
        culvert = self.culvert(ANSWER, port=port, server='keep_alive_timeout = "1h"', more=limit.format(1))
        self.served(culvert)
        waiting = self.client(culvert)
        self.assert_waits(waiting)
        culvert.reload(self.config(port, ANSWER, server='keep_alive_timeout = "1h"', more=limit.format(2)))
        self.assertEqual(waiting.response().body, b"ok")

    def test_one_client_too_many_times(self):
        # ROWS: server.event.connection
        culvert = self.culvert(ANSWER, server='keep_alive_timeout = "1h"',
                               more="[limits]\nmax_connections_per_client = 2\n")

        def place():  # the harness has looked in before, and may not be gone yet
            client = self.client(culvert)
            try:
                return client if client.get("/").status == 200 else None
            except (Aborted, ConnectionError):
                return None
        first, second = (wait_until(place, "a place") for _ in range(2))
        self.assertTrue(self.client(culvert).is_closed(), "a third place")
        wait_until(lambda: "limits.max_connections_per_client" in culvert.stderr(), "the warning")
        self.assertEqual(curl("-f", "--interface", "127.0.0.2", culvert.url()).stdout, b"ok", "another client")
        first.close()
        wait_until(place, "a place that was given back")
        self.assertEqual(second.get("/").body, b"ok")


class UpstreamConnections(CulvertTest):
    def test_queue_for_a_connection_ends_in_time(self):
        def handler(exchange):
            exchange.origin.released.wait(20)
            exchange.reply(200, b"at last")
        origin = self.origin(handler)
        route = origin.route().replace("[[route]]", 'max_sockets = 1\nconnect_timeout = "300ms"\n[[route]]')
        culvert = self.culvert(route, threads=1)
        with culvert.connect() as busy, culvert.connect() as waiting:
            busy.request("GET", "/busy")
            wait_until(lambda: origin.requests, "the first request arriving")
            self.assert_failure(waiting.get("/waiting"), 503, "upstream_queue_timeout")
            self.assert_logged(culvert, "upstream_queue_timeout", 503)
            origin.released.set()
            self.assertEqual(busy.response().body, b"at last")
            self.assertEqual(waiting.get("/again").body, b"at last", "the client's connection is fine")
        self.assertEqual([request.target for request in origin.requests], ["/busy", "/again"])
        self.assertEqual(origin.connections, 1)

    def test_queue_for_a_connection_is_served_in_order(self):
        # ROWS: agent.maxSockets.queue
        origin = self.origin(lambda x: (x.origin.released.wait(20), x.reply(200, x.request.target.encode())))
        culvert = self.culvert(origin.route().replace("[[route]]", "max_sockets = 1\n[[route]]"), threads=1)
        clients = [culvert.connect() for _ in range(5)]
        for number, client in enumerate(clients):
            self.addCleanup(client.close)
            client.request("GET", f"/{number}")
        wait_until(lambda: origin.requests, "the first request arriving")
        origin.released.set()
        for number, client in enumerate(clients):
            self.assertEqual(client.response().body, b"/%d" % number)
        self.assertEqual(origin.connections, 1)


class Heads(CulvertTest):
    """Where exactly max_header_size lies, and which half of a head is told to be too large."""

    LIMIT = 4096

    def setUp(self):
        super().setUp()
        self.daemon = self.culvert(ANSWER, server='max_header_size = "4KiB"')

    def answer_to(self, head):
        with self.daemon.connect() as client:
            client.send(head)
            return client.response()

    def head_of(self, size):
        begin, end = "GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n"
        return begin + "x" * (size - len(begin) - len(end)) + end

    def test_field_of_twenty_kibibytes_and_of_a_megabyte(self):
        # ROWS: server.event.clientError.431
        for size in (20 * 1024, 1024 * 1024):
            self.assert_failure(self.answer_to(self.head_of(size)), 431, "request_headers_too_large")

    def test_target_of_twenty_kibibytes(self):
        self.assert_failure(self.answer_to(f"GET /{'x' * 20 * 1024} HTTP/1.1\r\nHost: a\r\n\r\n"), 414,
                            "request_target_too_long")

    def test_far_from_the_limit_on_both_sides(self):
        # ROWS: createServer.maxHeaderSize, http.maxHeaderSize
        self.assertEqual(self.answer_to(self.head_of(self.LIMIT - 200)).status, 200)
        self.assertEqual(self.answer_to(self.head_of(self.LIMIT + 200)).status, 431)


if __name__ == "__main__":
    main()
