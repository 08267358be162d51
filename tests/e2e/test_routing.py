"""What would break: a request taken to the wrong place."""
from harness import CulvertTest, main


def route(name, *conditions):
    """A route that answers with its own name."""
    lines = "\n".join(conditions)
    return f'[[route]]\nname = "{name}"\n{lines}\nrespond = {{ status = 200, body = "{name}" }}\n'


class Matching(CulvertTest):
    def assert_routes(self, routes, *cases, **parts):
        """Each case is (wanted route or None, target, options of Client.get)."""
        culvert = self.culvert(routes, **parts)
        with culvert.connect() as client:
            for wanted, target, *options in cases:
                response = client.get(target, **(options[0] if options else {}))
                found = response.body.decode() if response.status == 200 else None
                self.assertEqual(found, wanted, (target, options))
                if wanted is None:
                    self.assert_failure(response, 404, "no_route")

    def test_host(self):
        # ROWS: message.url.parse
        self.assert_routes(
            route("exact", 'host = "www.site.test"') + route("any", 'host = "*.site.test"')
            + route("list", 'host = ["a.test", "b.test"]') + route("six", 'host = "[2001:db8::1]"'),
            ("six", "/", {"host": "[2001:DB8::1]:8080"}), ("exact", "/", {"host": "www.site.test"}),
            ("exact", "/", {"host": "WWW.Site.Test"}),
            ("exact", "/", {"host": "www.site.test:8080"}), ("any", "/", {"host": "api.site.test"}),
            ("any", "/", {"host": "a.b.site.test"}), (None, "/", {"host": "site.test"}),
            (None, "/", {"host": "www.site.test.evil"}), (None, "/", {"host": "xsite.test"}),
            ("list", "/", {"host": "b.test"}))

    def test_absolute_form_counts_before_the_host_field(self):
        self.assert_routes(route("a", 'host = "a.test"') + route("b", 'host = "b.test"'),
                           ("a", "http://a.test/x", {"host": "a.test"}))

    def test_path(self):
        self.assert_routes(
            route("exact", 'path = "/exact"') + route("below", 'path = "/api/*"')
            + route("list", 'path = ["/one", "/two/*"]'),
            ("exact", "/exact"), ("exact", "/exact?query"), (None, "/exact/"), (None, "/Exact"), (None, "/exactly"),
            ("below", "/api/x"), ("below", "/api/"), ("below", "/api"), ("below", "/api?x"), (None, "/apis"),
            (None, "/x/api/"), ("list", "/one"), (None, "/one/more"), ("list", "/two/more"))

    def test_path_regex(self):
        self.assert_routes(route("number", "path_regex = '^/user/[0-9]+$'"),
                           ("number", "/user/42"), ("number", "/user/42?x=1"), (None, "/user/me"), (None, "/x/user/42"))

    def test_method(self):
        self.assert_routes(
            route("read", 'method = ["GET", "HEAD"]') + route("write", 'method = "POST"'),
            ("read", "/"), ("write", "/", {"method": "POST"}), (None, "/", {"method": "DELETE"}))

    def test_header(self):
        # ROWS: message.headers, http.header-object
        self.assert_routes(
            route("beta", 'header = { X-Beta = "1" }') + route("token", 'header = { X-Token = "*", X-Kind = "t" }'),
            ("beta", "/", {"headers": [("x-beta", "1")]}), (None, "/", {"headers": [("X-Beta", "10")]}), (None, "/"),
            ("token", "/", {"headers": [("X-Token", "any"), ("X-Kind", "t")]}),
            (None, "/", {"headers": [("X-Token", "any")]}))

    def test_query(self):
        self.assert_routes(
            route("preview", 'query = { preview = "*" }') + route("v2", 'query = { v = "2" }'),
            ("preview", "/?preview"), ("preview", "/?a=b&preview=x"), (None, "/?xpreview=1"), (None, "/"),
            ("v2", "/?v=2"), ("v2", "/?x=1&v=2&y"), (None, "/?v=20"), (None, "/preview=1"))

    def test_client(self):
        self.assert_routes(route("other", 'client = ["10.0.0.0/8", "::1/128"]')
                           + route("local", 'client = ["127.0.0.0/8"]'), ("local", "/"))

    def test_listener(self):
        self.assert_routes(route("other", 'listener = "other"') + route("web", 'listener = "web"'), ("web", "/"),
                           more=f'[listener.other]\naddress = "unix:{self.folder}/other.sock"')

    def test_all_conditions_of_a_route_must_hold(self):
        self.assert_routes(route("both", 'host = "a.test"', 'path = "/x/*"', 'method = "GET"'),
                           ("both", "/x/1", {"host": "a.test"}), (None, "/x/1", {"host": "b.test"}),
                           (None, "/y", {"host": "a.test"}), (None, "/x/1", {"host": "a.test", "method": "PUT"}))

    def test_first_match_wins(self):
        self.assert_routes(route("first", 'path = "/a/*"', 'method = "GET"') + route("second", 'path = "/a/b"')
                           + route("rest"),
                           ("first", "/a/b"), ("second", "/a/b", {"method": "PUT"}), ("rest", "/"))


class Actions(CulvertTest):
    def test_respond(self):
        culvert = self.culvert('[[route]]\npath = "/healthz"\n'
                               'respond = { status = 203, body = "fine\\n", content_type = "text/x-health" }\n')
        with culvert.connect() as client:
            response = client.get("/healthz")
            self.assertEqual((response.status, response.body, response.header("Content-Type")),
                             (203, b"fine\n", "text/x-health"))
            head = client.get("/healthz", method="HEAD")
            self.assertEqual((head.status, head.header("Content-Length")), (203, "5"))
            client.request("POST", "/healthz", body=b"x" * 100_000)
            self.assertEqual(client.response().status, 203)
            self.assertEqual(client.get("/healthz").body, b"fine\n", "the connection is still in step")

    def redirect(self, conditions, to, target, **options):
        culvert = self.culvert(f"[[route]]\n{conditions}\nredirect = {{ {to} }}\n")
        response = culvert.get(target, **options)
        return response.status, response.header("Location")

    def test_redirect(self):
        self.assertEqual(self.redirect("", 'to = "https://{host}{uri}", status = 308', "/a/b?c=d", host="shop.test"),
                         (308, "https://shop.test/a/b?c=d"))
        self.assertEqual(self.redirect("", 'to = "/new{path}?{query}", status = 302', "/a?c=d"), (302, "/new/a?c=d"))

    def test_redirect_with_captures(self):
        self.assertEqual(
            self.redirect("path_regex = '^/docs/v1/([^/]*)/(.*)$'", 'to = "/docs/v2/{2}/{1}", status = 301',
                          "/docs/v1/one/two/three"), (301, "/docs/v2/two/three/one"))

    def test_rewrite_with_captures(self):
        origin = self.origin()
        culvert = self.culvert(origin.route("path_regex = '^/u/([0-9]+)/(.*)$'\nrewrite = \"/users/{1}/files/{2}\""))
        culvert.get("/u/42/a/b")
        self.assertEqual(origin.request().target, "/users/42/files/a/b")

    def test_upstream_given_as_url(self):
        origin = self.origin()
        culvert = self.culvert(f'[[route]]\nupstream = "http://{origin.address}"\n')
        self.assertEqual(culvert.get("/").body, b"ok")

    def test_several_upstreams(self):
        origins = [self.origin(lambda x, n=n: x.reply(200, n)) for n in (b"a", b"b")]
        culvert = self.culvert("".join(f'[[route]]\nhost = "{name}.test"\nupstream = "http://{origin.address}"\n'
                                       for name, origin in zip("ab", origins)))
        with culvert.connect() as client:
            for host in "abba":
                self.assertEqual(client.get("/", host=f"{host}.test").body, host.encode())


if __name__ == "__main__":
    main()
