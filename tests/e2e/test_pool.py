"""What would break: which upstream connection a request gets, how many there are, and when one is not used again."""
import contextlib
import select
import signal

from harness import CulvertTest, accepts, free_port, main, wait_until


def upstream(origins, more="", name="api"):
    servers = ", ".join(f'"{origin.address}"' for origin in origins)
    return f'[upstream.{name}]\nservers = [{servers}]\n{more}\n'


def route(origins, more=""):
    return upstream(origins, more) + '[[route]]\nupstream = "api"\n'


class PoolTest(CulvertTest):
    def held_origin(self):
        """Answers with the number of the connection, once it is released."""
        return self.origin(lambda x: (x.origin.released.wait(20), x.reply(200, b"%d" % x.request.connection)))

    def one_worker(self, routes, **parts):
        return self.culvert(routes, threads=1, **parts)

    def clients(self, culvert, count):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        return [stack.enter_context(culvert.connect()) for _ in range(count)]

    def ask(self, clients, origins):
        """Each client asks; returns when all their requests have arrived somewhere."""
        before = sum(len(origin.requests) for origin in origins)
        for client in clients:
            client.request("GET", "/")
        wait_until(lambda: sum(len(origin.requests) for origin in origins) == before + len(clients), "the requests")

    def free_connections(self, culvert, origin, count):
        """So many upstream connections, that became free in the order of their numbers."""
        gates = self.gates(origin, count)
        clients = self.clients(culvert, count)
        for number, client in enumerate(clients, 1):
            client.request("GET", "/")
            wait_until(lambda number=number: len(origin.requests) == number, "the request")
        for gate, client in zip(gates, clients):
            gate()
            self.assertEqual(client.response().status, 200)
        return clients

    def gates(self, origin, count):
        """One for each of the next requests, by connection: opening it has the request answered."""
        waiting = {}

        def handler(exchange):
            if exchange.request.connection <= count and exchange.request.connection not in waiting:
                waiting[exchange.request.connection] = exchange
            else:
                exchange.reply(200, b"%d" % exchange.request.connection)
        origin.handler = handler

        def opener(number):
            return lambda: waiting[number].reply(200)
        return [opener(number) for number in range(1, count + 1)]


class Limits(PoolTest):
    def test_no_more_than_max_sockets(self):
        # ROWS: agent.maxSockets, agent.maxSockets.queue
        origin = self.held_origin()
        culvert = self.one_worker(route([origin], "max_sockets = 2"))
        clients = self.clients(culvert, 5)
        self.ask(clients[:2], [origin])
        for client in clients[2:]:
            client.request("GET", "/")
        self.assertEqual(origin.connections, 2)
        origin.released.set()
        self.assertEqual({client.response().body for client in clients}, {b"1", b"2"})
        self.assertEqual(origin.connections, 2)

    def test_no_more_wait_than_max_pending(self):
        origin = self.held_origin()
        culvert = self.one_worker(route([origin], "max_sockets = 1\nmax_pending = 1"))
        busy, *others = self.clients(culvert, 3)
        self.ask([busy], [origin])
        for client in others:
            client.request("GET", "/")
        answered, _, _ = select.select([client.sock for client in others], [], [], 20)
        too_many, waiting = sorted(others, key=lambda client: client.sock not in answered)
        self.assert_failure(too_many.response(), 503, "upstream_queue_full")
        origin.released.set()
        self.assertEqual([busy.response().status, waiting.response().status], [200, 200])

    def test_none_waits_longer_than_pending_timeout(self):
        origin = self.held_origin()
        culvert = self.one_worker(route([origin], 'max_sockets = 1\npending_timeout = "50ms"\nconnect_timeout = "off"'))
        busy, waiting = self.clients(culvert, 2)
        self.ask([busy], [origin])
        self.assert_failure(waiting.get("/"), 503, "upstream_queue_timeout")
        origin.released.set()
        self.assertEqual(busy.response().status, 200)

    def test_no_more_than_max_total_sockets(self):
        # ROWS: agent.maxTotalSockets
        origins = [self.held_origin() for _ in range(3)]
        culvert = self.one_worker(route(origins, "max_total_sockets = 2"))
        clients = self.clients(culvert, 3)
        self.ask(clients[:2], origins)
        clients[2].request("GET", "/")
        self.assertEqual(sum(origin.connections for origin in origins), 2)
        for origin in origins:
            origin.released.set()
        self.assertEqual([client.response().status for client in clients], [200] * 3)
        wait_until(lambda: sum(len(origin.open) for origin in origins) == 2, "an idle connection making way")

    def test_no_more_than_max_free_sockets(self):
        # ROWS: agent.maxFreeSockets, agent.freeSockets
        origin = self.held_origin()
        culvert = self.one_worker(route([origin], "max_free_sockets = 1"))
        clients = self.clients(culvert, 3)
        self.ask(clients, [origin])
        origin.released.set()
        for client in clients:
            client.response()
        wait_until(lambda: len(origin.open) == 1, "two of three connections closing")

    def test_limits_change_with_a_reload(self):
        # ROWS: agent.maxSockets.property, agent.maxTotalSockets.property, agent.maxFreeSockets.property
        port, origin = free_port(), self.held_origin()
        culvert = self.one_worker(route([origin]), port=port)
        for reloads, (more, at_once, kept) in enumerate([
                ("max_sockets = 2", 2, 2), ("max_total_sockets = 1", 1, 1), ("max_free_sockets = 1", 3, 1)], 1):
            with self.subTest(more=more):
                origin.released.clear()
                culvert.reload(self.config(port, route([origin], more), threads=1))
                wait_until(lambda reloads=reloads: culvert.stderr().count("reloaded") == reloads, "the reload")
                clients = self.clients(culvert, 3)
                self.ask(clients[:at_once], [origin])
                for client in clients[at_once:]:
                    client.request("GET", "/")
                wait_until(lambda at_once=at_once: len(origin.open) == at_once, "the connections")
                origin.released.set()
                for client in clients:
                    self.assertEqual(client.response().status, 200)
                wait_until(lambda kept=kept: len(origin.open) == kept, "the free connections")

    def test_each_upstream_has_a_pool_of_its_own(self):
        # ROWS: agent.custom-instance, agent.getName, request.options.agent
        origin = self.origin()
        culvert = self.one_worker(upstream([origin], "max_sockets = 1", "a") + upstream([origin], "", "b") +
                                  "".join(f'[[route]]\npath = "/{name}"\nupstream = "{name}"\n' for name in "ab"))
        with culvert.connect() as client:
            for target in ("/a", "/b", "/a", "/b"):
                self.assertEqual(client.get(target).status, 200)
        self.assertEqual([request.connection for request in origin.requests], [1, 2, 1, 2])


class Choice(PoolTest):
    def used_next(self, scheduling):
        origin = self.origin()
        culvert = self.one_worker(route([origin], scheduling))
        client = self.free_connections(culvert, origin, 3)[0]
        return client.get("/").body

    def test_last_in_first_out(self):
        # ROWS: agent.scheduling, agent.scheduling.lifo
        self.assertEqual(self.used_next('scheduling = "lifo"'), b"3")
        self.assertEqual(self.used_next(""), b"3", "the default")

    def test_first_in_first_out(self):
        # ROWS: agent.scheduling.fifo
        self.assertEqual(self.used_next('scheduling = "fifo"'), b"1")

    def test_used_again_and_said_so(self):
        # ROWS: agent.class, agent.keepAlive, agent.reuseSocket, request.reusedSocket, agent.keepSocketAlive
        origin = self.origin()
        culvert = self.one_worker(route([origin]))
        with culvert.connect() as client:
            for _ in range(3):
                client.get("/")
        self.assertEqual(origin.connections, 1)
        self.assertEqual([record.get("culvert.reused") for record in culvert.access_log(3)], [False, True, True])


class NotUsedAgain(PoolTest):
    def connections_of(self, answer, more="", requests=2, pause=None):
        """On how many connections so many requests come whose first is answered so, and the others properly."""
        def handler(exchange):
            if len(exchange.origin.requests) == 1:
                exchange.send(answer)
            else:
                exchange.reply(200, b"good")
        origin = self.origin(handler)
        culvert = self.one_worker(route([origin], more))
        with culvert.connect() as client:
            client.get("/")
            if pause:
                pause(origin)
            for _ in range(requests - 1):
                self.assertEqual(client.get("/").body, b"good")
        return origin.connections

    def test_what_the_origin_will_soon_close(self):
        # ROWS: agent.observed.keepalive-hint
        answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout={}\r\n\r\n"
        self.assertEqual(self.connections_of(answer.format(1)), 2)
        self.assertEqual(self.connections_of(answer.format(20)), 1)
        self.assertEqual(self.connections_of(answer.format(2), pause=lambda origin: wait_until(
            lambda: not origin.open, "closing a second before the origin would")), 2)

    def test_what_has_served_as_often_as_the_origin_wants(self):
        answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=20, max={}\r\n\r\n"
        self.assertEqual(self.connections_of(answer.format(0)), 2)
        self.assertEqual(self.connections_of(answer.format(1)), 1)
        self.assertEqual(self.connections_of(answer.format(0), "self_tuning = false"), 1)

    def test_what_the_origin_does_not_keep(self):
        # ROWS: agent.observed.non-keepalive-response, agent.pool.no-reuse-server
        self.assertEqual(self.connections_of("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), 2)
        self.assertEqual(self.connections_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), 2)
        self.assertEqual(self.connections_of(
            "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"), 1)

    def test_what_has_bytes_behind_its_answer(self):
        # ROWS: agent.observed.free-socket-data
        twice = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        self.assertEqual(self.connections_of(twice, requests=4), 2)

    def test_what_has_been_free_for_too_long(self):
        # ROWS: agent.timeout, agent.freeSockets.timeout
        origin = self.origin()
        culvert = self.one_worker(route([origin], 'timeout = "100ms"'))
        culvert.get("/")
        wait_until(lambda: not origin.open, "the free connection closing")
        self.assertEqual(culvert.get("/").body, b"ok")
        self.assertEqual(origin.connections, 2)

    def test_what_the_origin_has_reset(self):
        # ROWS: agent.pool.remove-on-close
        def handler(exchange):
            if exchange.request.target == "/bad":
                exchange.reset()
            else:
                exchange.reply(200, b"good")
        origin = self.origin(handler)
        culvert = self.one_worker(route([origin], "max_sockets = 1"))
        with culvert.connect() as client:
            self.assert_failure(client.get("/bad"), 502, "upstream_reset_before_response")
            self.assertEqual(client.get("/").body, b"good", "its place is free again")

    def test_what_the_origin_has_closed(self):
        # ROWS: agent.pool.server-closed-idle
        def handler(exchange):
            exchange.reply(200, b"%d" % exchange.request.connection)
            exchange.close()
        origin = self.origin(handler)
        culvert = self.one_worker(route([origin]))
        with culvert.connect() as client:
            for number in (b"1", b"2", b"3"):
                self.assertEqual(client.get("/").body, number)
                wait_until(lambda: not origin.open, "the connection closing")

    def test_free_connections_end_with_the_upstream(self):
        # ROWS: agent.destroy
        port, origin = free_port(), self.origin()
        culvert = self.one_worker(route([origin]), port=port)
        culvert.get("/")
        self.assertEqual(len(origin.open), 1)
        culvert.reload(self.config(port, "[[route]]\nrespond = { status = 200 }\n", threads=1))
        wait_until(lambda: not origin.open, "the pool of an upstream that is gone closing")

    def test_nothing_is_kept_while_culvert_stops(self):
        # ROWS: agent.keepSocketAlive.false, agent.pool.unref-idle
        origin = self.held_origin()
        culvert = self.one_worker(route([origin]))
        origin.released.set()
        culvert.get("/")
        self.assertEqual(len(origin.open), 1, "free, and no reason to stay")
        origin.released.clear()
        with culvert.connect() as client:
            client.request("GET", "/")
            wait_until(lambda: len(origin.requests) == 2, "the request")
            culvert.signal(signal.SIGTERM)
            wait_until(lambda: not accepts(("127.0.0.1", culvert.port)), "the worker hearing of it")
            origin.released.set()
            self.assertEqual(client.response().header("Connection"), "close")
            wait_until(lambda: not origin.open, "the connection of the last exchange closing")
        self.assertEqual(culvert.wait(), 0)


class Cancelled(PoolTest):
    def assert_client_aborted(self, culvert, record=0):
        self.assertEqual(culvert.access_log(record + 1)[record]["error.type"], "client_aborted")

    def test_while_it_waits_for_a_connection(self):
        # ROWS: request.events.order.destroy-before-socket, outgoing.destroy, request.events.order.signal,
        #       request.options.signal
        origin = self.held_origin()
        culvert = self.one_worker(route([origin], "max_sockets = 1"))
        busy, waiting = self.clients(culvert, 2)
        self.ask([busy], [origin])
        waiting.request("GET", "/never")
        waiting.reset()
        self.assert_client_aborted(culvert)
        origin.released.set()
        self.assertEqual(busy.response().status, 200)
        self.assertEqual(busy.get("/next").status, 200)
        self.assertEqual([request.target for request in origin.requests], ["/", "/next"])

    def test_while_it_is_being_answered(self):
        # ROWS: request.destroy, response.event.close, request.events.order.destroy-after-response
        def handler(exchange):
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin")
            self.assertTrue(exchange.wait_for_end(), "the upstream exchange is cancelled")
            exchange.close()
        origin = self.origin(handler)
        culvert = self.one_worker(route([origin]))
        with culvert.connect() as client:
            client.request("GET", "/")
            client.response_head()
            client.reset()
        self.assert_client_aborted(culvert)
        wait_until(lambda: not origin.open, "the upstream's connection closing")


if __name__ == "__main__":
    main()
