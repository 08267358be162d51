"""What would break: tunnels and requests that take another way than the one that was asked for, carry passwords to strangers,
or hang on a parent proxy that is broken."""
import base64
import os
import socket
import subprocess
import threading

from harness import CulvertTest, accepts, curl, free_port, main, run_culvert, wait_until
from tunnels import Destination, TunnelClient, connect_request, echo, read_to_end

ALLOWED = 'allow = ["127.0.0.0/8:*", "[::1]:*", "*.test:*", "localhost:*"]\nprivate_networks = "allow"\n'
LEADS = b"HTTP/1.1 200 OK\r\n\r\n"


def basic(credentials):
    return "Basic " + base64.b64encode(credentials.encode()).decode()


class Head:
    """Of a request that a parent proxy got."""

    def __init__(self, text):
        self.line, *fields = text.decode("latin-1").split("\r\n")[:-2]
        self.fields = [tuple(field.split(": ", 1)) for field in fields]

    def header(self, name):
        return next((value for key, value in self.fields if key.lower() == name.lower()), None)


class FakeParent(Destination):
    """Reads a head and does what the test says: serve(sock, head)."""

    def __init__(self, serve, **options):
        self.heads = []
        super().__init__(lambda sock: self.read_head(sock, serve), **options)

    def read_head(self, sock, serve):
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            byte = sock.recv(1)
            if not byte:
                return
            text += byte
        self.heads.append(Head(text))
        serve(sock, self.heads[-1])


def answers(text):
    """Sends it, then what comes back, to the end."""
    return lambda sock, head: (sock.sendall(text), echo(sock))


class ParentTest(CulvertTest):
    def destination(self, serve=echo, **options):
        destination = Destination(serve, **options)
        self.addCleanup(destination.close)
        return destination

    def parent(self, serve, **options):
        parent = FakeParent(serve, **options)
        self.addCleanup(parent.close)
        return parent

    def chained(self, *parents, tunnel="", rules=(ALLOWED,), **parts):
        """A forward proxy whose way leads through `parents`: HOST:PORT, or what has an authority."""
        urls = ", ".join(f'"http://{getattr(parent, "authority", parent)}"' for parent in parents)
        sections = "".join(f"[[tunnel.out.rule]]\n{rule}\n" for rule in rules)
        parts.setdefault("threads", 1)
        return self.culvert(listener='mode = "forward"\ntunnel = "out"',
                            more=f"[tunnel.out]\nparent = [{urls}]\n{tunnel}\n{sections}", **parts)

    def last_proxy(self):
        return self.culvert(listener='mode = "forward"\ntunnel = "out"', more=f"[tunnel.out]\n[[tunnel.out.rule]]\n{ALLOWED}")

    def client(self, culvert):
        client = TunnelClient(("127.0.0.1", culvert.port))
        self.addCleanup(client.close)
        return client

    def tunnel(self, culvert, authority, **options):
        client = self.client(culvert)
        response = client.connect(authority, **options)
        self.assertEqual(response.status, 200, response)
        return client

    def refused(self, culvert, authority, status, reason, **options):
        client = self.client(culvert)
        self.assert_failure(client.connect(authority, **options), status, reason)
        self.assertTrue(client.is_closed())
        return self.assert_logged(culvert, reason, status)


class Connect(ParentTest):
    def test_parent_is_asked_for_what_the_client_asked(self):
        # ROWS: request.event.connect, request.event.connect.socket-type
        parent = self.parent(answers(LEADS + b"early"))
        culvert = self.chained(parent)
        client = self.tunnel(culvert, "Far.Away.test:443",
                             headers=[("User-Agent", "x"), ("Proxy-Authorization", basic("my:own"))])
        self.assertEqual(client.receive(5), b"early", "what came behind the head")
        client.send("hello")
        self.assertEqual(client.receive(5), b"hello")
        client.sock.shutdown(socket.SHUT_WR)
        self.assertTrue(client.is_closed(), "the end came back")
        head = parent.heads[0]
        self.assertEqual(head.line, "CONNECT far.away.test:443 HTTP/1.1")
        self.assertEqual(head.fields, [("Host", "far.away.test:443"), ("Via", "1.1 culvert"),
                                       ("Connection", "keep-alive")])
        record = culvert.access_log(1)[0]
        self.assertEqual((record["culvert.server"], record["culvert.parent"], record["culvert.rule"]),
                         (parent.authority, parent.authority, "rule 1"))
        self.assertEqual((record["http.request.body.size"], record["http.response.body.size"]), (5, 10))
        self.assertNotIn("error.type", record)

    def test_early_data_comes_first(self):
        parent = self.parent(answers(LEADS))
        client = self.tunnel(self.chained(parent), "far.test:443", early=b"first ")
        client.send("second")
        self.assertEqual(client.receive(12), b"first second")

    def test_much_through_two_proxies(self):
        destination = self.destination()
        client = self.tunnel(self.chained(f"127.0.0.1:{self.last_proxy().port}"), destination.authority)
        much = os.urandom(4 * 1024 * 1024)
        writer = threading.Thread(target=lambda: (client.send(much), client.sock.shutdown(socket.SHUT_WR)))
        writer.start()
        self.assertEqual(client.receive(len(much)), much)
        writer.join()
        self.assertFalse(client.reader.more())

    def test_parent_may_be_a_name_and_private(self):
        # Its address is the operator's choice: private_networks is about destinations.
        parent = self.parent(answers(LEADS))
        client = self.tunnel(self.chained(f"localhost:{parent.port}", rules=['allow = ["far.test:443"]']), "far.test:443")
        client.send("x")
        self.assertEqual(client.receive(1), b"x")

    def test_resets_are_passed_on(self):
        parent = self.parent(lambda sock, head: (sock.sendall(LEADS), sock.recv(1), reset(sock)))
        culvert = self.chained(parent)
        client = self.tunnel(culvert, "far.test:443")
        client.send("x")
        with self.assertRaises(ConnectionResetError):
            client.reader.more()
        self.assert_logged(culvert, "tunnel_upstream_reset", 200)

    def test_rules_have_ways_of_their_own(self):
        # A rule's parents are asked with its own credentials, or with none: those of the service are for others.
        destination = self.destination()
        service = self.parent(answers(LEADS))
        special = self.parent(answers(LEADS))
        culvert = self.chained(service, tunnel='parent_auth = "ann:secret"', rules=(
            f'allow = ["special.test:443"]\nparent = "http://{special.authority}"', 'allow = ["other.test:443"]',
            f'allow = ["127.0.0.1:*"]\nprivate_networks = "allow"\nparent = "direct"'))
        for authority in ("special.test:443", "other.test:443", destination.authority):
            client = self.tunnel(culvert, authority)
            client.send("x")
            self.assertEqual(client.receive(1), b"x")
        self.assertEqual([head.line for head in special.heads], ["CONNECT special.test:443 HTTP/1.1"])
        self.assertIsNone(special.heads[0].header("Proxy-Authorization"))
        self.assertEqual([head.line for head in service.heads], ["CONNECT other.test:443 HTTP/1.1"])
        self.assertEqual(service.heads[0].header("Proxy-Authorization"), basic("ann:secret"))
        self.assertEqual(destination.connections, 1)

    def test_a_route_leads_to_it(self):
        parent = self.parent(answers(LEADS))
        routes = (f'[[route]]\nname = "away"\nhost = "far.test"\ntunnel = "out"\n'
                  f'[tunnel.out]\nparent = "http://{parent.authority}"\n')
        culvert = self.culvert(routes)
        client = self.tunnel(culvert, "far.test:443")
        client.close()
        record = culvert.access_log(1)[0]
        self.assertEqual((record["culvert.route"], record["culvert.parent"]), ("away", parent.authority))
        self.assertNotIn("culvert.upstream", record)


class Judging(ParentTest):
    def test_names_are_for_the_parent_to_look_up(self):
        parent = self.parent(answers(LEADS))
        culvert = self.chained(parent, rules=(), tunnel="")
        self.tunnel(culvert, "no-such-name.invalid:443")
        self.assertEqual(parent.heads[0].line, "CONNECT no-such-name.invalid:443 HTTP/1.1")

    def test_rules_and_ports_hold_as_always(self):
        parent = self.parent(answers(LEADS))
        culvert = self.chained(parent, rules=())
        self.refused(culvert, "far.test:22", 403, "destination_port_denied")
        culvert = self.chained(parent, rules=('allow = ["*.test:443"]',))
        self.refused(culvert, "far.example:443", 403, "destination_denied")
        self.assertEqual(parent.connections, 0)

    def test_addresses_are_judged(self):
        # Also names that are this machine, whoever looks them up.
        parent = self.parent(answers(LEADS))
        culvert = self.chained(parent, rules=())
        for host in ("10.0.0.1", "127.0.0.1", "[::1]", "[::ffff:169.254.169.254]", "localhost", "LocalHost.", "a.localhost"):
            with self.subTest(host):
                client = self.client(culvert)
                self.assert_failure(client.connect(f"{host}:443"), 403, "destination_not_public")
        self.assertEqual(parent.connections, 0)
        culvert = self.chained(parent, rules=('allow = ["localhost:443"]\nprivate_networks = "allow"',))
        self.tunnel(culvert, "localhost:443")

    def test_own_listeners_cannot_be_reached(self):
        parent = self.parent(answers(LEADS))
        port = free_port()
        culvert = self.chained(parent, port=port)
        for host in ("127.0.0.1", "localhost"):
            client = self.client(culvert)
            self.assert_failure(client.connect(f"{host}:{port}"), 403, "destination_is_culvert")
        self.assertEqual(parent.connections, 0)

    def test_what_passes_is_learned(self):
        learned = self.folder / "learned.toml"
        culvert = self.chained(self.parent(answers(LEADS)), tunnel=f'default = "deny"\nlearn = "{learned}"', rules=())
        self.tunnel(culvert, "far.test:443")
        wait_until(lambda: learned.exists() and "far.test:443" in learned.read_text(), "the lesson being written")

    def test_rules_about_networks_look_the_name_up(self):
        parent = self.parent(answers(LEADS))
        culvert = self.chained(parent, rules=('deny = ["127.0.0.0/8:*"]', 'allow = ["*:*"]\nprivate_networks = "allow"'))
        self.refused(culvert, "no-such-name.invalid:443", 502, "upstream_name_not_found")
        self.assertEqual(parent.connections, 0)


class Credentials(ParentTest):
    def test_go_to_the_parent(self):
        (self.folder / "users").write_text(run_culvert("hash-password", "--cost", "1", "--user", "ann", input="secret").stdout)
        (self.folder / "users").chmod(0o600)
        (self.folder / "word").write_text("ann:secret\n")
        (self.folder / "word").chmod(0o600)
        destination = self.destination()
        last = self.culvert(listener='mode = "forward"\ntunnel = "out"', more=(
            f'[tunnel.out]\nauth = "who"\n[[tunnel.out.rule]]\nusers = ["ann"]\n{ALLOWED}'
            f'[auth.who]\ntype = "basic"\nusers = {{ file = "{self.folder / "users"}" }}'))
        culvert = self.chained(f"127.0.0.1:{last.port}", tunnel=f'parent_auth = {{ file = "{self.folder / "word"}" }}')
        client = self.tunnel(culvert, destination.authority)
        client.send("x")
        self.assertEqual(client.receive(1), b"x")
        client.close()
        self.assertEqual(last.access_log(1)[0]["user.name"], "ann")

    def test_wrong_ones_are_not_the_clients_matter(self):
        challenge = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 3\r\n\r\nno!"
        parent = self.parent(answers(challenge))
        client = self.client(culvert := self.chained(parent, self.parent(answers(LEADS))))
        response = client.connect("far.test:443")
        self.assert_failure(response, 502, "parent_auth_failed")
        self.assertIsNone(response.header("Proxy-Authenticate"))
        record = self.assert_logged(culvert, "parent_auth_failed", 502)
        self.assertEqual(record["error.cause"], "the parent proxy answered 407")
        self.assertEqual(record["culvert.parent"], parent.authority)


class BadParents(ParentTest):
    def test_answers_that_do_not_lead_on(self):
        for answer, status, reason in (
                (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", 502, "parent_refused"),
                (b"HTTP/1.1 302 Away\r\nLocation: http://login.test/\r\nContent-Length: 0\r\n\r\n", 502, "parent_refused"),
                (b"HTTP/1.1 200 OK\r\nbad line\r\n\r\n", 502, "upstream_response_malformed"),
                (b"220 mail.test ESMTP\r\n\r\n", 502, "upstream_response_malformed"),
                (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 502, "upstream_response_headers_too_large"),
                (b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + LEADS, 502, "upstream_response_malformed"),
                (b"HTTP/1.1 101 Other\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 502, "upstream_upgrade_unexpected")):
            with self.subTest(answer[:40]):
                refusing = self.parent(lambda sock, _, answer=answer: (sock.sendall(answer), read_to_end(sock)))
                other = self.parent(answers(LEADS))
                culvert = self.chained(refusing, other)
                self.refused(culvert, "far.test:443", status, reason)
                self.assertEqual(other.connections, 0, "an answer is one, whoever is asked next")

    def test_an_endless_refusal_is_cut_off(self):
        def refuse_for_ever(sock, _):
            sock.sendall(b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                sock.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        self.refused(self.chained(self.parent(refuse_for_ever)), "far.test:443", 502, "parent_refused")

    def test_informations_before_the_answer(self):
        # ROWS: request.event.connect
        parent = self.parent(answers(b"HTTP/1.1 102 Wait\r\n\r\n" * 3 + b"HTTP/1.0 204 Fine\r\nContent-Length: 9\r\n\r\nbytes"))
        client = self.tunnel(self.chained(parent), "far.test:443")
        self.assertEqual(client.receive(5), b"bytes", "an answer to CONNECT has no framing")

    def test_one_that_closes_resets_or_falls_silent(self):
        for serve, status, reason in (
                (lambda sock, head: None, 502, "upstream_reset_before_response"),
                (lambda sock, head: reset(sock), 502, "upstream_reset_before_response"),
                (lambda sock, head: sock.sendall(b"HTTP/1.1 200"), 502, "upstream_reset_before_response"),
                (lambda sock, head: read_to_end(sock), 504, "upstream_response_timeout")):
            with self.subTest(reason):
                culvert = self.chained(self.parent(serve), tunnel='connect_timeout = "300ms"')
                self.refused(culvert, "far.test:443", status, reason)

    def test_one_that_trickles(self):
        def trickle(sock, _):
            pause = threading.Event()
            for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
                sock.sendall(bytes([byte]))
                pause.wait(0.02)
        culvert = self.chained(self.parent(trickle), tunnel='connect_timeout = "300ms"')
        self.refused(culvert, "far.test:443", 504, "upstream_response_timeout")

    def test_one_that_cannot_be_reached(self):
        culvert = self.chained(f"127.0.0.1:{free_port()}")
        record = self.refused(culvert, "far.test:443", 502, "upstream_connect_refused")
        self.assertEqual(record["culvert.tunnel"], "out")
        culvert = self.chained(self.address_that_never_answers(), tunnel='connect_timeout = "200ms"')
        self.refused(culvert, "far.test:443", 504, "upstream_connect_timeout")
        culvert = self.chained("no-such-name.invalid:3128")
        self.refused(culvert, "far.test:443", 502, "upstream_name_not_found")

    def test_the_next_is_asked_where_one_is_broken(self):
        unavailable = b"HTTP/1.1 503 Full\r\nContent-Length: 0\r\n\r\n"
        good = self.parent(answers(LEADS))
        bad = [f"127.0.0.1:{free_port()}", self.parent(answers(unavailable)), self.parent(lambda sock, head: None),
               self.parent(lambda sock, head: read_to_end(sock))]
        culvert = self.chained(*bad, good, tunnel='connect_timeout = "300ms"')
        client = self.tunnel(culvert, "far.test:443")
        client.send("x")
        self.assertEqual(client.receive(1), b"x")
        client.close()
        record = culvert.access_log(1)[0]
        self.assertEqual((record["culvert.parent"], record["culvert.retries"]), (good.authority, len(bad)))

    def test_the_last_word_is_the_last_parents(self):
        unavailable = b"HTTP/1.1 503 Full\r\nContent-Length: 0\r\n\r\n"
        parents = [self.parent(answers(unavailable)) for _ in range(3)]
        record = self.refused(self.chained(*parents), "far.test:443", 502, "parent_refused")
        self.assertEqual(record["error.cause"], "the parent proxy answered 503")
        self.assertEqual([parent.connections for parent in parents], [1, 1, 1])
        # By a name with two addresses, of which the other is not there: they are the same proxy.
        self.refused(self.chained(f"localhost:{parents[0].port}"), "far.test:443", 502, "parent_refused")

    def test_a_circle_is_noticed(self):
        # Each has two ways round, of which both are wrong: whoever tried the other would multiply them at every hop.
        ports = [free_port(), free_port()]
        first, second = (self.chained(f"127.0.0.1:{ports[1 - i]}", f"localhost:{ports[1 - i]}", port=ports[i]) for i in (0, 1))
        self.assert_failure(self.client(first).connect("far.test:443"), 508, "proxy_loop_detected")
        self.assertEqual(len(first.access_log(8)) + len(second.access_log(8)), 17)

    def test_a_client_that_goes_leaves_nothing_behind(self):
        gone = threading.Event()
        parent = self.parent(lambda sock, head: (read_to_end(sock), gone.set()))
        culvert = self.chained(parent, tunnel="max_tunnels = 1")
        client = self.client(culvert)
        client.send(connect_request("far.test:443"))
        wait_until(lambda: parent.heads, "the parent being asked")
        client.reset()
        self.assertTrue(gone.wait(20), "the parent hears of it")
        self.assert_logged(culvert, "client_aborted", None)
        client = self.client(culvert)
        client.send(connect_request("far.test:443"))
        wait_until(lambda: len(parent.heads) == 2, "its place being free")


class Health(ParentTest):
    def test_one_that_is_down_is_left_out_until_it_is_back(self):
        port = free_port()
        other = self.parent(answers(LEADS))
        culvert = self.chained(f"127.0.0.1:{port}", other, tunnel='parent_check_interval = "100ms"')
        for tunnels in (1, 2):
            self.tunnel(culvert, "far.test:443").close()
            record = culvert.access_log(tunnels)[tunnels - 1]
            self.assertEqual(record["culvert.parent"], other.authority)
        down = f"[tunnel.out]: the parent proxy 127.0.0.1:{port} cannot be reached (Connection refused)"
        self.assertEqual(culvert.stderr().count(down), 1, "said once")
        back = FakeParent(answers(LEADS), port=port)
        self.addCleanup(back.close)
        up = f"[tunnel.out]: the parent proxy 127.0.0.1:{port} can be reached again"
        wait_until(lambda: up in culvert.stderr(), "its being back")
        self.tunnel(culvert, "far.test:443").close()
        self.assertEqual(culvert.access_log(3)[2]["culvert.parent"], back.authority, "it is the first in the list")

    def test_left_out_it_is_not_waited_for(self):
        # One that does not answer costs its connect_timeout once, and not every tunnel.
        silent, other = self.address_that_never_answers(), self.parent(answers(LEADS))
        culvert = self.chained(silent, other, tunnel='connect_timeout = "1s"\nparent_check_interval = "1h"')
        self.tunnel(culvert, "far.test:443").close()
        self.assertGreaterEqual(culvert.access_log(1)[0]["duration"], 1)
        self.tunnel(culvert, "far.test:443").close()
        self.assertLess(culvert.access_log(2)[1]["duration"], 1)

    def test_off_each_request_tries_it(self):
        port, other = free_port(), self.parent(answers(LEADS))
        culvert = self.chained(f"127.0.0.1:{port}", other, tunnel='parent_check_interval = "off"')
        self.tunnel(culvert, "far.test:443").close()
        self.assertEqual(culvert.access_log(1)[0]["culvert.parent"], other.authority)
        back = FakeParent(answers(LEADS), port=port)
        self.addCleanup(back.close)
        self.tunnel(culvert, "far.test:443").close()
        self.assertEqual(culvert.access_log(2)[1]["culvert.parent"], back.authority)
        self.assertNotIn("cannot be reached", culvert.stderr())

    def test_where_all_are_down_they_are_tried(self):
        ports = [free_port(), free_port()]
        culvert = self.chained(*(f"127.0.0.1:{port}" for port in ports), tunnel='parent_check_interval = "1h"')
        self.refused(culvert, "far.test:443", 502, "upstream_connect_refused")
        back = FakeParent(answers(LEADS), port=ports[1])
        self.addCleanup(back.close)
        self.tunnel(culvert, "far.test:443")

    def test_a_reload_ends_the_looking(self):
        # Also while a tunnel still stands that the old configuration allowed.
        port, other = free_port(), self.parent(answers(LEADS))
        culvert = self.chained(f"127.0.0.1:{port}", other, tunnel='parent_check_interval = "50ms"')
        client = self.tunnel(culvert, "far.test:443")
        config = culvert.config_path.read_text()
        culvert.reload(config.replace(f'"http://127.0.0.1:{port}", ', ""))
        wait_until(lambda: "reloaded: " in culvert.stderr(), "the reload")
        looks = Destination(lambda sock: None, port=port)
        self.addCleanup(looks.close)
        client.send("x")
        self.assertEqual(client.receive(1), b"x")
        self.tunnel(culvert, "far.test:443").close()
        culvert.access_log(1)
        self.assertEqual(looks.connections, 0)


class Forwarded(ParentTest):
    def get(self, culvert, url, headers=(), **options):
        client = culvert.connect()
        self.addCleanup(client.close)
        return client.get(url, headers, host=url.split("/")[2], **options)

    def test_goes_on_in_absolute_form(self):
        origin = self.origin(lambda x: x.reply(200, b"from afar"))
        culvert = self.chained(f"127.0.0.1:{origin.port}", tunnel='parent_auth = "ann:secret"', rules=())
        response = self.get(culvert, "http://Far.test/a/../b?query", [("Proxy-Authorization", basic("my:own"))])
        self.assertEqual(response.body, b"from afar")
        request = origin.request()
        self.assertEqual(request.target, "http://Far.test/b?query")
        self.assertEqual(request.all("Host"), ["Far.test"])
        self.assertEqual(request.all("Proxy-Authorization"), [basic("ann:secret")])
        self.assertEqual(request.all("Via"), ["1.1 culvert"])
        record = culvert.access_log(1)[0]
        self.assertEqual((record["culvert.parent"], record["culvert.server"]), (f"127.0.0.1:{origin.port}",) * 2)

    def test_connections_are_used_again_for_whatever_host(self):
        origin = self.origin(lambda x: x.reply(200, b"ok"))
        culvert = self.chained(f"127.0.0.1:{origin.port}", rules=())
        for host in ("a.test", "b.test", "c.test"):
            self.assertEqual(self.get(culvert, f"http://{host}/").body, b"ok")
        self.assertEqual(origin.connections, 1)

    def test_the_parents_407_is_not_for_the_client(self):
        origin = self.origin(lambda x: x.reply(407, b"who?", [("Proxy-Authenticate", "Basic realm=x")]))
        culvert = self.chained(f"127.0.0.1:{origin.port}", rules=())
        response = self.get(culvert, "http://far.test/")
        self.assert_failure(response, 502, "parent_auth_failed")
        self.assertIsNone(response.header("Proxy-Authenticate"))
        self.assert_logged(culvert, "parent_auth_failed", 502)

    def test_other_answers_are(self):
        origin = self.origin(lambda x: x.reply(503, b"full"))
        culvert = self.chained(f"127.0.0.1:{origin.port}", rules=())
        response = self.get(culvert, "http://far.test/")
        self.assertEqual((response.status, response.body), (503, b"full"))

    def test_the_next_is_asked_where_one_is_not_there(self):
        origin = self.origin(lambda x: x.reply(200, b"ok"))
        culvert = self.chained(f"127.0.0.1:{free_port()}", f"127.0.0.1:{origin.port}", rules=())
        self.assertEqual(self.get(culvert, "http://far.test/").body, b"ok")

    def test_judged_as_always(self):
        origin = self.origin(lambda x: x.reply(200, b"ok"))
        culvert = self.chained(f"127.0.0.1:{origin.port}", rules=())
        self.assert_failure(self.get(culvert, "http://127.0.0.1/"), 403, "destination_not_public")
        self.assert_failure(self.get(culvert, "http://localhost/"), 403, "destination_not_public")
        self.assert_failure(self.get(culvert, "http://far.test:22/"), 403, "destination_port_denied")
        self.assertEqual(origin.connections, 0)


class RealPeers(ParentTest):
    def tinyproxy(self):
        port = free_port()
        folder = self.folder / "tinyproxy"
        folder.mkdir()
        (folder / "tinyproxy.conf").write_text(
            f"Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nAllow 127.0.0.1\nBasicAuth ann secret\n"
            f'LogFile "{folder / "log"}"\nPidFile "{folder / "pid"}"\n')
        process = subprocess.Popen(["tinyproxy", "-d", "-c", folder / "tinyproxy.conf"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_until(lambda: accepts(("127.0.0.1", port)), "tinyproxy listening")
        return f"127.0.0.1:{port}"

    def test_curl_through_culvert_and_tinyproxy(self):
        # ROWS: request.event.connect
        origin = self.origin(lambda x: x.reply(200, b"from afar"))
        url = f"http://127.0.0.1:{origin.port}/path"
        parent = self.tinyproxy()
        culvert = self.chained(parent, tunnel='parent_auth = "ann:secret"')
        for arguments in (("--proxytunnel",), ()):
            with self.subTest(arguments):
                done = curl("--proxy", culvert.url(), *arguments, url)
                self.assertEqual(done.stdout, b"from afar", done.stderr)
        stranger = self.chained(parent, tunnel='parent_auth = "ann:wrong"')
        done = curl("--proxy", stranger.url(), "--proxytunnel", "-w", "%{http_connect}", "-o", "/dev/null", url)
        self.assertEqual(done.stdout, b"502")


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


if __name__ == "__main__":
    main()
