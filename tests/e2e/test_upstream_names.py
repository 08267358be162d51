"""What would break: servers behind a name that moves, or behind the records of a service, would be asked where they no longer
are; a name server that is ill would take the site down.
"""
import collections
import time

from harness import CulvertTest, main, wait_until
from name_server import NameServer, fails, has, is_cut, own_network, serves, stands_for, use_file
from tunnels import TunnelClient

SERVICE = "_http._tcp.api.test"


class UpstreamNames(CulvertTest):
    def setUp(self):
        super().setUp()
        self.names = {}
        self.server = NameServer(self.names)
        self.addCleanup(self.server.close)
        self.there = {}

    def place(self, address, port=0):
        """A server at `address`, which answers with that, and its name in DNS."""
        origin = self.origin(lambda x: x.reply(200, address.encode()), host=address, port=port)
        self.there[address] = origin
        name = f"at-{address.replace(':', '').rpartition('.')[2]}.test"
        self.names[name] = has(address)
        return name, origin.port

    def proxy(self, upstream=f'servers = ["srv:{SERVICE}"]\nresolve = "100ms"', **parts):
        return self.culvert(f'[upstream.api]\n{upstream}\n[[route]]\nupstream = "api"\n', threads=1, **parts)

    def ask(self, proxy, times):
        with proxy.connect() as client:
            return collections.Counter(client.get("/").body.decode() for _ in range(times))


class Lifetimes(UpstreamNames):
    def test_addresses_hold_as_long_as_their_records_do(self):
        _, port = self.place("127.0.0.2")
        self.place("127.0.0.3", port)
        self.names.update({"short.test": has("127.0.0.2", ttl=1), "long.test": has("127.0.0.2", ttl=3600)})
        proxy = self.proxy(f'servers = ["short.test:{port}", "long.test:{port}"]\nbalance = "first"')
        self.assertEqual(self.ask(proxy, 4), {"127.0.0.2": 4})
        self.names["short.test"] = self.names["long.test"] = has("127.0.0.3", ttl=1)
        long = self.server.asked.count("long.test")
        short = self.server.asked.count("short.test")
        wait_until(lambda: self.server.asked.count("short.test") >= short + 4, "asking again, without a request")
        self.assertEqual(self.ask(proxy, 4), {"127.0.0.3": 4})
        self.assertEqual(self.server.asked.count("long.test"), long)

    def test_an_alias_holds_as_long_as_its_shortest_record(self):
        _, port = self.place("127.0.0.2")
        self.names["alias.test"] = stands_for("other.test", "127.0.0.2", ttl=3600, alias_ttl=1)
        self.proxy(f'servers = ["alias.test:{port}"]')
        wait_until(lambda: self.server.asked.count("alias.test") >= 6, "asking again")

    def test_a_fixed_time_comes_first(self):
        _, port = self.place("127.0.0.2")
        self.names["long.test"] = has("127.0.0.2", ttl=3600)
        self.proxy(f'servers = ["long.test:{port}"]\nresolve = "50ms"')
        wait_until(lambda: self.server.asked.count("long.test") >= 8, "asking again")

    def test_a_service_holds_as_long_as_its_targets_do(self):
        _, port = self.place("127.0.0.2")
        self.names.update({"short.test": has("127.0.0.2", ttl=1), SERVICE: serves((0, 0, port, "short.test"), ttl=3600)})
        self.proxy(f'servers = ["srv:{SERVICE}"]')
        wait_until(lambda: len(self.server.services) >= 3, "asking again")

    def test_a_name_of_the_hosts_file_is_not_asked_for(self):
        _, port = self.place("127.0.0.2")
        proxy = self.proxy(f'servers = ["hosts.test:{port}"]')
        self.assertEqual(self.ask(proxy, 2), {"127.0.0.2": 2})
        self.assertEqual(self.server.asked, [])

    def test_a_failure_is_told_once_and_so_is_its_end(self):
        _, port = self.place("127.0.0.2")
        self.names["moving.test"] = has("127.0.0.2", ttl=1)
        proxy = self.proxy(f'servers = ["moving.test:{port}"]')
        self.assertEqual(self.ask(proxy, 1), {"127.0.0.2": 1})
        self.names["moving.test"] = fails
        asked = len(self.server.asked)
        wait_until(lambda: len(self.server.asked) >= asked + 3, "asking again")
        self.assertEqual(self.ask(proxy, 4), {"127.0.0.2": 4})
        self.names["moving.test"] = has("127.0.0.2", ttl=1)
        wait_until(lambda: "can be looked up again" in proxy.stderr(), "hearing of the end")
        self.assertEqual(proxy.stderr().count("cannot be looked up: "), 1, proxy.stderr())
        self.assertIn("its last addresses stay in use", proxy.stderr())


class Families(UpstreamNames):
    """A name with an address of each family, of which one leads nowhere at first: it must cost nobody connect_timeout."""

    def setUp(self):
        super().setUp()
        _, self.port = self.place("127.0.0.2")
        self.hole = self.black_hole("::1", self.port)
        self.names["both.test"] = has("::1", "127.0.0.2")
        self.upstream = f'servers = ["both.test:{self.port}"]\nconnect_timeout = "15s"\nkeep_alive = false'

    def answers_soon(self, proxy):
        began = time.monotonic()
        self.assertEqual(self.ask(proxy, 20), {"127.0.0.2": 20})
        self.assertLess(time.monotonic() - began, 5)

    def test_requests(self):
        proxy = self.proxy(self.upstream)
        self.answers_soon(proxy)
        wait_until(lambda: "both.test:%d does not answer by IPv6" % self.port in proxy.stderr(), "telling the operator")
        for sock in self.hole:
            sock.close()
        self.place("::1", self.port)
        wait_until(lambda: set(self.ask(proxy, 4)) == {"127.0.0.2", "::1"}, "using both")
        self.assertIn("answers by both", proxy.stderr())

    def test_streams(self):
        proxy = self.culvert(f'[upstream.api]\n{self.upstream}\n', threads=1, listener='mode = "tcp"\nupstream = "api"')
        self.answers_soon(proxy)

    def test_a_target_of_a_service(self):
        self.names[SERVICE] = serves((0, 0, self.port, "both.test"))
        proxy = self.proxy(f'servers = ["srv:{SERVICE}"]\nconnect_timeout = "15s"\nkeep_alive = false')
        self.answers_soon(proxy)

    def test_a_tunnel(self):
        proxy = self.culvert(threads=1, listener='mode = "forward"\ntunnel = "out"',
                             more=f'[tunnel.out]\nprivate_networks = "allow"\nports = [{self.port}]\nconnect_timeout = "15s"\n')
        with TunnelClient(("127.0.0.1", proxy.port)) as client:
            began = time.monotonic()
            self.assertEqual(client.connect(f"both.test:{self.port}").status, 200)
            self.assertLess(time.monotonic() - began, 5)


class Services(UpstreamNames):
    def test_targets_ports_and_weights(self):
        (a, a_port), (b, b_port) = self.place("127.0.0.2"), self.place("127.0.0.3")
        self.names[SERVICE] = serves((5, 3, a_port, a), (5, 1, b_port, b))
        proxy = self.proxy(f'servers = ["srv:{SERVICE}"]')
        self.assertEqual(self.ask(proxy, 40), {"127.0.0.2": 30, "127.0.0.3": 10})
        self.assertEqual({record["culvert.server"] for record in proxy.access_log(40)}, {f"{a}:{a_port}", f"{b}:{b_port}"})

    def test_other_priorities_are_backups(self):
        (a, a_port), (b, b_port) = self.place("127.0.0.2"), self.place("127.0.0.3")
        self.names[SERVICE] = serves((20, 0, b_port, b), (10, 0, a_port, a))
        proxy = self.proxy(f'servers = ["srv:{SERVICE}"]\nresolve = "50ms"\n'
                           'health = { type = "tcp", interval = "50ms", fall = 1, rise = 1 }')
        self.assertEqual(self.ask(proxy, 10), {"127.0.0.2": 10})
        self.names["at-2.test"] = has("127.0.0.4")  # where nobody is
        wait_until(lambda: "is left out" in proxy.stderr(), "noticing that nobody is there")
        self.assertEqual(self.ask(proxy, 10), {"127.0.0.3": 10})

    def test_records_that_change(self):
        (a, a_port), (b, b_port) = self.place("127.0.0.2"), self.place("127.0.0.3")
        self.names[SERVICE] = serves((0, 0, a_port, a))
        proxy = self.proxy()
        self.assertEqual(self.ask(proxy, 4), {"127.0.0.2": 4})
        self.names[SERVICE] = serves((0, 0, b_port, b))
        wait_until(lambda: self.ask(proxy, 4) == {"127.0.0.3": 4}, "following the records")

    def test_failures_keep_the_last_good_answer(self):
        name, port = self.place("127.0.0.2")
        self.names[SERVICE] = serves((0, 0, port, name))
        proxy = self.proxy()
        self.assertEqual(self.ask(proxy, 4), {"127.0.0.2": 4})
        for wrong in (fails, serves(), serves((0, 0, 0, "")), is_cut, serves((0, 0, port, "nobody.test"))):
            for answer in (wrong, serves((0, 0, port, name))):
                self.names[SERVICE] = answer
                asked = len(self.server.services)
                wait_until(lambda: len(self.server.services) > asked, "asking again")
                self.assertEqual(self.ask(proxy, 4), {"127.0.0.2": 4})

    def test_what_is_no_service(self):
        self.names.update({"_a._tcp.test": serves(), "_b._tcp.test": is_cut, "_c._tcp.test": fails,
                           "_d._tcp.test": serves((0, 0, 0, ""))})
        for name in ("_a._tcp.test", "_b._tcp.test", "_c._tcp.test", "_d._tcp.test", "_unknown._tcp.test"):
            proxy = self.proxy(f'servers = ["srv:{name}"]')
            self.assert_failure(proxy.get("/"), 502, "upstream_name_not_found")

    def test_the_target_is_the_host_where_the_upstream_s_is_sent(self):
        name, port = self.place("127.0.0.2")
        self.names[SERVICE] = serves((0, 0, port, name))
        proxy = self.proxy(f'servers = ["srv:{SERVICE}"]\nhost_header = "upstream"')
        proxy.get("/")
        self.assertEqual(self.there["127.0.0.2"].requests[0].header("Host"), f"{name}:{port}")

    def test_streams(self):
        name, port = self.place("127.0.0.2")
        self.names[SERVICE] = serves((0, 0, port, name))
        proxy = self.culvert(f'[upstream.api]\nservers = ["srv:{SERVICE}"]\n', threads=1,
                             listener='mode = "tcp"\nupstream = "api"')
        self.assertEqual(self.ask(proxy, 2), {"127.0.0.2": 2})


if __name__ == "__main__":
    own_network()
    use_file("/etc/hosts", "127.0.0.2 hosts.test\n")
    main()
