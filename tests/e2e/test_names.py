"""What would break: whoever runs a name server could lead a client of the proxy into the operator's own network; a name
that cannot be looked up would leave its client without an answer, or without a reason.
"""
from harness import CulvertTest, main
from name_server import NameServer, circle, fails, has, in_turn, is_silent, own_network, stands_for
from tunnels import Destination, TunnelClient, echo

PUBLIC, PRIVATE, DENIED = "93.184.216.34", "10.7.0.1", "93.184.217.1"


class NamesTest(CulvertTest):
    def setUp(self):
        super().setUp()
        self.public = self.destination(PUBLIC)
        # The same port, so that whoever is led astray arrives.
        self.private, self.loopback = (self.destination(host, self.public.port) for host in (PRIVATE, "127.0.0.1"))
        self.names = {"public.test": has(PUBLIC)}
        self.server = NameServer(self.names)
        self.addCleanup(self.server.close)
        self.proxy = self.configured('connect_timeout = "30s"', 'deny = ["*.denied.test:*"]')

    def configured(self, settings, *rules):
        """A forward proxy that leads to all names besides."""
        rules = [*rules, f'allow = ["*.test:{self.public.port}"]']
        sections = "".join(f"[[tunnel.out.rule]]\n{rule}\n" for rule in rules)
        return self.culvert(threads=1, listener='mode = "forward"\ntunnel = "out"',
                            more=f"[tunnel.out]\n{settings}\n{sections}")

    def destination(self, host, port=0):
        destination = Destination(echo, host, port)
        self.addCleanup(destination.close)
        return destination

    def tearDown(self):
        # Whatever a name server has said.
        self.assertEqual((self.private.connections, self.loopback.connections), (0, 0))
        super().tearDown()

    def ask(self, name, request=TunnelClient.connect):
        client = TunnelClient(("127.0.0.1", self.proxy.port))
        self.addCleanup(client.close)
        return client, request(client, f"{name}:{self.public.port}")

    def assert_refused(self, answers, status, reason):
        """By CONNECT, and by requests that name their destination. `answers`: of the name server, by name; None: it has
        no such name."""
        self.names.update({name: answer for name, answer in answers.items() if answer})
        for name in answers:
            with self.subTest(name):
                self.assert_failure(self.ask(name)[1], status, reason)
                get = self.ask(name, lambda client, there: client.get(f"http://{there}/", host=there))[1]
                self.assert_failure(get, status, reason)
        records = self.proxy.access_log(2 * len(answers))
        self.assertEqual({record["error.type"] for record in records}, {reason})
        self.assertEqual(self.public.connections, 0)
        return records

    def assert_leads(self, name):
        client, response = self.ask(name)
        self.assertEqual(response.status, 200, response)
        client.send("hello")
        self.assertEqual(client.receive(5), b"hello")
        client.close()


class Refused(NamesTest):
    def test_names_that_have_no_address(self):
        answers = {"unknown.test": None, "empty.test": has(), "circle.test": circle, "broken.test": fails,
                   "silent.test": is_silent}
        records = self.assert_refused(answers, 502, "upstream_name_not_found")
        causes = {record["server.address"]: record["error.cause"] for record in records}
        self.assertNotEqual(causes["broken.test"], causes["unknown.test"], "the operator can tell them apart")

    def test_names_with_an_address_that_is_not_public(self):
        answers = {"inside.test": has(PRIVATE), "local.test": has("127.0.0.1"), "mixed.test": has(PUBLIC, PRIVATE),
                   "metadata.test": has("169.254.169.254"), "alias.test": stands_for("inside.test", PRIVATE)}
        self.assert_refused(answers, 403, "destination_not_public")

    def test_a_denied_name_is_not_looked_up(self):
        self.assert_refused({"any.denied.test": has(PUBLIC)}, 403, "destination_denied")
        self.assert_leads("public.test")
        self.assertEqual(self.server.asked, ["public.test"])


class Led(NamesTest):
    def test_a_public_address(self):
        self.assert_leads("public.test")
        self.assertEqual(self.proxy.access_log(1)[0]["culvert.server"], f"{PUBLIC}:{self.public.port}")

    def test_a_name_for_another_name(self):
        self.names["alias.test"] = stands_for("public.test", PUBLIC)
        self.assert_leads("alias.test")

    def test_an_answer_that_changes_between_check_and_dial(self):
        # Each tunnel is judged by one answer and dialled by the same: the next answer is the next tunnel's.
        self.names["turning.test"] = in_turn(has(PUBLIC), has(PRIVATE), has(PUBLIC), has("127.0.0.1"))
        for turn in range(1, 3):
            self.assert_leads("turning.test")
            self.assert_failure(self.ask("turning.test")[1], 403, "destination_not_public")
            self.assertEqual(self.public.connections, turn)
        self.assertEqual(self.server.asked, ["turning.test"] * 4)


class Configured(NamesTest):
    def test_a_name_with_an_address_in_a_denied_network(self):
        self.proxy = self.configured("", 'deny = ["93.184.217.0/24:*"]')
        for name, addresses in (("there.test", [DENIED]), ("partly.test", [PUBLIC, DENIED])):
            self.names[name] = has(*addresses)
            self.assert_failure(self.ask(name)[1], 403, "destination_denied")
        self.assert_leads("public.test")

    def test_a_name_that_is_not_looked_up_in_time(self):
        self.proxy = self.configured('connect_timeout = "100ms"')
        self.names["silent.test"] = is_silent
        self.assert_failure(self.ask("silent.test")[1], 504, "upstream_name_timeout")
        self.assert_logged(self.proxy, "upstream_name_timeout", 504)


if __name__ == "__main__":
    own_network(PUBLIC, PRIVATE, DENIED)
    main()
