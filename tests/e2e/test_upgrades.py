"""What would break: WebSockets and other protocols behind an Upgrade, which lose bytes or are cut, or requests that get past
the proxy as one of them.
"""
import os
import socket
import ssl
import threading

from client import Aborted
from harness import CulvertTest, free_port, main, run_culvert, wait_until
from tunnels import TunnelClient, connect_request

OPEN_TO_TESTS = '[tunnel.out]\n[[tunnel.out.rule]]\nallow = ["127.0.0.0/8:*"]\nprivate_networks = "allow"\n'


def switch(exchange, protocol="websocket", more="", rest=b"", connection="Upgrade"):
    """The upstream's 101, with what it says at once behind it."""
    exchange.send(f"HTTP/1.1 101 Switching\r\nConnection: {connection}\r\nUpgrade: {protocol}\r\n{more}\r\n".encode() + rest)
    exchange.close()  # of requests, there are no more


def echo(exchange):
    """Sends back what comes after the request, and the end when it comes."""
    while True:
        exchange.send(exchange.reader.take(len(exchange.reader.buffer)))
        if not exchange.reader.more():
            return


def switch_and_echo(exchange):
    switch(exchange)
    echo(exchange)


def upgrade_request(protocols="websocket", headers=(), target="/chat", body="", method="GET", version="1.1", host="site.test"):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return (f"{method} {target} HTTP/{version}\r\nHost: {host}\r\nConnection: keep-alive, Upgrade\r\n"
            f"Upgrade: {protocols}\r\n{lines}\r\n{body}")


class UpgradeTest(CulvertTest):
    def client(self, culvert):
        client = TunnelClient(("127.0.0.1", culvert.port))
        self.addCleanup(client.close)
        return client

    def ask(self, culvert, early="", **request):
        """The client and the answer."""
        client = self.client(culvert)
        client.send(upgrade_request(**request) + early)
        return client, client.response()

    def upgraded(self, culvert, **request):
        client, response = self.ask(culvert, **request)
        self.assertEqual(response.status, 101, response)
        return client

    def assert_echoes(self, client, what="something"):
        client.send(what)
        self.assertEqual(client.receive(len(what)), what.encode())


class Heads(UpgradeTest):
    def test_both_heads_and_their_record(self):
        # ROWS: request.event.information.not-101
        def answer(x):
            switch(x, more="Sec-WebSocket-Accept: yes\r\nSec-WebSocket-Extensions: permessage-deflate\r\nKeep-Alive: timeout=5\r\n"
                           "Content-Length: 5\r\nX-Nominated: 1\r\n", connection="upgrade, X-Nominated")
            echo(x)
        origin = self.origin(answer)
        culvert = self.culvert(origin.route('response_headers.set = { X-Set = "by the route" }\nname = "chat"'),
                               server='forwarded = { request_id = "X-Request-Id" }')
        given = [("Sec-WebSocket-Key", "dGhlIHNhbXBsZQ=="), ("Sec-WebSocket-Version", "13"),
                 ("Sec-WebSocket-Protocol", "a, b"), ("Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover"),
                 ("Origin", "http://site.test")]
        client, response = self.ask(culvert, headers=[*given, ("HTTP2-Settings", "AAMAAABk"), ("TE", "gzip")])
        self.assertEqual(response.status, 101)
        self.assertEqual(response.headers, [
            ("Sec-WebSocket-Accept", "yes"), ("Sec-WebSocket-Extensions", "permessage-deflate"), ("Via", "1.1 culvert"),
            ("X-Set", "by the route"), ("Connection", "Upgrade"), ("Upgrade", "websocket")])
        request = origin.request()
        self.assertEqual((request.all("Connection"), request.all("Upgrade")), (["Upgrade"], ["websocket"]))
        self.assertEqual([(name, request.header(name)) for name, _ in given], given)
        self.assertEqual((request.all("HTTP2-Settings"), request.all("TE")), ([], []))
        self.assert_echoes(client, "hello")
        client.sock.shutdown(socket.SHUT_WR)
        self.assertTrue(client.is_closed(), "the end came back")
        record = culvert.access_log(1)[0]
        self.assertEqual((record["http.request.method"], record["url.path"], record["http.response.status_code"]), ("GET", "/chat", 101))
        self.assertEqual((record["http.request.body.size"], record["http.response.body.size"]), (5, 5))
        self.assertEqual((record["culvert.route"], record["culvert.upstream"], record["culvert.server"], record["server.address"]),
                         ("chat", "origin", origin.address, "site.test"))
        self.assertEqual(record["culvert.request_id"], request.header("X-Request-Id"))
        self.assertNotIn("error.type", record)

    def test_only_allowed_protocols_are_asked_for(self):
        origin = self.origin(lambda x: x.reply(200, x.request.target.encode()))
        culvert = self.culvert(origin.route('upgrade = ["WebSocket", "irc/6.9"]'))
        with culvert.connect() as client:
            for asked, wanted in (("h2c, websocket", ["websocket"]), ("WEBSOCKET", ["WEBSOCKET"]), ("IRC/6.9,foo , websocket", ["IRC/6.9, websocket"]),
                                  ("h2c", []), ("foo", []), ("websocket/13", []), ("", []), ('"websocket"', []), ("websocket h2c", [])):
                with self.subTest(asked):
                    client.send(upgrade_request(asked))
                    self.assertEqual(client.response().status, 200)
                    self.assertEqual(origin.request().all("Upgrade"), wanted)
                    self.assertEqual(origin.request().all("Connection"), ["Upgrade"] if wanted else ["keep-alive"])
        self.assertEqual(origin.connections, 1)

    def test_upgrade_that_nobody_asked_for(self):
        origin = self.origin(lambda x: x.reply(200))
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for head in ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
                         "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n",
                         upgrade_request(version="1.0")):
                with self.subTest(head):
                    client.send(head)
                    self.assertEqual(client.response().status, 200)
                    self.assertEqual((origin.request().all("Upgrade"), origin.request().all("Connection")), ([], ["keep-alive"]))

    def test_trailers_may_still_come(self):
        origin = self.origin(lambda x: x.reply(200))
        culvert = self.culvert(origin.route())
        self.ask(culvert, headers=[("TE", "trailers")])
        self.assertEqual(origin.request().all("Connection"), ["Upgrade, TE"])

    def test_where_it_is_allowed(self):
        origin = self.origin(lambda x: x.reply(200))
        off = 'upgrade = []'
        other = 'upgrade = ["other"]'
        for server, listener, route, wanted in (("", "", "", "websocket"), (off, "", "", None), (off, "upgrade = [\"websocket\"]", "", "websocket"),
                                                ("", "", off, None), ("", off, 'upgrade = "websocket"', "websocket"),
                                                (other, "", "", "other"), ("", "", other, "other")):
            with self.subTest(server=server, listener=listener, route=route):
                culvert = self.culvert(origin.route(route), server=server, listener=listener)
                self.ask(culvert, protocols="websocket, other")
                self.assertEqual(origin.request().header("Upgrade"), wanted)

    def test_who_has_to_say_who_it_is(self):
        origin = self.origin(switch_and_echo)
        user = run_culvert("hash-password", "--cost", "1", "--user", "anna", input="secret").stdout.strip()
        culvert = self.culvert(origin.route('auth = "staff"'), more=f"[auth.staff]\nusers = '{user}'\n")
        client, response = self.ask(culvert)
        self.assert_failure(response, 401, "auth_required")
        client.send(upgrade_request(headers=[("Authorization", "Basic YW5uYTpzZWNyZXQ=")]))
        self.assertEqual(client.response().status, 101)
        client.sock.shutdown(socket.SHUT_WR)
        self.assertEqual(culvert.access_log(2)[1]["user.name"], "anna")


class Bytes(UpgradeTest):
    def test_early_bytes_of_the_client_come_first(self):
        # ROWS: server.event.upgrade
        early = "GET /not-a-request HTTP/1.1\r\nHost: a\r\n\r\n"
        origin = self.origin(switch_and_echo)
        culvert = self.culvert(origin.route())
        client = self.upgraded(culvert, early=early)
        client.send("more")
        self.assertEqual(client.receive(len(early) + 4), early.encode() + b"more")
        self.assertEqual(len(origin.requests), 1)

    def test_bytes_while_the_upstream_thinks(self):
        def think(x):
            x.origin.released.wait(20)
            switch_and_echo(x)
        origin = self.origin(think)
        culvert = self.culvert(origin.route())
        client = self.client(culvert)
        much = os.urandom(3_000_000)
        writer = threading.Thread(target=client.send, args=(upgrade_request().encode() + much,))
        writer.start()
        wait_until(lambda: origin.requests, "the request")
        origin.released.set()
        self.assertEqual(client.response().status, 101)
        self.assertEqual(client.receive(len(much)), much)
        writer.join()

    def test_bytes_behind_the_answer_come_first(self):
        # ROWS: request.event.upgrade
        def answer(x):
            switch(x, rest=b"HTTP/1.1 200 OK\r\n\r\n")
            echo(x)
        culvert = self.culvert(self.origin(answer).route())
        client = self.upgraded(culvert, early="and mine")
        self.assertEqual(client.receive(27), b"HTTP/1.1 200 OK\r\n\r\nand mine")

    def test_one_byte_at_a_time(self):
        def answer(x):
            for byte in b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst ":
                x.send(bytes([byte]))
            x.close()
            echo(x)
        culvert = self.culvert(self.origin(answer).route())
        client = self.client(culvert)
        for byte in (upgrade_request() + "early").encode():
            client.send(bytes([byte]))
        self.assertEqual(client.response().status, 101)
        self.assertEqual(client.receive(11), b"first early")

    def test_much_both_ways_at_once(self):
        much = os.urandom(8 * 1024 * 1024)
        received = []

        def serve(x):
            switch(x)
            writer = threading.Thread(target=x.send, args=(much,))
            writer.start()
            received.append(x.reader.to_end())
            writer.join()
        culvert = self.culvert(self.origin(serve).route())
        client = self.upgraded(culvert)
        writer = threading.Thread(target=lambda: (client.send(much), client.sock.shutdown(socket.SHUT_WR)))
        writer.start()
        self.assertEqual(client.receive(len(much)), much)
        writer.join()
        self.assertTrue(client.is_closed())
        self.assertEqual(received, [much])
        record = culvert.access_log(1)[0]
        self.assertEqual((record["http.request.body.size"], record["http.response.body.size"]), (len(much), len(much)))

    def test_a_client_that_has_said_all_before_the_answer(self):
        def think(x):
            x.origin.released.wait(20)
            switch_and_echo(x)
        origin = self.origin(think)
        client = self.client(self.culvert(origin.route()))
        client.send(upgrade_request() + "all")
        client.sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: origin.requests, "the request")
        origin.released.set()
        self.assertEqual(client.response().status, 101)
        self.assertEqual(client.receive(3), b"all")
        self.assertTrue(client.is_closed())

    def test_a_body_goes_first(self):
        origin = self.origin(lambda x: (switch(x, rest=x.request.body + b"|"), echo(x)))
        culvert = self.culvert(origin.route())
        for headers, body in (([("Content-Length", "5")], "hello"), ([("Transfer-Encoding", "chunked")], "5\r\nhello\r\n0\r\n\r\n")):
            with self.subTest(headers):
                client = self.client(culvert)
                client.send(upgrade_request(method="POST", headers=headers, body=body[:-3]))
                wait_until(lambda: origin.requests, "the head")
                client.send(body[-3:] + "early")
                self.assertEqual(client.response().status, 101)
                self.assertEqual(client.receive(11), b"hello|early")


class OverTls(UpgradeTest):
    def client(self, culvert):
        client = super().client(culvert)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        client.sock = client.reader.sock = context.wrap_socket(client.sock, server_hostname="site.test")
        self.addCleanup(client.sock.close)
        return client

    def test_bytes_both_ways(self):
        def think(x):
            x.origin.released.wait(20)
            switch(x, rest=b"mine first ")
            echo(x)
        for early in (b"", b"early", os.urandom(15_000), os.urandom(60_000)):
            with self.subTest(early=len(early)):
                origin = self.origin(think)
                culvert = self.culvert(origin.route(), listener='tls = "self-signed"')
                client = self.client(culvert)
                client.send(upgrade_request().encode() + early)
                wait_until(lambda origin=origin: origin.requests, "the request")
                origin.released.set()
                self.assertEqual(client.response().status, 101)
                self.assertEqual(client.receive(11 + len(early)), b"mine first " + early)
                self.assert_echoes(client)


class Refusals(UpgradeTest):
    def test_answers_that_change_to_something_else(self):
        answers = ("Connection: Upgrade\r\nUpgrade: other", "Connection: Upgrade\r\nUpgrade: websocket, h2c",
                   "Connection: Upgrade\r\nUpgrade: h2c", "Connection: Upgrade", "Upgrade: websocket",
                   "Connection: close\r\nUpgrade: websocket", "Connection: Upgrade\r\nUpgrade: ", "Connection: Upgrade\r\nUpgrade: websocket/2")
        for fields in answers:
            with self.subTest(fields):
                closed = []
                origin = self.origin(lambda x, fields=fields, closed=closed: (
                    x.send(f"HTTP/1.1 101 Switching\r\n{fields}\r\n\r\n"), closed.append(x.wait_for_end()), x.close()))
                culvert = self.culvert(origin.route())
                client, response = self.ask(culvert)
                self.assert_failure(response, 502, "upstream_upgrade_mismatch")
                wait_until(lambda closed=closed: closed == [True], "the connection to the upstream closed")
                self.assert_logged(culvert, "upstream_upgrade_mismatch", 502)
                self.assertEqual(len(origin.requests), 1, "nothing of this is tried again")
                self.assert_failure(client.get("/"), 502, "upstream_upgrade_unexpected")

    def test_answer_in_the_middle_of_the_request(self):
        origin = self.origin(switch, reads_body=False)
        culvert = self.culvert(origin.route())
        client = self.client(culvert)
        client.send(upgrade_request(method="POST", headers=[("Content-Length", "50")], body="some of it"))
        self.assert_failure(client.response(), 502, "upstream_upgrade_mismatch")

    def test_switched_off_it_stays_unexpected(self):
        culvert = self.culvert(self.origin(switch).route("upgrade = []"))
        self.assert_failure(self.ask(culvert)[1], 502, "upstream_upgrade_unexpected")

    def test_upstream_does_not_change(self):
        origin = self.origin(lambda x: x.reply(int(x.request.target[1:]), b"", [("Upgrade", "websocket")]))
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for status in (200, 403, 426, 503):
                client.send(upgrade_request(target=f"/{status}"))
                response = client.response()
                self.assertEqual((response.status, response.all("Upgrade")), (status, []))
                self.assertEqual(response.all("Connection"), ["keep-alive"])
            self.assertEqual(client.get("/200").status, 200)
        self.assertEqual(origin.connections, 1, "both connections are used again")

    def test_early_bytes_are_a_request_then(self):
        """By HTTP's own rules (RFC 9110 7.8): who asks for a change goes on in HTTP until there is a 101."""
        origin = self.origin(lambda x: x.reply(426, x.request.target.encode()))
        culvert = self.culvert(origin.route("response_headers.set = { X-Seen = \"yes\" }"))
        client, response = self.ask(culvert, early="GET /second HTTP/1.1\r\nHost: site.test\r\n\r\n")
        self.assertEqual(response.body, b"/chat")
        second = client.response()
        self.assertEqual((second.body, second.header("X-Seen")), (b"/second", "yes"), "seen by the proxy like any other")
        client.send(upgrade_request() + "\x81\x05hello\r\n\r\n")
        self.assertEqual(client.response().status, 426)
        self.assert_failure(client.response(), 400, "request_malformed")
        self.assertTrue(client.is_closed())

    def test_a_fake_upgrade_opens_no_way_around_the_routes(self):
        """An upstream that answers 426 to a wrong version must not be taken for one that has changed."""
        origin = self.origin(lambda x: x.reply(426 if x.request.header("Upgrade") else 200, x.request.target.encode()))
        denied = '[[route]]\npath = "/private/*"\nrespond = { status = 403 }\n'
        culvert = self.culvert(denied + origin.route())
        client, response = self.ask(culvert, headers=[("Sec-WebSocket-Version", "777")])
        self.assertEqual(response.status, 426)
        self.assertEqual(client.get("/private/x").status, 403)
        self.assertEqual([request.target for request in origin.requests], ["/chat"])

    def test_through_a_forward_proxy_a_request_stays_one(self):
        origin = self.origin(lambda x: x.reply(200))
        culvert = self.culvert(listener='mode = "forward"\ntunnel = "out"', more=OPEN_TO_TESTS)
        authority = f"127.0.0.1:{origin.port}"
        _, response = self.ask(culvert, target=f"http://{authority}/chat", host=authority)
        self.assertEqual((response.status, origin.request().all("Upgrade")), (200, []))

    def test_through_connect_everything_goes(self):
        origin = self.origin(switch_and_echo)
        culvert = self.culvert(listener='mode = "forward"\ntunnel = "out"', more=OPEN_TO_TESTS)
        client = self.client(culvert)
        client.send(connect_request(f"127.0.0.1:{origin.port}") + upgrade_request())
        self.assertEqual([client.response("CONNECT").status, client.response().status], [200, 101])
        self.assert_echoes(client)


class Connections(UpgradeTest):
    def test_one_of_the_pool_serves_as_well(self):
        origin = self.origin(lambda x: switch_and_echo(x) if x.request.header("Upgrade") else x.reply(200))
        culvert = self.culvert(origin.route(), threads=1)
        client = self.client(culvert)
        self.assertEqual(client.get("/").status, 200)
        client.send(upgrade_request())
        self.assertEqual(client.response().status, 101)
        self.assert_echoes(client)
        self.assertEqual(origin.connections, 1)

    def test_it_leaves_the_pool(self):
        # ROWS: agent.event.agentRemove
        origin = self.origin(lambda x: switch_and_echo(x) if x.request.header("Upgrade") else x.reply(200))
        culvert = self.culvert(origin.route().replace("[[route]]", "max_sockets = 1\n[[route]]"), threads=1)
        client = self.upgraded(culvert)
        self.assertEqual(culvert.get("/").status, 200, "there is room for one more")
        self.assert_echoes(client)
        self.assertEqual(origin.connections, 2)

    def test_connection_failures_are_tried_again(self):
        origin = self.origin(switch_and_echo)
        culvert = self.culvert(f'[upstream.two]\nservers = ["127.0.0.1:{free_port()}", "{origin.address}"]\n'
                               '[[route]]\nupstream = "two"\n')
        for _ in range(2):
            self.assert_echoes(self.upgraded(culvert))

    def test_stale_connections_are_tried_again(self):
        def once(x):
            if x.request.header("Upgrade"):
                return switch_and_echo(x)
            x.reply(200)
            return x.close()
        origin = self.origin(once)
        culvert = self.culvert(origin.route(), threads=1)
        for _ in range(5):
            self.assertEqual(culvert.get("/").status, 200)
            self.assert_echoes(self.upgraded(culvert))

    def test_nothing_is_tried_again_after_the_answer(self):
        origin = self.origin(lambda x: (switch(x), x.reset()))
        culvert = self.culvert(origin.route("retry.attempts = 5"))
        client = self.client(culvert)
        client.send(upgrade_request())
        try:
            client.response()
            client.reader.more()
        except (ConnectionResetError, Aborted):
            pass
        self.assert_logged(culvert, "tunnel_upstream_reset", 101)
        self.assertEqual(len(origin.requests), 1)

    def test_resets_are_passed_on(self):
        ended = []

        def serve(x):
            switch(x)
            if x.reader.exactly(1) == b"x":
                return x.reset()
            try:
                x.reader.more()
            except ConnectionResetError:
                ended.append("reset")
        culvert = self.culvert(self.origin(serve).route())
        client = self.upgraded(culvert)
        client.send("x")
        with self.assertRaises(ConnectionResetError):
            client.reader.more()
        self.assert_logged(culvert, "tunnel_upstream_reset", 101)
        client = self.upgraded(culvert)
        client.send("y")
        client.reset()
        wait_until(lambda: ended, "the upstream hearing of it")
        self.assert_logged(culvert, "tunnel_client_reset", 101, records=2)

    def test_client_that_goes_while_the_upstream_thinks(self):
        gone = []
        origin = self.origin(lambda x: (gone.append(x.wait_for_end()), x.close()))
        culvert = self.culvert(origin.route())
        for early in ("", "early"):
            client = self.client(culvert)
            client.send(upgrade_request() + early)
            wait_until(lambda: len(origin.requests) > len(gone), "the request")
            client.reset()
            wait_until(lambda: len(gone) == len(origin.requests), "the request given up")
            self.assert_logged(culvert, "client_aborted", None, records=len(gone))
        self.assertEqual(gone, [True, True])

    def test_they_count_as_connections(self):
        origin = self.origin(switch_and_echo)
        culvert = self.culvert(origin.route(), listener="max_connections = 1")
        first = self.upgraded(culvert)
        second = self.client(culvert)
        second.send(upgrade_request())
        second.sock.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            second.response()
        second.sock.settimeout(20)
        first.close()
        self.assertEqual(second.response().status, 101)

    def test_no_descriptor_is_left(self):
        culvert = self.culvert(self.origin(switch_and_echo).route())
        def descriptors():
            return len(os.listdir(f"/proc/{culvert.process.pid}/fd"))
        self.upgraded(culvert).close()
        culvert.access_log(1)
        count = descriptors()
        for _ in range(50):
            client = self.upgraded(culvert)
            self.assert_echoes(client)
            client.close()
        self.assertEqual(len(culvert.access_log(51)), 51)
        wait_until(lambda: descriptors() <= count, "all descriptors given back")


class Limits(UpgradeTest):
    def assert_ends(self, server, route, reason):
        culvert = self.culvert(self.origin(switch_and_echo).route(route), server=server)
        client = self.upgraded(culvert)
        with self.assertRaises(ConnectionResetError):
            client.reader.more()
        return self.assert_logged(culvert, reason, 101)

    def test_idle(self):
        short = 'upgrade_idle_timeout = "200ms"'
        long = 'upgrade_idle_timeout = "1h"'
        for server, route in ((short, ""), ("", short), (long, short), (long, 'idle_timeout = "200ms"'), ("", short + '\nidle_timeout = "1h"')):
            with self.subTest(server=server, route=route):
                self.assert_ends(server, route, "tunnel_idle_timeout")

    def test_lifetime(self):
        short = 'upgrade_max_lifetime = "300ms"'
        for server, route in ((short, ""), ('upgrade_max_lifetime = "1h"', short)):
            with self.subTest(server=server, route=route):
                self.assert_ends(server, route, "tunnel_lifetime")

    def test_no_limit_of_requests_is_one_of_streams(self):
        """Quiet for longer than a request may be, at any place: what cuts WebSockets elsewhere."""
        origin = self.origin(switch_and_echo)
        times = 'timeout = "200ms"\nkeep_alive_timeout = "200ms"\nrequest_timeout = "200ms"\nheaders_timeout = "200ms"\nsend_timeout = "200ms"'
        culvert = self.culvert(origin.route('response_timeout = "200ms"').replace("[[route]]", 'timeout = "200ms"\n[[route]]'), server=times)
        client = self.upgraded(culvert)
        client.sock.settimeout(1)
        with self.assertRaises(TimeoutError):
            client.reader.more()
        client.sock.settimeout(20)
        self.assert_echoes(client)


class Life(UpgradeTest):
    def test_reload_concerns_no_stream(self):
        # ROWS: server.closeAllConnections
        port = free_port()
        culvert = self.culvert(self.origin(switch_and_echo).route(), port=port)
        client = self.upgraded(culvert)
        culvert.reload(self.config(port, "[[route]]\nrespond = { status = 403 }\n"))
        wait_until(lambda: culvert.get("/").status == 403, "the reload")
        self.assert_echoes(client, "still here")

    def test_stopping_waits_for_streams(self):
        culvert = self.culvert(self.origin(switch_and_echo).route())
        client = self.upgraded(culvert)
        culvert.signal(15)
        wait_until(lambda: "stopping" in culvert.stderr(), "the stop")
        self.assert_echoes(client, "still here")
        client.sock.shutdown(socket.SHUT_WR)
        self.assertTrue(client.is_closed())
        self.assertEqual(culvert.wait(), 0)

    def test_the_deadline_ends_them(self):
        culvert = self.culvert(self.origin(switch_and_echo).route(), process='shutdown_timeout = "300ms"')
        client = self.upgraded(culvert)
        culvert.signal(15)
        self.assertTrue(client.is_closed())
        self.assertEqual(culvert.wait(), 0)
        self.assert_logged(culvert, "tunnel_closed", 101)


if __name__ == "__main__":
    main()
