"""What would break: the bounds that keep one client, or one busy upstream, from taking what is there for everybody."""
import os
import signal
import subprocess
import threading

from client import Aborted, Client
from harness import BINARY, CulvertTest, curl, free_port, main, run_culvert, wait_until

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

    def test_one_client_alone_leaves_room_for_others(self):
        culvert = self.culvert(ANSWER, server='keep_alive_timeout = "1h"', more="[limits]\nmax_connections = 10\n")
        clients = []

        def all_that_one_may_have():  # the harness has looked in before, and may not be gone yet
            clients.append(self.client(culvert))
            try:
                clients[-1].get("/")
            except (Aborted, ConnectionError):
                clients.pop().close()
            return len(clients) == 9
        wait_until(all_that_one_may_have, "nine places")
        self.assertTrue(self.client(culvert).is_closed(), "the tenth, which is kept for others")
        self.assertEqual(curl("-f", "--interface", "127.0.0.2", culvert.url()).stdout, b"ok", "another client")

    def test_trusted_peer_is_no_client(self):
        culvert = self.culvert(ANSWER, server='keep_alive_timeout = "1h"',
                               more='[limits]\nmax_connections_per_client = 1\n'
                                    '[server.forwarded]\ntrust = ["127.0.0.1/32"]\n')
        for _ in range(4):
            self.served(culvert)
        self.assertNotIn("max_connections_per_client", culvert.stderr())


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


class InterimAnswers(CulvertTest):
    def answers(self, count):
        """What a client gets where the upstream sends so many 1xx before its answer."""
        def handler(exchange):
            exchange.send("HTTP/1.1 103 Early Hints\r\n\r\n" * count)
            exchange.reply(200, b"done")
        culvert = self.culvert(self.origin(handler).route())
        with culvert.connect() as client:
            response = client.get("/")
            got = [response]
            while response.status == 103:
                response = client.response()
                got.append(response)
        return culvert, got

    def test_sixteen(self):
        _, got = self.answers(16)
        self.assertEqual([response.status for response in got], [103] * 16 + [200])

    def test_seventeen(self):
        culvert, got = self.answers(17)
        self.assertEqual([response.status for response in got[:-1]], [103] * 16)
        self.assert_failure(got[-1], 502, "upstream_response_malformed")
        record = self.assert_logged(culvert, "upstream_response_malformed", 502)
        self.assertIn("interim answers", record["error.cause"])


class Heads(CulvertTest):
    """Where exactly max_header_size lies, and which half of a head is told to be too large."""

    LIMIT = 4096
    LINES = 10

    def setUp(self):
        super().setUp()
        self.daemon = self.culvert(ANSWER, server='max_header_size = "4KiB"\nmax_headers_count = 10')

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

    def test_bytes_at_the_limit_and_one_more(self):
        # ROWS: createServer.maxHeaderSize, http.maxHeaderSize
        self.assertEqual(self.answer_to(self.head_of(self.LIMIT)).status, 200)
        self.assert_failure(self.answer_to(self.head_of(self.LIMIT + 1)), 431, "request_headers_too_large")

    def test_request_line_at_the_limit_and_one_byte_more(self):
        def line_of(size):
            begin, end = "GET /", " HTTP/1.1\r\n"
            return begin + "x" * (size - len(begin) - len(end)) + end
        host = "Host: a\r\n\r\n"
        self.assertEqual(self.answer_to(line_of(self.LIMIT - len(host)) + host).status, 200)
        self.assert_failure(self.answer_to(line_of(self.LIMIT) + host), 431, "request_headers_too_large")
        self.assert_failure(self.answer_to(line_of(self.LIMIT + 1) + host), 414, "request_target_too_long")

    def test_lines_at_the_limit_and_one_more(self):
        def head_of(lines):
            return "GET / HTTP/1.1\r\nHost: a\r\n" + "".join(f"X{i}: 1\r\n" for i in range(lines - 1)) + "\r\n"
        self.assertEqual(self.answer_to(head_of(self.LINES)).status, 200)
        self.assert_failure(self.answer_to(head_of(self.LINES + 1)), 431, "request_headers_too_large")


class Chunks(CulvertTest):
    """What may stand around the bytes of a chunked body."""

    def setUp(self):
        super().setUp()
        self.server = self.origin()
        self.daemon = self.culvert(self.server.route(), server='max_header_size = "4KiB"\nmax_headers_count = 10')

    def answer_to(self, chunks):
        with self.daemon.connect() as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
            return client.response()

    def test_trailer_lines_at_the_limit_and_one_more(self):
        def trailers(count):
            return "0\r\n" + "".join(f"X{i}: 1\r\n" for i in range(count)) + "\r\n"
        self.assertEqual(self.answer_to(trailers(10)).status, 200)
        self.assertEqual(len(self.server.request().trailers), 10)
        self.assert_failure(self.answer_to(trailers(11)), 431, "request_headers_too_large")

    def test_trailer_bytes_at_the_limit_and_one_more(self):
        def trailer_section(size):
            return "0\r\nX: " + "x" * (size - len("X: \r\n\r\n")) + "\r\n\r\n"
        self.assertEqual(self.answer_to(trailer_section(4096)).status, 200)
        self.assert_failure(self.answer_to(trailer_section(4097)), 431, "request_headers_too_large")

    def test_extensions_at_the_limit_and_one_byte_more(self):
        def extension(size):
            return "1;" + "e" * size + "\r\nx\r\n0\r\n\r\n"
        self.assertEqual(self.answer_to(extension(16 * 1024)).status, 200)
        self.assert_failure(self.answer_to(extension(16 * 1024 + 1)), 413, "request_chunk_extensions_too_large")


class HeadsOfAnswers(CulvertTest):
    def answer_of(self, head):
        origin = self.origin(lambda x: x.send(head))
        limits = 'max_header_size = "4KiB"\nmax_headers_count = 10\n[[route]]'
        return self.culvert(origin.route().replace("[[route]]", limits)).get("/")

    def test_bytes_at_the_limit_and_one_more(self):
        def head_of(size):
            begin, end = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ", "\r\n\r\n"
            return begin + "x" * (size - len(begin) - len(end)) + end
        self.assertEqual(self.answer_of(head_of(4096)).status, 200)
        self.assert_failure(self.answer_of(head_of(4097)), 502, "upstream_response_headers_too_large")

    def test_lines_at_the_limit_and_one_more(self):
        def head_of(lines):
            fields = "".join(f"X{i}: 1\r\n" for i in range(lines - 1))
            return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + fields + "\r\n"
        self.assertEqual(self.answer_of(head_of(10)).status, 200)
        self.assert_failure(self.answer_of(head_of(11)), 502, "upstream_response_headers_too_large")


class Pipelining(CulvertTest):
    def test_what_waits_its_turn_is_bounded(self):
        """However many requests a client sends at once, one is under way; culvert reads a buffer full of the others."""
        origin = self.origin(lambda x: (x.origin.released.wait(20), x.reply(200, x.request.target.encode())))
        culvert = self.culvert(origin.route(), threads=1)
        request = f"GET / HTTP/1.1\r\nHost: a\r\nX: {'x' * 1000}\r\n\r\n".encode()
        with culvert.connect() as client:
            client.send(request)
            wait_until(lambda: origin.requests, "the first request arriving")
            client.sock.settimeout(0.5)
            with self.assertRaises(TimeoutError, msg="culvert takes in all that a client sends"):
                for _ in range(64 * 1024):
                    client.send(request)
            self.assertEqual(len(origin.requests), 1)
            origin.released.set()


class Descriptors(CulvertTest):
    def test_connections_leave_enough_for_the_upstreams(self):
        """200 descriptors: 72 are kept, and of two for each connection 64 can be proxied at once."""
        most = 64
        origin = self.origin(lambda x: (x.origin.released.wait(20), x.reply(200, b"ok")))
        culvert = self.culvert(origin.route(), threads=1, server='keep_alive_timeout = "1h"',
                               more="[limits]\nmax_connections_per_client = 0\n", under=["prlimit", "--nofile=200:200"])
        clients = [culvert.connect() for _ in range(most + 1)]
        for client in clients:
            self.addCleanup(client.close)
            client.request("GET", "/")
        wait_until(lambda: len(origin.requests) >= most, "as many requests as there are places for")
        origin.released.set()
        for client in clients[:most]:
            self.assertEqual(client.response().body, b"ok")
        self.assertEqual(len(origin.requests), most, "one more than there is room for")
        clients[0].close()
        self.assertEqual(clients[most].response().body, b"ok", "its turn has come")
        self.assertNotIn("cannot accept", culvert.stderr())

    def test_connections_leave_enough_for_files(self):
        port = free_port()
        culvert = self.culvert(ANSWER, port=port, threads=1, server='keep_alive_timeout = "1h"',
                               under=["prlimit", "--nofile=200:200"])
        for _ in range(250):
            self.addCleanup(culvert.connect().close)
        wait_until(lambda: len(os.listdir(f"/proc/{culvert.process.pid}/fd")) > 64, "all places being taken")
        culvert.access_path.rename(self.folder / "old.log")
        culvert.signal(signal.SIGUSR1)
        wait_until(culvert.access_path.exists, "the new log")
        culvert.reload(self.config(port, ANSWER, server='keep_alive_timeout = "2h"'))
        wait_until(lambda: "reloaded: revision 2" in culvert.stderr(), "the reload")
        self.assertNotIn("cannot", culvert.stderr())

    def test_limit_beyond_the_descriptors_is_lowered(self):
        culvert = self.culvert(ANSWER, more="[limits]\nmax_connections = 1000\n", under=["prlimit", "--nofile=200:200"])
        warning = "limits.max_connections is 1000: the limit of open files, 200, lets 60 be"
        wait_until(lambda: warning in culvert.stderr(), "the warning")


class SlowClients(CulvertTest):
    def test_body_that_comes_too_slowly(self):
        origin = self.origin(reads_body=False, handler=lambda x: x.wait_for_end())
        culvert = self.culvert(origin.route(), server='min_body_rate = "1kB"\nmin_body_rate_interval = "300ms"')
        with culvert.connect() as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + "x" * 100)
            self.assert_failure(client.response(), 408, "request_timeout")
            self.assertTrue(client.is_closed())
        self.assert_logged(culvert, "request_timeout", 408)

    def test_body_that_comes_fast_enough(self):
        origin = self.origin(lambda x: x.reply(200, b"%d" % len(x.request.body)))
        culvert = self.culvert(origin.route(), server='min_body_rate = "1kB"\nmin_body_rate_interval = "300ms"')
        pause = threading.Event()
        with culvert.connect() as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n")
            for _ in range(10):
                client.send(b"x" * 1000)
                pause.wait(0.1)
            self.assertEqual(client.response().body, b"10000")

    def test_client_is_not_blamed_for_a_slow_upstream(self):
        def handler(exchange):
            exchange.origin.released.wait(1)
            exchange.reply(200, b"%d" % len(exchange.read_body()))
        origin = self.origin(handler, reads_body=False, receive_buffer=16 * 1024)
        culvert = self.culvert(origin.route(), server='min_body_rate = "1GB"\nmin_body_rate_interval = "200ms"')
        body = b"x" * 8 * 1024 * 1024
        with culvert.connect() as client:
            client.request("POST", "/", body=body)
            self.assertEqual(client.response().body, b"%d" % len(body))

    def test_client_that_takes_nothing(self):
        origin = self.origin(lambda x: x.reply(200, b"x" * 16 * 1024 * 1024))
        culvert = self.culvert(origin.route(), server='send_timeout = "300ms"')
        client = culvert.connect(receive_buffer=4096)
        self.addCleanup(client.close)
        client.request("GET", "/")
        self.assert_logged(culvert, "response_send_timeout", 200)

    def test_client_that_takes_it_slowly(self):
        size = 4 * 1024 * 1024
        origin = self.origin(lambda x: x.reply(200, b"x" * size))
        culvert = self.culvert(origin.route(), server='send_timeout = "400ms"')
        pause = threading.Event()
        with culvert.connect(receive_buffer=64 * 1024) as client:
            client.request("GET", "/")
            client.response_head()
            left = size
            while left > 0:
                part = client.reader.exactly(min(left, 512 * 1024))
                left -= len(part)
                pause.wait(0.1)
        self.assertNotIn("error.type", culvert.access_log(1)[0])


class Memory(CulvertTest):
    def test_new_requests_are_turned_away_until_there_is_room_again(self):
        origin = self.origin(lambda x: x.reply(200, b"x" * (16 * 1024 * 1024 if x.request.target == "/large" else 2)))
        culvert = self.culvert(origin.route(), threads=1, more='[limits]\nmemory = "1MiB"\n')
        slow = []

        def turned_away():
            self.assertLess(len(slow), 100, "clients that take nothing, with a megabyte for all of their answers")
            client = culvert.connect(receive_buffer=4096)
            self.addCleanup(client.close)
            slow.append(client)
            client.request("GET", "/large")
            head = client.response_head()
            return head if head.status == 503 else None
        self.assertEqual(culvert.get("/").status, 200)
        refusal = wait_until(turned_away, "the limit")
        self.assertGreater(len(slow), 5, "there is room for a megabyte of buffers")
        self.assertEqual((refusal.header("Retry-After"), refusal.has_token("Connection", "close")), ("5", True))
        with culvert.connect() as client:
            self.assert_failure(client.get("/"), 503, "overloaded")
            self.assertTrue(client.is_closed())
        for client in slow:
            client.close()
        wait_until(lambda: culvert.get("/").status == 200, "room")
        records = culvert.access_log(len(slow) + 3)
        self.assertIn(("overloaded", 503), {(x.get("error.type"), x["http.response.status_code"]) for x in records})
        wait_until(lambda: "requests are served again" in culvert.stderr(), "the end of it in the log")
        self.assertEqual(culvert.stderr().count("new requests are answered 503"), 1)
        self.assertEqual(culvert.stderr().count("requests are served again"), 1)


class List(CulvertTest):
    def test_every_limit_with_its_value_and_place(self):
        path = self.folder / "culvert.toml"
        path.write_text('[server]\nheaders_timeout = "10s"\n[listener.web]\naddress = "127.0.0.1:8080"\n'
                        'max_body_size = "1MiB"\n[[route]]\nname = "api"\nupstream = "api"\nresponse_timeout = "5s"\n'
                        '[upstream.api]\nservers = "127.0.0.1:3000"\nresponse_timeout = "20s"\n')
        done = run_culvert("check", "--limits", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
        for line in ("[limits]", "[listener.web]", f"headers_timeout 10s {path}:2:19",
                     f"max_body_size 1MiB {path}:5:17", "send_timeout 60s default", "[[route]] api",
                     f"response_timeout 5s {path}:9:20", f"idle_timeout 20s {path}:12:20", "[upstream.api]",
                     "connect_timeout 3s default"):
            self.assertIn(line, lines)

    def limits(self, more, *under):
        """What is listed, by name, of [limits] and a listener of which nothing is said."""
        path = self.folder / "culvert.toml"
        path.write_text(f'{more}\n[listener.web]\naddress = "127.0.0.1:8080"\n' + ANSWER)
        command = [*under, BINARY, "check", "--limits", path]
        done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
        listed = done.stdout[done.stdout.index("[limits]"):]
        return {line.split()[0]: " ".join(line.split()[1:]) for line in reversed(listed.splitlines())}

    def test_what_follows_from_the_machine(self):
        few = ("prlimit", "--nofile=100:200")
        limits = self.limits("[process]\nthreads = 1", *few)
        self.assertEqual(limits["max_connections"], "64 default (what the limit of open files, 200, lets be)")
        self.assertEqual(limits["max_connections_per_client"], "58 default (all but a tenth of max_connections)")
        self.assertEqual(limits["memory"], "2GiB default (2048MiB for each of 1 worker)")
        limits = self.limits('[process]\nthreads = 4\n[limits]\nmemory = "1GiB"\nmax_connections = 52', *few)
        self.assertRegex(limits["max_connections"], r"^52 \S+:5:19$")
        self.assertRegex(limits["memory"], r"^1GiB \S+:4:10 \(256MiB for each of 4 workers\)$")
        limits = self.limits("[process]\nthreads = 4\n[limits]\nmax_connections = 53", *few)
        self.assertRegex(limits["max_connections"], r"^52 \S+:4:19 \(what the limit of open files, 200, lets be\)$")

    def test_one_client_may_have_all_where_the_file_says_so(self):
        limits = self.limits("[limits]\nmax_connections_per_client = 0\nmax_connections = 30")
        self.assertRegex(limits["max_connections_per_client"],
                         r"^off \S+:2:30 \(max_connections bounds all clients together\)$")
        limits = self.limits("[limits]\nmax_connections_per_client = 30")
        self.assertRegex(limits["max_connections_per_client"], r"^30 \S+:2:30$")

    def test_upgrades_of_a_route_are_its_listeners_unless_it_says_so_itself(self):
        route = '[upstream.api]\nservers = "127.0.0.1:3000"\n[[route]]\nname = "chat"\nupstream = "api"\n'

        def of_route(more):
            path = self.folder / "culvert.toml"
            path.write_text(f'[listener.web]\naddress = "127.0.0.1:8080"\n{route}{more}')
            done = subprocess.run([BINARY, "check", "--limits", path], check=True, text=True, stdout=subprocess.PIPE)
            listed = done.stdout[done.stdout.index("[[route]] chat"):done.stdout.index("[upstream.api]")]
            return {line.split()[0]: line.split()[1] for line in listed.splitlines() if "upgrade" in line}
        self.assertEqual(of_route(""), {})
        self.assertEqual(of_route('idle_timeout = "9s"'), {"upgrade_idle_timeout": "9s"})
        self.assertEqual(of_route('idle_timeout = "9s"\nupgrade_idle_timeout = "8s"\nupgrade_max_lifetime = "1h"'),
                         {"upgrade_idle_timeout": "8s", "upgrade_max_lifetime": "1h"})

    def test_what_is_off_says_what_bounds_it_instead(self):
        limits = self.limits('[upstream.api]\nservers = "127.0.0.1:3000"\n'
                             '[[route]]\npath = "/api"\nupstream = "api"\n')
        self.assertEqual(limits["timeout"], "off default (every wait has a limit of its own)")
        off = [name for name, text in limits.items() if text.startswith("off")]
        self.assertLessEqual({"max_body_size", "max_requests_per_socket", "max_sockets"}, set(off))
        self.assertEqual([name for name in off if "(" not in limits[name]], [])


if __name__ == "__main__":
    main()
