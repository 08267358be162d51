"""What would break: header lines lost, reordered, leaked from one hop to the next, or believed from a stranger."""
from harness import CulvertTest, main

TRUST_LOCAL = '[server.forwarded]\ntrust = ["127.0.0.0/8"]\n'


class AsTheyWere(CulvertTest):
    def test_order_case_and_repetitions_are_kept(self):
        # ROWS: message.rawHeaders, message.rawHeaders.verbatim, response.writeHead.array, request.options.headers,
        #       request.getRawHeaderNames, message.headers.duplicates.set-cookie, response.setHeader.uncached,
        #       request.options.setDefaultHeaders, response.sendDate, http.low-level
        sent = [("X-One", "1"), ("x-two", "2"), ("X-ONE", "3"), ("Cookie", "a=b; c=d"), ("Accept", "*/*"),
                ("X-Empty", "")]
        answered = [("Set-Cookie", "a=1"), ("X-Mixed-CASE", "yes"), ("Set-Cookie", "b=2"), ("Date", "yesterday"),
                    ("Server", "origin/1")]
        origin = self.origin(lambda x: x.reply(200, b"", answered))
        response = self.culvert(origin.route()).get("/", sent)
        names = {name for name, _ in sent}
        self.assertEqual([pair for pair in origin.request().headers if pair[0] in names], sent)
        names = {name for name, _ in answered}
        self.assertEqual([pair for pair in response.headers if pair[0] in names], answered)

    def test_many_headers(self):
        many = [(f"X-Header-{i}", f"value {i}") for i in range(300)]
        origin = self.origin(lambda x: x.reply(200, b"", many))
        response = self.culvert(origin.route()).get("/", many)
        self.assertEqual([pair for pair in origin.request().headers if pair[0].startswith("X-Header-")], many)
        self.assertEqual([pair for pair in response.headers if pair[0].startswith("X-Header-")], many)

    def test_bytes_above_ascii(self):
        # ROWS: request.setHeader.latin1
        origin = self.origin(lambda x: x.reply(200, b"", [("X-Latin", "caf\xe9")]))
        response = self.culvert(origin.route()).get("/", [("X-Latin", "caf\xe9")])
        self.assertEqual((origin.request().header("X-Latin"), response.header("X-Latin")), ("caf\xe9", "caf\xe9"))


class HopByHop(CulvertTest):
    def test_stripped_from_the_request(self):
        # ROWS: outgoing.removeHeader
        origin = self.origin()
        self.culvert(origin.route()).get("/", [
            ("Connection", "keep-alive, X-Mine"), ("X-Mine", "1"), ("Keep-Alive", "timeout=9"), ("TE", "gzip"),
            ("Proxy-Connection", "keep-alive"), ("X-Stays", "1")])
        seen = {name.lower() for name, _ in origin.request().headers}
        self.assertEqual(seen & {"x-mine", "keep-alive", "proxy-connection"}, set())
        self.assertNotIn("gzip", origin.request().all("TE"))
        self.assertIn("x-stays", seen)

    def test_stripped_from_the_answer(self):
        # ROWS: response.removeHeader
        origin = self.origin(lambda x: x.reply(200, b"body", [
            ("Connection", "X-Mine"), ("X-Mine", "1"), ("Keep-Alive", "timeout=9"), ("X-Stays", "1")]))
        response = self.culvert(origin.route()).get("/")
        self.assertEqual((response.all("X-Mine"), response.all("X-Stays")), ([], ["1"]))
        self.assertNotIn("timeout=9", response.all("Keep-Alive"))

    def test_protected_fields_cannot_be_nominated(self):
        origin = self.origin()
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            client.request("POST", "/", [("Connection", "Host, Content-Length, Authorization, X-Forwarded-For"),
                                         ("Authorization", "Basic eDp5")], b"body", host="protected.test")
            self.assertEqual(client.response().status, 200)
        request = origin.request()
        self.assertEqual((request.all("Host"), request.body), (["protected.test"], b"body"))
        self.assertEqual(request.all("Authorization"), ["Basic eDp5"])
        self.assertEqual(request.all("X-Forwarded-For"), ["127.0.0.1"])


class Forwarding(CulvertTest):
    def test_via_both_ways(self):
        # ROWS: outgoing.appendHeader
        origin = self.origin(lambda x: x.reply(200, b"", [("Via", "1.0 inner")]))
        response = self.culvert(origin.route()).get("/", [("Via", "1.0 outer")])
        self.assertEqual(", ".join(origin.request().all("Via")), "1.0 outer, 1.1 culvert")
        self.assertEqual(", ".join(response.all("Via")), "1.0 inner, 1.1 culvert")

    def test_stranger_is_not_believed(self):
        origin = self.origin()
        self.culvert(origin.route()).get("/", [
            ("X-Forwarded-For", "10.9.9.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.test"),
            ("Forwarded", "for=10.9.9.9")], host="site.test")
        request = origin.request()
        self.assertEqual([request.all(f"X-Forwarded-{what}") for what in ("For", "Proto", "Host")],
                         [["127.0.0.1"], ["http"], ["site.test"]])
        self.assertEqual(request.all("Forwarded"), [])

    def test_trusted_peer_is_believed(self):
        origin = self.origin()
        self.culvert(origin.route(), more=TRUST_LOCAL).get("/", [
            ("X-Forwarded-For", "10.9.9.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "www.test")])
        request = origin.request()
        self.assertEqual(", ".join(request.all("X-Forwarded-For")), "10.9.9.9, 127.0.0.1")
        self.assertEqual((request.all("X-Forwarded-Proto"), request.all("X-Forwarded-Host")), (["https"], ["www.test"]))

    def test_forwarded_field(self):
        origin = self.origin()
        more = '[server.forwarded]\nsend = ["forwarded"]\n'
        self.culvert(origin.route(), more=more).get("/", [("Forwarded", "for=10.9.9.9")], host="site.test")
        [value] = origin.request().all("Forwarded")
        self.assertEqual(sorted(part.replace('"', "") for part in value.split(";")),
                         ["for=127.0.0.1", "host=site.test", "proto=http"])
        self.assertEqual(origin.request().all("X-Forwarded-For"), [])

    def test_forwarded_field_of_a_trusted_peer_is_continued(self):
        origin = self.origin()
        more = '[server.forwarded]\nsend = ["forwarded"]\ntrust = ["127.0.0.0/8"]\n'
        self.culvert(origin.route(), more=more).get("/", [("Forwarded", "for=10.9.9.9")])
        self.assertRegex(", ".join(origin.request().all("Forwarded")), r"^for=10\.9\.9\.9, .*for=127\.0\.0\.1")

    def test_request_id(self):
        origin = self.origin()
        own = '[server.forwarded]\nrequest_id = "x-request-id"\n'
        culvert = self.culvert(origin.route(), more=own)
        made = []
        for _ in range(2):
            culvert.get("/", [("X-Request-Id", "from-a-stranger")])
            made += origin.request().all("X-Request-Id")
        self.assertEqual(len(set(made)), 2, made)
        self.assertNotIn("from-a-stranger", made)
        culvert = self.culvert(origin.route(), more=own + 'trust = ["127.0.0.0/8"]\n')
        culvert.get("/", [("X-Request-Id", "from-a-friend")])
        self.assertEqual(origin.request().all("X-Request-Id"), ["from-a-friend"])


class Changes(CulvertTest):
    def test_host_is_preserved_or_rewritten(self):
        # ROWS: request.options.setHost, request.options.defaultPort
        origin = self.origin()
        self.culvert(origin.route()).get("/", host="shop.test:8080")
        self.assertEqual(origin.request().all("Host"), ["shop.test:8080"])
        upstream = origin.route().replace("[[route]]", 'host_header = "upstream"\n[[route]]')
        self.culvert(upstream).get("/", host="shop.test")
        self.assertEqual(origin.request().all("Host"), [origin.address])

    def test_request_headers(self):
        # ROWS: request.setHeader, outgoing.setHeader
        origin = self.origin()
        self.culvert(origin.route(
            'request_headers = { set = { X-Env = "beta", X-New = "1" }, add = { X-List = "b" }, remove = ["X-Debug"] }'
        )).get("/", [("X-Env", "prod"), ("x-env", "prod2"), ("X-List", "a"), ("X-Debug", "1")])
        request = origin.request()
        self.assertEqual([request.all(name) for name in ("X-Env", "X-New", "X-List", "X-Debug")],
                         [["beta"], ["1"], ["a", "b"], []])

    def test_response_headers(self):
        # ROWS: response.setHeader, response.setHeader.merge
        origin = self.origin(lambda x: x.reply(200, b"", [("X-Secret", "1"), ("X-Env", "prod"), ("X-List", "a")]))
        response = self.culvert(origin.route(
            'response_headers = { set = { X-Env = "beta" }, add = { X-List = "b" }, remove = ["X-Secret"] }')).get("/")
        self.assertEqual([response.all(name) for name in ("X-Env", "X-List", "X-Secret")], [["beta"], ["a", "b"], []])

    def test_strip_prefix(self):
        origin = self.origin()
        culvert = self.culvert(origin.route('path = "/api/*"\nstrip_prefix = "/api"'))
        with culvert.connect() as client:
            for target, wanted in (("/api/users?x=1", "/users?x=1"), ("/api/", "/"), ("/api", "/"), ("/api?q", "/?q")):
                client.get(target)
                self.assertEqual(origin.request().target, wanted)

    def test_rewrite(self):
        origin = self.origin()
        culvert = self.culvert(origin.route('rewrite = "/base{path}?from=culvert&{query}"'))
        culvert.get("/page?x=1")
        self.assertEqual(origin.request().target, "/base/page?from=culvert&x=1")


if __name__ == "__main__":
    main()
