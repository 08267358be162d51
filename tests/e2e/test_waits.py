"""What would break: how long each side may keep the other waiting, and that nobody is cut off who keeps to it."""
import threading

from harness import CulvertTest, free_port, main, wait_until

ANSWER = '[[route]]\nrespond = { status = 200, body = "ok" }\n'
MIB = 1024 * 1024


class Client(CulvertTest):
    def silent(self):
        return self.origin(lambda x: x.wait_for_end())

    def test_whose_connection_stands_still(self):
        # ROWS: server.timeout, server.setTimeout, server.setTimeout.handler-owns, message.destroy
        culvert = self.culvert(self.silent().route(), server='timeout = "200ms"')
        with culvert.connect() as client:
            client.request("GET", "/")
            self.assertTrue(client.is_closed())

    def test_that_waits_for_an_answer_without_a_limit(self):
        # ROWS: server.timeout.zero
        origin = self.origin(lambda x: (x.origin.released.wait(20), x.reply(200, b"at last")))
        culvert = self.culvert(origin.route(), server='headers_timeout = "200ms"\nkeep_alive_timeout = "100ms"')
        with culvert.connect() as other, culvert.connect() as client:
            client.request("GET", "/")
            other.send("GET / HTTP/1.1\r\n")  # meets a limit, which the one that waits does not
            self.assertEqual(other.response().status, 408)
            origin.released.set()
            self.assertEqual(client.response().body, b"at last")

    def test_that_stops_reading(self):
        # ROWS: response.setTimeout, response.setTimeout.default-destroy, outgoing.setTimeout
        def handler(exchange):
            exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {100 * MIB}\r\n\r\n")
            try:
                for _ in range(100):
                    exchange.send(bytes(MIB))
            except ConnectionError:
                exchange.close()
        origin = self.origin(handler)
        culvert = self.culvert(origin.route(), server='timeout = "300ms"')
        with culvert.connect(receive_buffer=64 * 1024) as client:
            client.request("GET", "/")
            client.response_head()
            record = culvert.access_log(1)[0]
            self.assertEqual((record["error.type"], record["http.response.status_code"]), ("client_aborted", 200))
            self.assertLess(record["http.response.body.size"], 100 * MIB)

    def test_that_stalls_in_a_body(self):
        # ROWS: message.setTimeout
        culvert = self.culvert(self.origin().route(), server='timeout = "200ms"')
        with culvert.connect() as client:
            client.request("POST", "/", [("Content-Length", "10")], b"abc")
            self.assertTrue(client.is_closed())

    def test_between_two_requests(self):
        # ROWS: server.keepAliveTimeout, server.keepAliveTimeout.reset, createServer.keepAliveTimeout,
        #       server.event.connection.setTimeout
        origin = self.origin(lambda x: (threading.Event().wait(0.4) if x.request.target == "/slow" else None,
                                        x.reply(200, b"ok")))
        culvert = self.culvert(origin.route(), server='keep_alive_timeout = "100ms"')
        with culvert.connect() as client:
            self.assertEqual(client.get("/").body, b"ok")
            self.assertEqual(client.get("/slow").body, b"ok", "an answer may take longer than the keep-alive timeout")
            self.assertTrue(client.is_closed())
        culvert = self.culvert(ANSWER, server='keep_alive_timeout = "3s"')
        self.assertEqual(culvert.get("/").header("Keep-Alive"), "timeout=3")

    def test_between_two_requests_without_a_limit(self):
        # ROWS: server.keepAliveTimeout.zero
        culvert = self.culvert(ANSWER, server='keep_alive_timeout = "off"')
        with culvert.connect() as client:
            response = client.get("/")
            self.assertEqual((response.header("Connection"), response.header("Keep-Alive")), ("keep-alive", None))
            self.assertEqual(client.get("/").body, b"ok")

    def test_timeouts_of_a_reload(self):
        # ROWS: server.keepAliveTimeout.at-connect, server.timeout.at-connect
        port, origin = free_port(), self.silent()
        limits = 'keep_alive_timeout = "200ms"\ntimeout = "200ms"'
        culvert = self.culvert(ANSWER, port=port, threads=1, server='keep_alive_timeout = "1h"')
        culvert.reload(self.config(port, origin.route('path = "/silent"') + ANSWER, threads=1, server=limits))
        wait_until(lambda: "reloaded" in culvert.stderr(), "the reload")
        with culvert.connect() as idle, culvert.connect() as waiting:
            idle.get("/")
            waiting.request("GET", "/silent")
            self.assertTrue(idle.is_closed())
            self.assertTrue(waiting.is_closed())


class Upstream(CulvertTest):
    def test_connecting_is_not_answering(self):
        # ROWS: request.setTimeout, request.setTimeout.after-connect, request.event.timeout
        origin = self.origin(lambda x: x.wait_for_end())
        upstream = origin.route().replace("[[route]]", 'connect_timeout = "1h"\nresponse_timeout = "200ms"\n[[route]]')
        culvert = self.culvert(upstream)
        self.assert_failure(culvert.get("/"), 504, "upstream_response_timeout")
        wait_until(lambda: not origin.open, "the upstream exchange being destroyed")


if __name__ == "__main__":
    main()
