"""What would break: memory that grows with the size of a body, with a slow peer, or with idle connections."""
import resource
import threading

from harness import CulvertTest, main, wait_until

MIB = 1024 * 1024
BODY_MIB = 100
GROWTH_MAX_KIB = 2 * 1024
CONNECTIONS = 2000


class Progress:
    """A number that one thread raises and another watches until it stands still."""

    def __init__(self):
        self.value = 0
        self.quiet = 0
        self.last = -1

    def stands_still(self):
        self.quiet = self.quiet + 1 if self.value == self.last else 0
        self.last = self.value
        return self.value > 0 and self.quiet >= 30


class SlowPeers(CulvertTest):
    def assert_bounded(self, culvert, before, when):
        self.assertLess(culvert.rss_kib() - before, GROWTH_MAX_KIB, f"KiB that the daemon has grown {when}")

    def test_download_by_a_client_that_stops_reading(self):
        # ROWS: http.never-buffers, request.response.must-consume, response.write.return, outgoing.write.return,
        #       outgoing.event.drain
        sent = Progress()

        def handler(exchange):
            size = int(exchange.request.target[1:])
            exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size * MIB}\r\n\r\n")
            for _ in range(size * 16):
                exchange.send(bytes(MIB // 16))
                sent.value += MIB // 16
        culvert = self.culvert(self.origin(handler).route(), threads=1)
        self.assertEqual(len(culvert.get("/4").body), 4 * MIB)
        before = culvert.rss_kib()
        sent.value = 0
        with culvert.connect(receive_buffer=64 * 1024) as client:
            client.request("GET", f"/{BODY_MIB}")
            client.response_head()
            wait_until(sent.stands_still, "the upstream being held back", 60)
            self.assertLess(sent.value, BODY_MIB * MIB / 2, "the upstream should not get rid of it all")
            self.assert_bounded(culvert, before, "while the client does not read")
            for received in range(BODY_MIB):
                client.reader.exactly(MIB)
                self.assert_bounded(culvert, before, f"after {received} MiB")

    def test_upload_to_an_upstream_that_stops_reading(self):
        # ROWS: request.write.return
        def handler(exchange):
            length = int(exchange.request.header("Content-Length"))
            if length > 4 * MIB:
                exchange.origin.released.wait(60)
            received = len(exchange.reader.take(length))
            while received < length:
                received += len(exchange.sock.recv(64 * 1024))
            exchange.reply(200, b"%d" % received)
        origin = self.origin(handler, reads_body=False, receive_buffer=64 * 1024)
        culvert = self.culvert(origin.route(), threads=1)
        with culvert.connect() as client:
            client.request("PUT", "/", body=bytes(4 * MIB))
            self.assertEqual(client.response().status, 200)
        before = culvert.rss_kib()
        sent = Progress()
        with culvert.connect() as client:
            client.sock.settimeout(120)

            def upload():
                client.request("PUT", "/", [("Content-Length", str(BODY_MIB * MIB))])
                for _ in range(BODY_MIB * 16):
                    client.send(bytes(MIB // 16))
                    sent.value += MIB // 16
            uploader = threading.Thread(target=upload)
            uploader.start()
            wait_until(sent.stands_still, "the client being held back", 60)
            self.assertLess(sent.value, BODY_MIB * MIB / 2, "the client should not get rid of it all")
            self.assert_bounded(culvert, before, "while the upstream does not read")
            origin.released.set()
            uploader.join()
            self.assertEqual(client.response().body, b"%d" % (BODY_MIB * MIB))
        self.assert_bounded(culvert, before, "after all")


class LargeBodies(CulvertTest):
    """A gibibyte each way, past a peer that stops again and again: memory stays where it was."""

    SIZE_MIB = 1024
    PAUSES = 8
    pause = threading.Event()  # never set: what a peer does that has something else to do

    def assert_flat(self, culvert, before):
        self.assertLess(culvert.rss_kib() - before, 4 * 1024, "KiB that the daemon has grown")

    def test_download(self):
        def handler(exchange):
            size = int(exchange.request.target[1:])
            exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size * MIB}\r\n\r\n")
            for _ in range(size):
                exchange.send(bytes(MIB))
        culvert = self.culvert(self.origin(handler).route(), threads=1)
        culvert.get("/4")
        before = culvert.rss_kib()
        with culvert.connect() as client:
            client.request("GET", f"/{self.SIZE_MIB}")
            client.response_head()
            self.read(client.reader, culvert, before)

    def read(self, reader, culvert, before):
        left = self.SIZE_MIB * MIB
        part = left // self.PAUSES
        while left:
            left -= len(reader.exactly(min(part, left)))
            self.pause.wait(0.05)
            self.assert_flat(culvert, before)

    def test_upload(self):
        pauses = []

        def handler(exchange):
            length = int(exchange.request.header("Content-Length"))
            total = len(exchange.reader.take(length))
            while total < length:
                total += len(exchange.sock.recv(256 * 1024))
                if total // (length // self.PAUSES) > len(pauses):
                    pauses.append(total)
                    self.pause.wait(0.05)
            exchange.reply(200, b"%d" % total)
        culvert = self.culvert(self.origin(handler, reads_body=False).route(), threads=1)
        with culvert.connect() as client:
            client.request("PUT", "/", body=bytes(4 * MIB))
            self.assertEqual(client.response().status, 200)
            before = culvert.rss_kib()
            client.request("PUT", "/", [("Content-Length", str(self.SIZE_MIB * MIB))])
            for _ in range(self.SIZE_MIB):
                client.send(bytes(MIB))
            self.assert_flat(culvert, before)
            self.assertEqual(client.response().body, b"%d" % (self.SIZE_MIB * MIB))


class IdleConnections(CulvertTest):
    def setUp(self):
        super().setUp()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # the daemon inherits it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def test_an_idle_connection_costs_less_than_a_kibibyte(self):
        culvert = self.culvert(self.origin().route(), threads=1, server='keep_alive_timeout = "1h"')
        clients = []

        def open_more(count):
            for _ in range(count):
                client = culvert.connect()
                self.addCleanup(client.close)
                clients.append(client)
                self.assertEqual(client.get("/").status, 200)
        open_more(200)
        before = culvert.rss_kib()
        open_more(CONNECTIONS)
        self.assertLess((culvert.rss_kib() - before) / CONNECTIONS, 1.0, "KiB for each idle connection")
        for client in clients[::100]:
            self.assertEqual(client.get("/").status, 200, "all of them still work")


if __name__ == "__main__":
    main()
