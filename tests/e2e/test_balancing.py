"""What would break: requests go to the wrong server: to one that is broken, or leaves, or not to the one they should."""
import collections
import http.cookiejar
import threading
import urllib.request

from harness import CulvertTest, free_port, main, wait_until


class Balancing(CulvertTest):
    def setUp(self):
        super().setUp()
        self.broken = set()  # servers that say so when their health is asked

    def server(self, name):
        def handler(exchange):
            if exchange.request.target == "/healthz":
                return exchange.reply(500 if name in self.broken else 200, b"")
            return exchange.reply(200, name.encode())
        return self.origin(handler)

    def servers(self, names, more=None):
        self.addresses = {name: self.server(name).address for name in names}
        return "\n".join(f'[[upstream.api.server]]\naddress = "{address}"\n{(more or {}).get(name, "")}'
                         for name, address in self.addresses.items())

    def proxy(self, upstream, servers, **parts):
        return self.culvert(f'[upstream.api]\n{upstream}\n{servers}\n[[route]]\nupstream = "api"\n', **parts)

    def ask(self, proxy, times, **headers):
        with proxy.connect() as client:
            return collections.Counter(client.get("/", list(headers.items())).body.decode() for _ in range(times))

    def test_weights(self):
        proxy = self.proxy("", self.servers("abc", {"a": "weight = 3", "b": "weight = 2"}), threads=1)
        self.assertEqual(self.ask(proxy, 60), {"a": 30, "b": 20, "c": 10})

    def test_a_hash_finds_the_same_server_in_every_worker(self):
        proxy = self.proxy('balance = "consistent_hash"\nhash_on = "header:X-User"', self.servers("abcd"), threads=4)
        homes = {}
        for user in range(12):
            for _ in range(4):  # connections, of whichever worker
                (home,) = self.ask(proxy, 2, **{"X-User": f"user{user}"})
                self.assertEqual(homes.setdefault(user, home), home)
        self.assertGreater(len(set(homes.values())), 1)

    def test_a_cookie_brings_browsers_back(self):
        servers = self.servers("abc")
        proxy = self.proxy('affinity = { cookie = "home", max_age = "1h" }', servers, threads=2)
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        first = browser.open(proxy.url()).read()
        self.assertEqual([cookie.name for cookie in jar], ["home"])
        for _ in range(8):
            self.assertEqual(browser.open(proxy.url()).read(), first)

    def test_least_connections_counts_those_of_all_workers(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def slow(exchange):
            release.wait(20)
            exchange.reply(200, b"slow")
        slow_one = self.origin(slow)
        servers = (f'[[upstream.api.server]]\naddress = "{slow_one.address}"\n' + self.servers("b"))
        proxy = self.proxy('balance = "least_connections"', servers, threads=2)
        busy = []
        for _ in range(12):  # every one that the slow server gets stays there
            client = proxy.connect()
            self.addCleanup(client.close)
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            busy.append(client)
        wait_until(lambda: len(slow_one.requests) >= 1, "a request at the slow server")
        self.assertEqual(self.ask(proxy, 10), {"b": 10})
        self.assertLessEqual(len(slow_one.requests), 8)

    def test_a_backup_gets_nothing_until_it_has_to(self):
        proxy = self.proxy("health = { path = \"/healthz\", interval = \"100ms\", fall = 1, rise = 1 }",
                           self.servers("ab", {"b": "backup = true"}), threads=2)
        self.assertEqual(self.ask(proxy, 6), {"a": 6})
        self.broken.add("a")
        wait_until(lambda: set(self.ask(proxy, 4)) == {"b"}, "the backup's turn")
        self.broken.clear()
        wait_until(lambda: set(self.ask(proxy, 4)) == {"a"}, "the way back")
        # Workers know before it is logged.
        wait_until(lambda: "passes its health checks again" in proxy.stderr(), "the log says so")
        self.assertIn("is left out, for it does not pass its health checks: status 500", proxy.stderr())

    def test_health_is_asked_by_one_worker_and_known_to_all(self):
        origin_health = collections.Counter()
        lock = threading.Lock()

        def handler(exchange):
            if exchange.request.target == "/healthz":
                with lock:
                    origin_health["asked"] += 1
            exchange.reply(200, b"ok")
        origin = self.origin(handler)
        proxy = self.proxy('health = { path = "/healthz", interval = "200ms" }',
                           f'[[upstream.api.server]]\naddress = "{origin.address}"', threads=4)
        wait_until(lambda: origin_health["asked"] >= 5, "five questions")
        # Were all four asking, there would be four by the time of the first one's second.
        self.assertEqual(proxy.get("/").status, 200)
        connections = origin.connections
        wait_until(lambda: origin_health["asked"] >= 10, "five more")
        self.assertLessEqual(origin.connections - connections, 7)

    def test_a_reload_drains_a_server(self):
        proxy = self.proxy("", self.servers("ab"), threads=2)
        self.assertEqual(set(self.ask(proxy, 8)), {"a", "b"})
        text = proxy.config_path.read_text()
        address = self.addresses["a"]
        proxy.reload(text.replace(f'address = "{address}"', f'address = "{address}"\ndrain = true'))
        wait_until(lambda: "reloaded: revision 2" in proxy.stderr(), "the reload")
        self.assertEqual(self.ask(proxy, 8), {"b": 8})

    def test_a_server_that_refuses_is_left_out_and_said_so(self):
        servers = self.servers("ab")
        address = f"127.0.0.1:{free_port()}"
        proxy = self.proxy("", servers + f'\n[[upstream.api.server]]\naddress = "{address}"', threads=1)
        self.assertEqual(sum(self.ask(proxy, 30).values()), 30)
        retries = [record.get("culvert.retries", 0) for record in proxy.access_log(30)]
        self.assertEqual(sum(retries), 5, "then it is left out")
        self.assertIn(f"{address} is left out for 30 s after 5 failures in a row, the last: upstream_connect_refused",
                      proxy.stderr())


if __name__ == "__main__":
    main()
