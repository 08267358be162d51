"""What would break: config/egress.toml and config/forward.toml, which newcomers start from. Ports and networks are the
test's own; everything else is as it is shipped.
"""
import json

from harness import SOURCE_DIR, CulvertTest, free_port, main
from tunnels import Destination, TunnelClient, echo


class ShippedTest(CulvertTest):
    NAME = ""

    def start_shipped(self, **replacements):
        """The shipped file, where these texts stand for those of the test."""
        text = (SOURCE_DIR / "config" / self.NAME).read_text()
        port = free_port()
        for shipped, ours in {":3128": f":{port}", **replacements}.items():
            self.assertIn(shipped, text)
            text = text.replace(shipped, ours)
        return self.start(text, port)

    def destination(self):
        destination = Destination(echo)
        self.addCleanup(destination.close)
        return destination

    @staticmethod
    def connect(culvert):
        return TunnelClient(("127.0.0.1", culvert.port))

    def assert_echoes(self, culvert, authority):
        with self.connect(culvert) as client:
            answer = client.connect(authority)
            self.assertEqual(answer.status, 200, answer)
            client.send("hello")
            self.assertEqual(client.receive(5), b"hello")

    def assert_refused(self, culvert, authority, reason):
        with self.connect(culvert) as client:
            self.assert_failure(client.connect(authority), 403, reason)

    def rules(self, culvert):
        """The rule that decided about each target, once culvert has stopped: standard output has the records."""
        self.assertEqual(culvert.stop(), 0, culvert.stderr())
        records = [json.loads(line) for line in culvert.stdout().splitlines()]
        return {record["url.path"]: record.get("culvert.rule") for record in records}


class Egress(ShippedTest):
    NAME = "egress.toml"

    def test_database_of_this_machine(self):
        destination = self.destination()
        culvert = self.start_shipped(**{":5432": f":{destination.port}"})
        self.assert_echoes(culvert, destination.authority)
        self.assertEqual(self.rules(culvert), {destination.authority: "database"})

    def test_nothing_else(self):
        neighbour = self.destination()
        culvert = self.start_shipped()
        denied = ["elsewhere.test:443", "github.com:22", "github.com.elsewhere.test:443", "githubusercontent.com:443",
                  "192.0.2.1:443", "169.254.169.254:80", "localhost:5432", neighbour.authority]
        for authority in denied:
            self.assert_refused(culvert, authority, "destination_denied")
        with culvert.connect() as client:
            self.assert_failure(client.get("http://elsewhere.test/", host="elsewhere.test"), 403, "destination_denied")
        self.assertEqual(neighbour.connections, 0)
        self.assertEqual(self.rules(culvert), dict.fromkeys([*denied, "/"]))

    def test_only_tls_to_the_host_itself(self):
        destination = self.destination()
        culvert = self.start_shipped(**{'"github.com:443", "*.githubusercontent.com:443"]':
                                        f'"localhost:{destination.port}"]\nprivate_networks = ["127.0.0.1/32", "::1/128"]'})
        with self.connect(culvert) as client:
            self.assertEqual(client.connect(f"localhost:{destination.port}").status, 200)
            client.send("hello")
            self.assertTrue(client.is_closed())
        self.assertEqual(self.rules(culvert), {f"localhost:{destination.port}": "sources"})
        self.assertIn("tunnel_not_tls", culvert.stdout())

    def test_exception_comes_first(self):
        culvert = self.start_shipped()
        self.assert_refused(culvert, "gist.githubusercontent.com:443", "destination_denied")
        self.assertEqual(self.rules(culvert), {"gist.githubusercontent.com:443": "no snippets"})


class Forward(ShippedTest):
    NAME = "forward.toml"

    def test_inside(self):
        destination = self.destination()
        origin = self.origin()
        culvert = self.start_shipped(**{"10.20.0.0/16:443": f"127.0.0.0/8:{destination.port}",
                                        "10.20.0.0/16:80": f"127.0.0.0/8:{origin.port}", "10.20.": "127.0."})
        self.assert_echoes(culvert, destination.authority)
        self.assertEqual(culvert.get(f"http://{origin.address}/", host=origin.address).body, b"ok")
        self.assertEqual(self.rules(culvert), {destination.authority: "inside", "/": "inside"})

    def test_outside(self):
        culvert = self.start_shipped()
        private = ["localhost:443", "127.0.0.1:80", "192.168.0.1:443", "169.254.169.254:80", "10.99.0.1:443"]
        for authority in private:  # public ones would pass
            self.assert_refused(culvert, authority, "destination_not_public")
        other_ports = ["localhost:25", "192.0.2.1:25"]
        for authority in [*other_ports, "a.tracker.example:443"]:
            self.assert_refused(culvert, authority, "destination_denied")
        self.assertEqual(self.rules(culvert), {**dict.fromkeys(private, "outside"), **dict.fromkeys(other_ports),
                                               "a.tracker.example:443": "blocked"})

    def test_not_for_strangers(self):
        culvert = self.start_shipped(**{"\"127.0.0.0/8\", ": ""})
        self.assert_refused(culvert, "localhost:443", "destination_denied")


if __name__ == "__main__":
    main()
