"""What would break: a message that comes out of culvert different from how it went in, or in another order."""
import os
import threading

from client import Client
from harness import CulvertTest, curl, free_port, main

CHUNKED = ("Transfer-Encoding", "chunked")


def chunks(*parts, trailers=""):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailers.encode() + b"\r\n"


class Methods(CulvertTest):
    def test_every_method_arrives(self):
        # ROWS: request.method, request.options.method, message.method, http.METHODS, server.event.request
        origin = self.origin(lambda x: x.reply(200, x.request.method.encode()))
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "REPORT"):
                self.assertEqual(client.get("/", method=method).body, method.encode())

    def test_target_arrives_as_it_was_sent(self):
        # ROWS: request.path, message.url
        origin = self.origin()
        usual = ("/", "/a%20b/%C3%A9?x=1&y=%26", "/?", "/?q=//path/../?", "/~u;p=1", "/.well-known/a?")
        unusual = ("/a//b/../c", "/%61", "/a%2Fb", "/a\\b", "/%")
        for server, targets in (("", usual), ("normalize_path = false", usual + unusual)):
            with self.culvert(origin.route(), server=server).connect() as client:
                for target in targets:
                    client.get(target)
                    self.assertEqual(origin.request().target, target)

    def test_head(self):
        # ROWS: response.write.no-body, outgoing.write.no-body
        def handler(exchange):
            if exchange.request.method == "HEAD":
                exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-Here: yes\r\n\r\n")
            else:
                exchange.reply(200, b"body")
        culvert = self.culvert(self.origin(handler).route())
        with culvert.connect() as client:
            response = client.get("/", method="HEAD")
            self.assertEqual((response.header("Content-Length"), response.header("X-Here")), ("1000", "yes"))
            self.assertEqual(client.get("/").body, b"body", "the connection is still in step")

    def test_statuses_without_body(self):
        # ROWS: response.statusCode, message.statusCode
        def handler(exchange):
            status = exchange.request.target[1:]
            length = "Content-Length: 500\r\n" if status == "304" else ""
            exchange.send(f"HTTP/1.1 {status} Whatever\r\n{length}ETag: \"e\"\r\n\r\n")
        origin = self.origin(handler)
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for _ in range(3):
                self.assertEqual(client.get("/204").status, 204)
                response = client.get("/304")
                self.assertEqual((response.status, response.header("ETag")), (304, '"e"'))
                self.assertIsNone(response.header("Transfer-Encoding"))
        self.assertEqual(origin.connections, 1)

    def test_framing_where_there_can_be_none(self):
        # ROWS: response.observed.204-304-chunked
        def handler(exchange):
            exchange.send("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n")
        origin = self.origin(handler)
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for _ in range(2):
                response = client.get("/")
                self.assertEqual((response.status, response.all("Transfer-Encoding")), (204, []))

    def test_reason_phrase_is_kept(self):
        # ROWS: response.statusMessage, message.statusMessage, response.writeHead
        culvert = self.culvert(self.origin(lambda x: x.reply(299, reason="All is well")).route())
        self.assertEqual(culvert.get("/").first_line, "HTTP/1.1 299 All is well")


class Bodies(CulvertTest):
    def echo(self):
        def handler(exchange):
            body = exchange.request.body
            if exchange.request.target == "/chunked":
                exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(body))
            else:
                exchange.reply(200, body)
        return self.origin(handler)

    def test_both_framings_both_ways(self):
        # ROWS: request.header.content-length, request.write, request.write.auto-chunked, request.end, request.end.data,
        #       outgoing.write, outgoing.write.chunked, outgoing.end, response.write, response.end, outgoing.class,
        #       response.class, message.class
        origin = self.echo()
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for size in (1, 10, 4096, 65535, 65536, 65537, 1_000_000):
                body = os.urandom(size)
                for target, framing in (("/length", "length"), ("/chunked", "chunked")):
                    client.request("POST", target, body=body)
                    response = client.response()
                    self.assertEqual((response.framing, response.body == body), (framing, True), size)
                    self.assertEqual(origin.request().header("Content-Length"), str(size))
                    client.request("POST", target, [CHUNKED], chunks(body[:7], body[7:]) if size > 7 else chunks(body))
                    response = client.response()
                    self.assertEqual((response.framing, response.body == body), (framing, True), size)
                    self.assertTrue(origin.request().has_token("Transfer-Encoding", "chunked"))

    def test_empty_bodies(self):
        # ROWS: request.function.must-end
        origin = self.echo()
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            client.get("/")
            self.assertEqual(origin.request().all("Content-Length") + origin.request().all("Transfer-Encoding"), [])
            client.request("POST", "/", [("Content-Length", "0")])
            self.assertEqual(client.response().body, b"")
            self.assertEqual(origin.request().all("Content-Length"), ["0"])
            client.request("POST", "/chunked", [CHUNKED], chunks())
            self.assertEqual(client.response().body, b"")

    def test_chunks_of_odd_shapes(self):
        origin = self.echo()
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            client.request("POST", "/", [CHUNKED], b"00003;name=value\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n")
            self.assertEqual(client.response().body, b"abc0123456789")

    def test_answer_is_streamed(self):
        # ROWS: request.event.response, request.response.listen, response.flushHeaders, response.write.buffering,
        #       outgoing.flushHeaders, outgoing.write.first
        def handler(exchange):
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            exchange.origin.released.wait(20)
            exchange.send("6\r\nsecond\r\n0\r\n\r\n")
        origin = self.origin(handler)
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            client.request("GET", "/")
            self.assertEqual(client.response_head().status, 200)
            self.assertEqual(client.reader.exactly(10), b"5\r\nfirst\r\n")
            origin.released.set()
            self.assertEqual(client.reader.chunked(), (b"second", []))

    def test_request_body_is_streamed(self):
        # ROWS: request.flushHeaders, request.class, request.function
        seen = threading.Event()

        def handler(exchange):
            self.assertEqual(exchange.reader.exactly(5), b"first")
            seen.set()
            self.assertEqual(exchange.reader.exactly(6), b"second")
            exchange.reply(200, b"both")
        culvert = self.culvert(self.origin(handler, reads_body=False).route())
        with culvert.connect() as client:
            client.request("POST", "/", [("Content-Length", "11")], b"first")
            self.assertTrue(seen.wait(20), "the first part must not wait for the second")
            client.send("second")
            self.assertEqual(client.response().body, b"both")

    def test_trailers_both_ways(self):
        # ROWS: response.addTrailers, response.addTrailers.trailer-header, outgoing.addTrailers, message.trailers,
        #       message.rawTrailers
        def handler(exchange):
            exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                          + chunks(b"body", trailers="X-Sum: 42\r\nX-Last: yes\r\n"))
        origin = self.origin(handler)
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            client.request("POST", "/", [CHUNKED, ("TE", "trailers"), ("Trailer", "X-Req")],
                           chunks(b"body", trailers="X-Req: 1\r\n"))
            response = client.response()
            self.assertEqual(response.body, b"body")
            self.assertEqual(response.trailers, [("X-Sum", "42"), ("X-Last", "yes")])
            self.assertEqual((origin.request().body, origin.request().trailers), (b"body", [("X-Req", "1")]))


    def test_trailers_that_may_not_be_trailers(self):
        # ROWS: response.addTrailers.invalid, outgoing.addTrailers.invalid, message.trailersDistinct
        trailers = "X-Sum: 1\r\nX-Sum: 2\r\nContent-Length: 9\r\nHost: evil.test\r\nTransfer-Encoding: chunked\r\n"
        origin = self.origin(lambda x: x.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                              chunks(b"body", trailers=trailers)))
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            client.request("POST", "/", [CHUNKED], chunks(b"body", trailers=trailers))
            self.assertEqual(client.response().trailers, [("X-Sum", "1"), ("X-Sum", "2")])
            self.assertEqual(origin.request().trailers, [("X-Sum", "1"), ("X-Sum", "2")])

    def test_trailer_field_where_no_trailers_can_follow(self):
        # ROWS: response.observed.trailer-with-length
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        answers = {"/length": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTrailer: X-Sum\r\n\r\nbody",
                   "/nothing": b"HTTP/1.1 204 No Content\r\nTrailer: X-Sum\r\n\r\n",
                   "/head": chunked,
                   "/old": chunked + chunks(b"body", trailers="X-Sum: 1\r\n")}
        origin = self.origin(lambda x: x.send(answers[x.request.target]))
        culvert = self.culvert(origin.route())
        for target, options, body in (("/length", {}, b"body"), ("/nothing", {}, b""),
                                      ("/head", {"method": "HEAD"}, b""), ("/old", {"version": "HTTP/1.0"}, b"body")):
            response = culvert.get(target, [("Trailer", "X-Sum")], **options)
            self.assertEqual((response.body, response.all("Trailer")), (body, []), target)
            request = origin.request()
            self.assertEqual(request.all("Trailer") + request.all("Transfer-Encoding"), [], target)

class Interim(CulvertTest):
    def test_early_hints_are_forwarded(self):
        # ROWS: request.event.information, response.writeEarlyHints, response.writeEarlyHints.list
        def handler(exchange):
            exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                          "HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n")
            exchange.reply(200, b"done")
        culvert = self.culvert(self.origin(handler).route())
        with culvert.connect() as client:
            first = client.get("/")
            second, last = client.response(), client.response()
            self.assertEqual([first.status, second.status, last.status], [103, 103, 200])
            self.assertEqual([first.header("Link"), second.header("Link")], ["</a.css>", "</b.css>"])
            self.assertEqual(last.body, b"done")

    def test_all_of_them_are_forwarded_as_they_are(self):
        # ROWS: request.observed.late-1xx, response.writeProcessing, response.observed.early-hints-relay
        link = "</a>; rel=preload, </b>; crossorigin; rel=preload"

        def handler(exchange):
            exchange.send("HTTP/1.1 102 Still At It\r\n\r\n" + f"HTTP/1.1 103 Early Hints\r\nLink: {link}\r\n\r\n" * 5)
            exchange.reply(200, b"done")
        culvert = self.culvert(self.origin(handler).route())
        with culvert.connect() as client:
            self.assertEqual(client.get("/").first_line, "HTTP/1.1 102 Still At It")
            for _ in range(5):
                hints = client.response()
                self.assertEqual((hints.status, hints.all("Link")), (103, [link]))
            self.assertEqual(client.response().body, b"done")

    def test_http_1_0_client_gets_no_interim_answer(self):
        # ROWS: response.observed.1xx-http10
        def handler(exchange):
            exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            exchange.reply(200, b"done")
        culvert = self.culvert(self.origin(handler).route())
        self.assertEqual(culvert.get("/", version="HTTP/1.0").status, 200)

    def expecting(self, client):
        client.request("POST", "/", [("Expect", "100-continue"), ("Content-Length", "4")])

    def test_continue_from_end_to_end(self):
        # ROWS: request.event.continue, request.header.expect, server.event.checkContinue,
        #       server.event.checkContinue.no-request, response.writeContinue
        def handler(exchange):
            self.assertEqual(exchange.request.header("Expect"), "100-continue")
            exchange.send("HTTP/1.1 100 Continue\r\n\r\n")
            exchange.reply(200, exchange.read_body())
        culvert = self.culvert(self.origin(handler, reads_body=False).route())
        with culvert.connect() as client:
            self.expecting(client)
            self.assertEqual(client.response().status, 100)
            client.send("body")
            self.assertEqual(client.response().body, b"body")

    def test_refusal_instead_of_continue(self):
        # ROWS: response.observed.continue-not-sent
        def handler(exchange):
            exchange.reply(403, b"no")
            exchange.close()
        culvert = self.culvert(self.origin(handler, reads_body=False).route())
        with culvert.connect() as client:
            self.expecting(client)
            self.assertEqual(client.response().status, 403)

    def test_culvert_answers_where_it_is_told_to(self):
        # ROWS: server.event.checkContinue.default
        origin = self.origin(lambda x: x.reply(200, x.request.body))
        culvert = self.culvert(origin.route('expect_continue = "answer"'))
        with culvert.connect() as client:
            self.expecting(client)
            self.assertEqual(client.response().status, 100)
            client.send("body")
            self.assertEqual(client.response().body, b"body")
        self.assertIsNone(origin.request().header("Expect"))

    def test_other_expectations_are_the_upstreams_business(self):
        # ROWS: server.event.checkExpectation, server.event.checkExpectation.default
        origin = self.origin(lambda x: x.reply(299))
        for mode, status, seen in (("forward", 299, "a-miracle"), ("answer", 417, None), ("reject", 417, None)):
            culvert = self.culvert(origin.route(f'expect_continue = "{mode}"'))
            self.assertEqual(culvert.get("/", [("Expect", "a-miracle")]).status, status, mode)
            self.assertEqual(origin.requests.pop().header("Expect") if origin.requests else None, seen)

    def test_expectation_rejected(self):
        culvert = self.culvert(self.origin().route('expect_continue = "reject"'))
        with culvert.connect() as client:
            self.expecting(client)
            self.assert_failure(client.response(), 417, "expectation_rejected")


class OldVersion(CulvertTest):
    def test_http_1_0_client(self):
        # ROWS: message.httpVersion
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        origin = self.origin(lambda x: x.send(head + chunks(b"abc")))
        culvert = self.culvert(origin.route())
        response = culvert.get("/", version="HTTP/1.0")
        self.assertEqual((response.framing, response.body), ("close", b"abc"))
        self.assertEqual(origin.request().version, "HTTP/1.1")
        done = curl("--http1.0", culvert.url())
        self.assertEqual((done.returncode, done.stdout), (0, b"abc"))

    def test_http_1_0_client_that_keeps_its_connection(self):
        # ROWS: response.observed.connection-close
        culvert = self.culvert(self.origin().route())
        with culvert.connect() as client:
            for _ in range(3):
                response = client.get("/", [("Connection", "keep-alive")], version="HTTP/1.0")
                self.assertEqual((response.body, response.header("Connection")), (b"ok", "keep-alive"))

    def test_http_1_0_upstream_that_ends_its_body_by_closing(self):
        # ROWS: request.observed.truncated-body
        def handler(exchange):
            exchange.send(b"HTTP/1.0 200 OK\r\nX-Old: yes\r\n\r\n" + b"x" * 100_000)
            exchange.close()
        origin = self.origin(handler)
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for _ in range(2):
                response = client.get("/")
                self.assertEqual((response.version, response.framing), ("HTTP/1.1", "chunked"))
                self.assertEqual(response.body, b"x" * 100_000)
        self.assertEqual(origin.connections, 2)


class Connections(CulvertTest):
    def test_pipelined_requests_are_answered_in_order(self):
        # ROWS: server.observed.pipelining, message.class.per-message, server.event.request.keep-alive
        origin = self.origin(lambda x: x.reply(200, x.request.target.encode() + x.request.body))
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            client.send(b"".join(b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n-%02d" % (i, i) +
                                 b"GET /get%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(50)))
            for i in range(50):
                self.assertEqual(client.response().body, b"/%d-%02d" % (i, i))
                self.assertEqual(client.response().body, b"/get%d" % i)

    def test_byte_by_byte(self):
        origin = self.origin(lambda x: x.reply(200, x.request.body))
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for byte in b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
                client.send(bytes([byte]))
            self.assertEqual(client.response().body, b"abc")

    def test_upstream_connection_is_reused(self):
        # ROWS: agent.keepAlive, request.header.connection, request.events.order.success
        origin = self.origin()
        culvert = self.culvert(origin.route(), threads=1)
        with culvert.connect() as client:
            for _ in range(20):
                self.assertEqual(client.get("/").body, b"ok")
        for _ in range(20):
            self.assertEqual(culvert.get("/").body, b"ok")
        self.assertEqual(origin.connections, 1)

    def test_agent_without_keep_alive(self):
        # ROWS: agent.connection-header
        origin = self.origin()
        culvert = self.culvert(origin.route().replace("[[route]]", "keep_alive = false\n[[route]]"))
        with culvert.connect() as client:
            for _ in range(3):
                self.assertEqual(client.get("/").body, b"ok")
        self.assertEqual(origin.connections, 3)
        self.assertTrue(origin.request().has_token("Connection", "close"))

    def test_client_asks_to_close(self):
        # ROWS: response.observed.connection-close
        origin = self.origin()
        culvert = self.culvert(origin.route(), threads=1)
        with culvert.connect() as client:
            response = client.get("/", [("Connection", "close")])
            self.assertEqual(response.header("Connection"), "close")
            self.assertTrue(client.is_closed())
        culvert.get("/")
        self.assertEqual(origin.connections, 1, "the upstream connection has nothing to do with it")

    def test_upstream_asks_to_close(self):
        def handler(exchange):
            exchange.reply(200, b"bye", [("Connection", "close")])
            exchange.close()
        origin = self.origin(handler)
        culvert = self.culvert(origin.route())
        with culvert.connect() as client:
            for _ in range(3):
                response = client.get("/")
                self.assertEqual((response.body, response.header("Connection") or "keep-alive"), (b"bye", "keep-alive"))
        self.assertEqual(origin.connections, 3)

    def test_stale_upstream_connection_is_not_noticed(self):
        def handler(exchange):
            exchange.reply(200, b"ok")
            exchange.close()  # without having said so
        origin = self.origin(handler)
        culvert = self.culvert(origin.route(), threads=1)
        with culvert.connect() as client:
            for _ in range(20):
                self.assertEqual(client.get("/").status, 200)

    def test_idle_client_is_closed_after_keep_alive_timeout(self):
        culvert = self.culvert(self.origin().route(), server='keep_alive_timeout = "200ms"')
        with culvert.connect() as client:
            client.get("/")
            self.assertTrue(client.is_closed())

    def test_max_requests_per_socket(self):
        # ROWS: server.maxRequestsPerSocket
        culvert = self.culvert(self.origin().route(), server="max_requests_per_socket = 2")
        with culvert.connect() as client:
            self.assertNotEqual(client.get("/").header("Connection"), "close")
            self.assertEqual(client.get("/").header("Connection"), "close")
            self.assertTrue(client.is_closed())

    def test_many_clients_at_once(self):
        origin = self.origin(lambda x: x.reply(200, x.request.target.encode()))
        culvert = self.culvert(origin.route())
        wrong = []

        def talk(number):
            with culvert.connect() as client:
                for i in range(50):
                    target = f"/{number}/{i}"
                    if client.get(target).body != target.encode():
                        wrong.append(target)
        threads = [threading.Thread(target=talk, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(len(origin.requests), 1000)


class Sockets(CulvertTest):
    def test_unix_sockets_on_both_sides(self):
        # ROWS: server.listen.path, request.options.socketPath, agent.createConnection
        origin = self.origin(lambda x: x.reply(200, b"by path"), path=self.folder / "origin.sock")
        port, path = free_port(), self.folder / "culvert.sock"
        config = self.config(port, origin.route()).replace(
            f'address = "127.0.0.1:{port}"', f'address = ["127.0.0.1:{port}", "unix:{path}"]')
        self.start(config, port)
        with Client(str(path)) as client:
            self.assertEqual(client.get("/").body, b"by path")
            self.assertEqual(client.get("/").body, b"by path")

    def test_ipv6_on_both_sides(self):
        # ROWS: server.listen.port, request.options.host, request.options.port
        origin = self.origin(lambda x: x.reply(200, b"by six"), host="::1")
        port, port6 = free_port(), free_port()
        config = self.config(port, origin.route()).replace(
            f'address = "127.0.0.1:{port}"', f'address = ["127.0.0.1:{port}", "[::1]:{port6}"]')
        self.start(config, port)
        with Client(("::1", port6)) as client:
            self.assertEqual(client.get("/").body, b"by six")
        self.assertEqual(origin.request().header("X-Forwarded-For"), "::1")

    def test_upstream_by_name(self):
        # ROWS: request.options.lookup, agent.createConnection.callback
        origin = self.origin()
        culvert = self.culvert(f'[[route]]\nupstream = "http://localhost:{origin.port}"\n')
        for _ in range(3):
            self.assertEqual(culvert.get("/").body, b"ok")


if __name__ == "__main__":
    main()
