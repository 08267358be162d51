"""What would break: stopping, reloading and starting without anybody's request paying for it."""
import json
import re
import signal
import socket

from client import Client
from harness import CulvertTest, accepts, free_port, main, run_culvert, wait_until


def answer(text):
    return f'[[route]]\nrespond = {{ status = 200, body = "{text}" }}\n'


class HalfAnswers(CulvertTest):
    """An upstream that answers the first half at once and the second when the test says so."""

    HALF = b"x" * 50_000

    def setUp(self):
        super().setUp()

        def handler(exchange):
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + self.HALF)
            exchange.origin.released.wait(20)
            exchange.send(self.HALF)
        self.upstream = self.origin(handler)

    def begin(self, culvert):
        """A client that has the first half."""
        client = culvert.connect()
        self.addCleanup(client.close)
        client.request("GET", "/")
        response = client.response_head()
        self.assertEqual(client.reader.exactly(len(self.HALF)), self.HALF)
        return client, response

    def refuses(self, culvert):
        return not accepts(("127.0.0.1", culvert.port))


class Stopping(HalfAnswers):
    def test_running_requests_are_finished(self):
        # ROWS: server.close, server.event.close
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number=number):
                self.upstream.released.clear()
                culvert = self.culvert(self.upstream.route())
                client, _ = self.begin(culvert)
                culvert.signal(number)
                wait_until(lambda culvert=culvert: self.refuses(culvert), "the listener closing")
                self.upstream.released.set()
                self.assertEqual(client.reader.exactly(len(self.HALF)), self.HALF)
                self.assertTrue(client.is_closed())
                self.assertEqual(culvert.wait(), 0)

    def test_last_answer_says_close(self):
        def handler(exchange):
            exchange.origin.released.wait(20)
            exchange.reply(200, b"last")
        origin = self.origin(handler)
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            client.request("GET", "/")
            wait_until(lambda: origin.requests, "the request arriving")
            culvert.signal(signal.SIGTERM)
            wait_until(lambda: self.refuses(culvert), "the listener closing")
            origin.released.set()
            response = client.response()
            self.assertEqual((response.body, response.header("Connection")), (b"last", "close"))
            self.assertTrue(client.is_closed())
        self.assertEqual(culvert.wait(), 0)

    def test_idle_connections_do_not_hold_it_up(self):
        # ROWS: server.closeIdleConnections
        culvert = self.culvert(answer("x"), server='keep_alive_timeout = "1h"')
        clients = [culvert.connect() for _ in range(10)]
        for client in clients:
            self.addCleanup(client.close)
            client.get("/")
        culvert.signal(signal.SIGTERM)
        self.assertEqual(culvert.wait(10), 0)
        self.assertTrue(all(client.is_closed() for client in clients))

    def test_deadline(self):
        # ROWS: server.closeAllConnections
        culvert = self.culvert(self.upstream.route(), process='shutdown_timeout = "300ms"')
        client, _ = self.begin(culvert)
        culvert.signal(signal.SIGTERM)
        self.assertEqual(culvert.wait(10), 0)
        self.assertTrue(client.is_closed(), "half an answer, and everyone can see it")

    def test_second_signal_stops_at_once(self):
        culvert = self.culvert(self.upstream.route(), process='shutdown_timeout = "1h"')
        self.begin(culvert)
        culvert.signal(signal.SIGTERM)
        wait_until(lambda: self.refuses(culvert), "the listener closing")
        self.assertIsNone(culvert.process.poll(), "a request is still running")
        culvert.signal(signal.SIGTERM)
        self.assertEqual(culvert.wait(10), 0)

    def test_unix_socket_file_is_gone(self):
        # ROWS: server.listen.path
        path = self.folder / "culvert.sock"
        culvert = self.culvert(answer("x"), more=f'[listener.local]\naddress = "unix:{path}"\n')
        self.assertTrue(path.is_socket())
        self.assertEqual(culvert.stop(), 0)
        self.assertFalse(path.exists())


class Reloading(HalfAnswers):
    def reloaded(self, culvert, config, body):
        """Reloads, and waits until every worker answers new connections with `body`."""
        before = culvert.stderr().count("reloaded")
        culvert.reload(config)
        # An upstream of the old one may never answer whole.
        wait_until(lambda: culvert.stderr().count("reloaded") > before, "the reload")
        for _ in range(20):  # connections land on either worker
            wait_until(lambda: culvert.get("/").body == body, "the new configuration")

    def test_routes_change_and_connections_stay(self):
        port = free_port()
        culvert = self.culvert(answer("one"), port=port)
        with culvert.connect() as client:
            self.assertEqual(client.get("/").body, b"one")
            self.reloaded(culvert, self.config(port, answer("two")), b"two")
            self.assertEqual(client.get("/").body, b"two", "the same connection, the new routes")

    def test_running_download_is_not_touched(self):
        port = free_port()
        culvert = self.culvert(self.upstream.route(), port=port)
        client, _ = self.begin(culvert)
        self.reloaded(culvert, self.config(port, answer("two")), b"two")
        self.upstream.released.set()
        self.assertEqual(client.reader.exactly(len(self.HALF)), self.HALF)
        self.assertEqual(client.get("/").body, b"two")

    def test_pool_of_an_unchanged_upstream_is_kept(self):
        # ROWS: agent.constructor
        port, origin = free_port(), self.origin()
        culvert = self.culvert(origin.route('path = "/up"'), port=port, threads=1)
        culvert.get("/up")
        self.reloaded(culvert, self.config(port, origin.route('path = "/up"') + answer("two"), threads=1), b"two")
        culvert.get("/up")
        self.assertEqual(origin.connections, 1)

    def test_listener_comes_and_goes(self):
        # ROWS: server.class, server.listen, createServer, server.listening
        port, second = free_port(), free_port()
        more = f'[listener.second]\naddress = "127.0.0.1:{second}"\n'
        culvert = self.culvert(answer("one"), port=port)
        culvert.reload(self.config(port, answer("one"), more=more))
        wait_until(lambda: accepts(("127.0.0.1", second)), "the second listener")
        with Client(("127.0.0.1", second)) as client:
            self.assertEqual(client.get("/").body, b"one")
        culvert.reload(self.config(port, answer("one")))
        wait_until(lambda: not accepts(("127.0.0.1", second)), "the second listener closing")
        self.assertEqual(culvert.get("/").body, b"one")

    def test_bad_file_is_reported_and_the_old_one_kept(self):
        culvert = self.culvert(answer("one"))
        with culvert.connect() as client:
            culvert.reload(culvert.config_path.read_text() + "[upstreams.api]\n")
            message = r"culvert\.toml:\d+:2: error: unknown section"
            wait_until(lambda: re.search(message, culvert.stderr()), "the message")
            wait_until(lambda: 'did you mean "upstream"?' in culvert.stderr(), "the suggestion")
            self.assertEqual(client.get("/").body, b"one")
        self.assertEqual(culvert.get("/").body, b"one")

    def test_again_and_again_under_load(self):
        port, origin = free_port(), self.origin()
        culvert = self.culvert(origin.route(), port=port)
        with culvert.connect() as client:
            for turn in range(30):
                culvert.reload(self.config(port, origin.route(f'name = "turn {turn}"')))
                for _ in range(10):
                    self.assertEqual(client.get("/").body, b"ok")
                    self.assertEqual(culvert.get("/").body, b"ok")

    def test_access_log_is_reopened(self):
        culvert = self.culvert(answer("x"))
        culvert.get("/before")
        culvert.access_log(1)
        culvert.access_path.rename(culvert.folder / "rotated.log")
        culvert.signal(signal.SIGUSR1)
        wait_until(culvert.access_path.exists, "a new file")
        culvert.get("/after")
        self.assertEqual([record["url.path"] for record in culvert.access_log(1)], ["/after"])
        self.assertIn("/before", (culvert.folder / "rotated.log").read_text())


class Commands(CulvertTest):
    def file(self, text, name="culvert.toml"):
        path = self.folder / name
        path.write_text(text)
        return path

    def good(self):
        return self.config(free_port(), answer("x"))

    def test_check_of_a_good_file(self):
        path = self.file(self.good())
        for arguments in (["--config", path], [path]):
            self.assertEqual(run_culvert("check", *arguments).returncode, 0)

    def test_check_of_a_bad_file(self):
        path = self.file(self.good() + "[upstream.api]\nmax_socket = 1\n")
        done = run_culvert("check", "--config", path)
        self.assertEqual(done.returncode, 78)
        self.assertRegex(done.stdout + done.stderr,
                         r'culvert\.toml:\d+:1: error: unknown key "max_socket" in \[upstream\.api\]')

    def test_check_in_json(self):
        path = self.file("[upstreams.api]\n")
        done = run_culvert("check", "--json", "--config", path)
        self.assertEqual(done.returncode, 78)
        self.assertIn("unknown-section", json.dumps(json.loads(done.stdout)))

    def test_check_of_the_same_in_yaml(self):
        done = run_culvert("check", self.file("listener:\n  web:\n    address: 127.0.0.1:8080\nroute:\n"
                                              "  - respond: {status: 200, body: x}\n", "culvert.yaml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        done = run_culvert("check", self.file("listner:\n  web:\n    address: 127.0.0.1:8080\n", "bad.yaml"))
        self.assertEqual(done.returncode, 78)

    def test_wrong_usage(self):
        for arguments in (["frobnicate"], ["check", "--nonsense"], ["run", "--threads"]):
            self.assertEqual(run_culvert(*arguments).returncode, 2, arguments)

    def test_version(self):
        done = run_culvert("version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^culvert \d+\.\d+\.\d+")

    def test_start_with_a_bad_file(self):
        done = run_culvert("run", "--config", self.file("[listener.web]\naddress = 0.0.0.0:8080\n"))
        self.assertEqual(done.returncode, 78)
        self.assertIn("culvert.toml:2:11: error:", done.stderr)

    def test_start_without_a_file(self):
        done = run_culvert("run", "--config", self.folder / "nowhere.toml")
        self.assertEqual(done.returncode, 78)
        self.assertIn("nowhere.toml", done.stderr)

    def test_address_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = run_culvert("run", "--config", self.file(self.config(port, answer("x"))))
        self.assertEqual(done.returncode, 71)
        self.assertIn(f"127.0.0.1:{port}", done.stderr)
        self.assertIn("in use", done.stderr)


if __name__ == "__main__":
    main()
