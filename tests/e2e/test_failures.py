"""What would break: what a client and an operator are told when something goes wrong, and that nobody mistakes half
an answer for a whole one."""
import json

from harness import CulvertTest, free_port, main


def to(*addresses, more=""):
    servers = ", ".join(f'"{address}"' for address in addresses)
    return f'[upstream.api]\nservers = [{servers}]\n{more}\n[[route]]\nupstream = "api"\n'


class ClientsFault(CulvertTest):
    def assert_refused(self, data, status, reason, routes='[[route]]\nrespond = { status = 200 }\n', **parts):
        culvert = self.culvert(routes, **parts)
        with culvert.connect() as client:
            client.send(data)
            self.assert_failure(client.response(), status, reason)
            self.assertTrue(client.is_closed(), "nothing after a refused message can be trusted")
        self.assert_logged(culvert, reason, status)

    def test_malformed_requests(self):
        # ROWS: server.event.clientError, server.event.clientError.400, message.observed.length-conflict,
        #       message.headers.duplicates.discard, server.event.clientError.no-default
        for data in ("GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
                     "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                     "GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
                     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
                     "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
                     "GET no-slash HTTP/1.1\r\nHost: a\r\n\r\n",
                     "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"):
            with self.subTest(data=data):
                self.assert_refused(data, 400, "request_malformed")

    def test_request_without_host(self):
        # ROWS: createServer.requireHostHeader
        self.assert_refused("GET / HTTP/1.1\r\n\r\n", 400, "request_host_missing")

    def test_connect_is_not_served_by_a_reverse_proxy(self):
        # ROWS: server.event.connect.unhandled
        culvert = self.culvert('[[route]]\nrespond = { status = 200 }\n')
        with culvert.connect() as client:
            client.send("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n")
            self.assert_failure(client.response(), 405, "method_not_allowed")

    def test_malformed_chunk_reaches_no_upstream_as_a_whole_request(self):
        # ROWS: message.complete
        complete = []
        origin = self.origin(lambda x: (complete.append(x.request), x.reply(200)))
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX\r\n0\r\n\r\n")
            self.assert_failure(client.response(), 400, "request_malformed")
        self.assertEqual(complete, [])

    def test_no_route(self):
        culvert = self.culvert('[[route]]\nhost = "site.test"\nrespond = { status = 200 }\n')
        with culvert.connect() as client:
            self.assert_failure(client.get("/", host="other.test"), 404, "no_route")
            self.assertEqual(client.get("/").status, 200, "the connection is fine")
        self.assert_logged(culvert, "no_route", 404)

    def test_head_that_never_ends(self):
        # ROWS: server.headersTimeout, server.headersTimeout.408, createServer.headersTimeout
        self.assert_refused("GET / HTTP/1.1\r\nHost: a\r\n", 408, "request_header_timeout",
                            server='headers_timeout = "200ms"')

    def test_body_that_never_ends(self):
        # ROWS: server.requestTimeout, server.requestTimeout.408, createServer.requestTimeout
        self.assert_refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", 408, "request_timeout",
                            routes=self.origin().route(),
                            server='headers_timeout = "200ms"\nrequest_timeout = "300ms"')

    def test_body_at_its_limit_and_one_more(self):
        limit = 'max_body_size = "1KiB"'
        origin = self.origin(lambda x: x.reply(200, b"%d" % len(x.request.body)))
        culvert = self.culvert(origin.route(), server=limit)
        chunked = ("Transfer-Encoding", "chunked")
        with culvert.connect() as client:
            client.request("POST", "/", body=b"x" * 1024)
            self.assertEqual(client.response().body, b"1024")
            client.request("POST", "/", [chunked], b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n")
            self.assertEqual(client.response().body, b"1024")
            client.request("POST", "/", [chunked], b"400\r\n" + b"x" * 1024 + b"\r\n1\r\nx\r\n0\r\n\r\n")
            self.assert_failure(client.response(), 413, "request_body_too_large")
        self.assert_refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n", 413,
                            "request_body_too_large", routes=origin.route(), server=limit)

    def test_target_too_long(self):
        self.assert_refused(f"GET /{'x' * 20_000} HTTP/1.1\r\nHost: a\r\n\r\n", 414, "request_target_too_long")

    def test_headers_too_large(self):
        self.assert_refused(f"GET / HTTP/1.1\r\nHost: a\r\nX: {'x' * 20_000}\r\n\r\n", 431, "request_headers_too_large")

    def test_too_many_headers(self):
        # ROWS: server.maxHeadersCount, message.observed.headers-count
        lines = "".join(f"X{i}: 1\r\n" for i in range(20))
        self.assert_refused(f"GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n", 431, "request_headers_too_large",
                            server="max_headers_count = 20")

    def test_unknown_method_and_version(self):
        self.assert_refused("FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method_not_supported")
        self.assert_refused("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, "http_version_not_supported")

    def test_client_that_leaves_is_logged(self):
        # ROWS: server.observed.client-abort-order
        def handler(exchange):
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
            self.assertTrue(exchange.wait_for_end(), "the upstream hears of it")
        culvert = self.culvert(self.origin(handler).route())
        with culvert.connect() as client:
            client.request("GET", "/")
            client.response_head()
            client.reset()
        self.assertEqual(culvert.access_log(1)[0]["error.type"], "client_aborted")


class UpstreamsFault(CulvertTest):
    def assert_answer(self, routes, status, reason):
        culvert = self.culvert(routes)
        with culvert.connect() as client:
            self.assert_failure(client.get("/"), status, reason)
            self.assert_logged(culvert, reason, status)
            self.assert_failure(client.get("/"), status, reason)  # on the same connection

    def test_connection_refused(self):
        # ROWS: request.event.error, request.events.order.connection-error
        self.assert_answer(to(f"127.0.0.1:{free_port()}"), 502, "upstream_connect_refused")

    def test_unix_socket_that_is_not_there(self):
        self.assert_answer(to(f"unix:{self.folder}/nobody.sock"), 502, "upstream_connect_failed")

    def test_connection_never_made(self):
        # ROWS: request.options.timeout
        self.assert_answer(to(self.address_that_never_answers(), more='connect_timeout = "300ms"'),
                           504, "upstream_connect_timeout")

    def test_closed_before_an_answer(self):
        # ROWS: request.events.order.premature-before-response
        for end in ("close", "reset"):
            with self.subTest(end=end):
                origin = self.origin(lambda x, end=end: getattr(x, end)())
                self.assert_answer(origin.route(), 502, "upstream_reset_before_response")

    def test_closed_within_the_head(self):
        def handler(exchange):
            exchange.send("HTTP/1.1 200 OK\r\nContent-Le")
            exchange.close()
        self.assert_answer(self.origin(handler).route(), 502, "upstream_reset_before_response")

    def test_malformed_answers(self):
        # ROWS: response.end.must
        for answer in ("garbage\r\n\r\n",
                       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                       "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                       "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n"):
            with self.subTest(answer=answer):
                origin = self.origin(lambda x, answer=answer: (x.send(answer), x.close()))
                self.assert_answer(origin.route(), 502, "upstream_response_malformed")

    def test_no_answer_in_time(self):
        # ROWS: request.setTimeout, request.events.order.timeout
        origin = self.origin(lambda x: x.wait_for_end())
        self.assert_answer(to(origin.address, more='response_timeout = "200ms"'), 504, "upstream_response_timeout")

    def test_name_without_address(self):
        self.assert_answer(to("nobody.invalid:80"), 502, "upstream_name_not_found")

    def assert_aborted(self, answer, how, reason="upstream_aborted_body", route=""):
        """The upstream sends the beginning of an answer and dies: so does the client's connection."""
        def handler(exchange):
            exchange.send(answer)
            getattr(exchange, how)()
        culvert = self.culvert(self.origin(handler).route(route))
        with culvert.connect() as client:
            client.request("GET", "/")
            self.assertLess(len(client.aborted_response()), 100)
        record = culvert.access_log(1)[0]
        self.assertEqual((record["error.type"], record["http.response.status_code"]), (reason, 200))

    def test_upstream_dies_in_the_middle_of_a_body(self):
        # ROWS: request.events.order.premature-after-response, request.observed.truncated-body,
        #       request.response.error-listener, server.event.clientError.destroy, response.headersSent,
        #       outgoing.headersSent, response.strictContentLength
        for how in ("close", "reset"):
            with self.subTest(how=how):
                self.assert_aborted("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.", how)
                self.assert_aborted("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nten bytes.\r\n", how)

    def test_upstream_falls_silent_in_the_middle_of_a_body(self):
        self.assert_aborted("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.", "wait_for_end",
                            "upstream_body_timeout", 'idle_timeout = "200ms"')

    def test_upstream_sends_a_bad_chunk(self):
        self.assert_aborted("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nten bytes.\r\nnonsense\r\n",
                            "close")


class Page(CulvertTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.culvert(to(f"127.0.0.1:{free_port()}"))

    def test_json_where_it_is_asked_for(self):
        response = self.daemon.get("/", [("Accept", "application/json")])
        self.assertTrue(response.header("Content-Type").startswith("application/json"))
        body = json.loads(response.body)
        self.assertEqual((body["status"], body["reason"]), (502, "upstream_connect_refused"))
        self.assertTrue(body["message"])

    def test_html_for_everyone_else(self):
        # ROWS: response.end.data
        for accept in ([("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")], [("Accept", "*/*")], []):
            response = self.daemon.get("/", accept)
            self.assertTrue(response.header("Content-Type").startswith("text/html"), accept)
            self.assertIn(b"502", response.body)
            self.assertEqual(response.framing, "length")

    def test_head_has_no_body(self):
        # ROWS: response.writeHead.length
        with self.daemon.connect() as client:
            self.assert_failure(client.get("/", method="HEAD"), 502, "upstream_connect_refused")
            self.assert_failure(client.get("/"), 502, "upstream_connect_refused")

    def test_nothing_of_the_request_is_repeated(self):
        response = self.daemon.get("/<script>alert(1)</script>", host="<b>")
        self.assertNotIn(b"<script>", response.body)

    def test_own_answers_carry_date_and_server(self):
        # ROWS: response.observed.auto-headers, response.sendDate
        response = self.daemon.get("/")
        self.assertEqual(response.header("Server"), "culvert")
        self.assertRegex(response.header("Date"), r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")


class SeveralServers(CulvertTest):
    def test_round_robin(self):
        origins = [self.origin(lambda x, n=n: x.reply(200, n)) for n in (b"a", b"b", b"c")]
        culvert = self.culvert(to(*(origin.address for origin in origins)), threads=1)
        with culvert.connect() as client:
            turns = b"".join(client.get("/").body for _ in range(9))
        self.assertEqual(len(set(turns[:3])), 3)
        self.assertEqual(turns, turns[:3] * 3)

    def test_connect_failure_is_retried_on_the_next_server(self):
        origin = self.origin(lambda x: x.reply(200, x.request.body))
        culvert = self.culvert(to(f"127.0.0.1:{free_port()}", origin.address), threads=1)
        with culvert.connect() as client:
            for i in range(6):
                client.request("POST", "/", body=b"body %d" % i)
                self.assertEqual(client.response().body, b"body %d" % i)
        self.assertTrue(any(record.get("culvert.retries") for record in culvert.access_log(6)))

    def test_a_request_that_was_sent_is_not_repeated(self):
        origins = [self.origin(lambda x: x.close()) for _ in range(2)]
        culvert = self.culvert(to(*(origin.address for origin in origins)))
        with culvert.connect() as client:
            client.request("POST", "/", body=b"charge my card")
            self.assert_failure(client.response(), 502, "upstream_reset_before_response")
        self.assertEqual(sum(len(origin.requests) for origin in origins), 1)


if __name__ == "__main__":
    main()
