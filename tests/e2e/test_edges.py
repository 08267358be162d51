"""What would break: the rows of the message model that show at its edges: what is written together, what is never let
through, and what a configuration may say.
"""
import re

from harness import UNTRACED_LEAKS, CulvertTest, free_port, main, run_culvert, wait_until

TOKEN = set("!#$%&'*+-.^_`|~0123456789") | {chr(c) for c in range(ord("A"), ord("z") + 1) if chr(c).isalpha()}


class Writes(CulvertTest):
    def test_head_and_body_go_together(self):
        # ROWS: request.headers.when-sent, request.flushHeaders.packing, request.cork, request.uncork, response.cork,
        #       response.uncork, outgoing.cork, outgoing.uncork
        trace = self.folder / "trace"
        origin = self.origin(lambda x: x.reply(200, b"answer"))
        culvert = self.culvert(origin.route(), threads=1, env=UNTRACED_LEAKS,
                               under=["strace", "-D", "-f", "-y", "-s", "1000", "-e", "trace=sendmsg,sendto,writev",
                                      "-o", str(trace)])
        with culvert.connect() as client:
            client.get("/")  # makes the upstream connection
            client.request("POST", "/", body=b"question")
            self.assertEqual(client.response().body, b"answer")
        self.assertEqual(culvert.stop(), 0, culvert.stderr())
        wait_until(lambda: re.search(r"\+\+\+ exited", trace.read_text()), "the trace")
        sends = re.findall(r"(?:sendmsg|sendto|writev)\(\d+<(?:socket|TCP)[^\n]*", trace.read_text())
        self.assertEqual(len(sends), 4, "for each request one upstream and one back")
        self.assertIn("question", sends[2])
        self.assertIn("answer", sends[3])


class Heads(CulvertTest):
    def test_upgrade_that_this_listener_does_not_know(self):
        # ROWS: server.event.upgrade.optional
        origin = self.origin()
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for _ in range(2):
                response = client.get("/", [("Connection", "Upgrade"), ("Upgrade", "x")])
                self.assertEqual((response.status, response.all("Upgrade")), (200, []))
                self.assertEqual(origin.request().all("Upgrade"), [])

    def test_protocol_that_nobody_asked_for(self):
        # ROWS: request.event.information.not-101
        answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
        culvert = self.culvert(self.origin(lambda x: x.send(answer)).route())
        self.assert_failure(culvert.get("/"), 502, "upstream_upgrade_unexpected")

    def test_statuses_and_phrases_that_are_none(self):
        # ROWS: response.writeHead.range, response.writeHead.invalid
        for line in ("99 x", "1000 x", "abc x", "2OO x", "200 a\rb", "200 a\0b"):
            origin = self.origin(lambda x, line=line: x.send(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"))
            self.assert_failure(self.culvert(origin.route()).get("/"), 502, "upstream_response_malformed")
        culvert = self.culvert(self.origin(lambda x: x.reply(999, reason="Highest")).route())
        self.assertEqual(culvert.get("/").first_line, "HTTP/1.1 999 Highest")

    def test_targets_that_would_be_two_lines(self):
        # ROWS: request.options.path
        origin = self.origin()
        culvert = self.culvert(origin.route('rewrite = "/base{path}?{query}"'))
        for target in ("/a\rb", "/a b", "/a\tb", "/a\x00b", "/caf\xe9"):
            self.assertEqual(culvert.get(target).status, 400, target)
        self.assertEqual(origin.requests, [])
        culvert.get("/a%0D%0AX-Evil:%201?%0d%0a")
        self.assertEqual(origin.request().target, "/base/a%0D%0AX-Evil:%201?%0d%0a")

    def test_values_made_of_what_a_client_says(self):
        # ROWS: response.setHeader.invalid
        culvert = self.culvert('[[route]]\nresponse_headers = { set = { X-Asked = "{path} {query}" } }\n'
                               'redirect = { to = "/new?{query}" }\n')
        response = culvert.get("/%0D%0AX-Evil:1?%0aX-Evil:2")
        self.assertEqual((response.header("X-Asked"), response.header("Location"), response.all("X-Evil")),
                         ("/%0D%0AX-Evil:1 %0aX-Evil:2", "/new?%0aX-Evil:2", []))

    def test_phrases_of_its_own_answers(self):
        # ROWS: http.STATUS_CODES
        culvert = self.culvert('[[route]]\nmethod = "GET"\nrespond = { status = 418 }\n')
        for method, line in (("GET", "418 I'm a Teapot"), ("PUT", "404 Not Found"), ("CONNECT", "404 Not Found")):
            self.assertEqual(culvert.get("a:1" if method == "CONNECT" else "/", method=method).first_line,
                             f"HTTP/1.1 {line}")

    def test_fields_that_are_there_twice(self):
        # ROWS: message.headersDistinct, message.headers.duplicates.join, message.headers.duplicates.cookie,
        #       message.headers.joinDuplicateHeaders, createServer.joinDuplicateHeaders
        origin = self.origin()
        culvert = self.culvert(origin.route('header = { X-Pick = "two", Cookie = "b=2" }'))
        twice = [("X-Pick", "one"), ("X-Pick", "two"), ("Cookie", "a=1"), ("Cookie", "b=2")]
        self.assertEqual(culvert.get("/", twice).status, 200, "each value counts for itself")
        self.assertEqual([field for field in origin.request().headers if field in twice], twice)
        self.assertEqual(culvert.get("/", [("X-Pick", "one, two"), ("Cookie", "b=2")]).status, 404)

    def test_body_of_a_get(self):
        # ROWS: request.observed.unframed-body
        origin = self.origin()
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for framing, body in (("Content-Length", b"abc"), ("Transfer-Encoding", b"3\r\nabc\r\n0\r\n\r\n")):
                client.request("GET", "/", [(framing, "3" if framing == "Content-Length" else "chunked")], body)
                self.assertEqual(client.response().status, 200)
                self.assertEqual((origin.request().body, len(origin.request().all(framing))), (b"abc", 1))

    def test_chunk_extension_without_an_end(self):
        # ROWS: server.observed.reject-413
        culvert = self.culvert(self.origin().route())
        with culvert.connect() as client:
            client.request("POST", "/", [("Transfer-Encoding", "chunked")], b"3;" + b"x" * 20_000)
            self.assertEqual(client.response().status, 413)
            self.assertTrue(client.is_closed())


class Exchanges(CulvertTest):
    def test_requests_behind_the_last_one(self):
        # ROWS: server.maxRequestsPerSocket.limit
        origin = self.origin(lambda x: x.reply(200, x.request.target.encode()))
        culvert = self.culvert(origin.route(), server="max_requests_per_socket = 2")
        with culvert.connect() as client:
            client.send("".join(f"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n" for i in range(4)))
            self.assertEqual([client.response().body for _ in range(2)], [b"/0", b"/1"])
            self.assertTrue(client.is_closed())
        self.assertEqual([request.target for request in origin.requests], ["/0", "/1"])

    def test_client_that_leaves_while_culvert_connects(self):
        # ROWS: request.events.order.destroy-before-connect
        culvert = self.culvert(f'[upstream.api]\nservers = ["{self.address_that_never_answers()}"]\n'
                               'connect_timeout = "1h"\n[[route]]\nupstream = "api"\n')
        with culvert.connect() as client:
            client.request("GET", "/")
            client.reset()
        self.assertEqual(culvert.access_log(1)[0]["error.type"], "client_aborted")


class Configuration(CulvertTest):
    def refused(self, characters, entry):
        """Which of the characters culvert check refuses in `entry`, one route for each."""
        path = self.folder / "culvert.toml"
        entries = [entry(f"\\u{ord(c):04x}") for c in characters]
        routes = "".join(f"[[route]]\nrespond = {{ status = 200 }}\nresponse_headers.set = {{ {e} }}\n" for e in entries)
        path.write_text(f'[listener.web]\naddress = "127.0.0.1:{free_port()}"\n{routes}')
        lines = {int(line) for line in re.findall(r":(\d+):\d+: error: ", run_culvert("check", path).stderr)}
        return {c for i, c in enumerate(characters) if 5 + 3 * i in lines}

    def test_names_of_fields(self):
        # ROWS: http.validateHeaderName, http.validateHeaderName.tokens
        characters = [chr(c) for c in range(1, 128)]
        self.assertEqual(self.refused(characters, lambda c: f'"X{c}" = "v"'), set(characters) - TOKEN)

    def test_values_of_fields(self):
        # ROWS: http.validateHeaderValue, http.validateHeaderValue.chars
        characters = [chr(c) for c in range(1, 128) if chr(c) not in '{}$']
        self.assertEqual(self.refused(characters, lambda c: f'X = "a{c}b"'),
                         {chr(c) for c in (*range(1, 9), *range(10, 32), 127)})


if __name__ == "__main__":
    main()
