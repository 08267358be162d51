"""What would break: that a fault of one peer, or of the machine, stays that peer's or the machine's: culvert goes on, tells
what happened, and serves everybody else meanwhile.
"""
import signal
import subprocess
import threading

from client import Aborted
from harness import CulvertTest, free_port, main, wait_until


class UpstreamFaults(CulvertTest):
    """An upstream that goes, or falls silent, at each point of an exchange."""

    CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    LENGTH = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
    PHASES = (  # name, what is sent before, whether the request's body is read first; the reason, or None: it looks whole
        ("before the request's body", "", False, "upstream_reset_before_response"),
        ("before an answer", "", True, "upstream_reset_before_response"),
        ("within the status line", "HTTP/1.1 2", True, "upstream_reset_before_response"),
        ("within a field", "HTTP/1.1 200 OK\r\nX-Fie", True, "upstream_reset_before_response"),
        ("after a 100", "HTTP/1.1 100 Continue\r\n\r\n", True, "upstream_reset_before_response"),
        ("after the head", LENGTH, True, "upstream_aborted_body"),
        ("within the body", LENGTH + "abc", True, "upstream_aborted_body"),
        ("within a chunk size", CHUNKED + "3", True, "upstream_aborted_body"),
        ("within a chunk", CHUNKED + "9\r\nabc", True, "upstream_aborted_body"),
        ("before the last chunk", CHUNKED + "3\r\nabc\r\n", True, "upstream_aborted_body"),
        ("within the trailers", CHUNKED + "3\r\nabc\r\n0\r\nX-Sum: ", True, "upstream_aborted_body"),
    )

    def assert_told(self, culvert, how, reason_of):
        """At every point; and the next request is served as ever."""
        with culvert.connect() as other:
            for number, (name, *_) in enumerate(self.PHASES):
                with culvert.connect() as client:
                    client.request("POST", f"/{number}", body=b"question")
                    try:
                        while (status := client.response().status) == 100:
                            pass
                        self.assertGreaterEqual(status, 500, f"{how} {name}")
                    except (Aborted, ConnectionError):
                        pass  # a message cut short looks cut short
                self.assertEqual(other.get("/well").body, b"well", f"{how} {name}")
        reasons = [record.get("error.type") for record in culvert.access_log(2 * len(self.PHASES))]
        for (name, *_, reason), told, well in zip(self.PHASES, reasons[::2], reasons[1::2]):
            self.assertEqual((told, well), (reason_of(reason), None), f"{how} {name}")

    def origin_that(self, ends):
        def handler(exchange):
            if exchange.request.target == "/well":
                exchange.read_body()
                return exchange.reply(200, b"well")
            _, text, reads, _ = self.PHASES[int(exchange.request.target[1:])]
            if reads:
                exchange.read_body()
            exchange.send(text)
            return ends(exchange)
        return self.origin(handler, reads_body=False)

    def test_goes_at_each_point(self):
        for end in ("close", "reset"):
            origin = self.origin_that(lambda x, end=end: getattr(x, end)())
            self.assert_told(self.culvert(origin.route(), threads=1), end, lambda reason: reason)

    def test_falls_silent_at_each_point(self):
        def falls_silent(exchange):
            while not exchange.wait_for_end():
                exchange.reader.buffer.clear()
            exchange.close()
        origin = self.origin_that(falls_silent)
        route = origin.route().replace("[[route]]", 'response_timeout = "400ms"\n[[route]]')
        silent = {"upstream_aborted_body": "upstream_body_timeout",
                  "upstream_reset_before_response": "upstream_response_timeout"}
        self.assert_told(self.culvert(route, threads=1), "silent", silent.get)


class SlowClients(CulvertTest):
    def attack(self, culvert, *how):
        """slowhttptest, while others are served."""
        tool = subprocess.Popen(["slowhttptest", *how, "-c", "150", "-r", "150", "-i", "1", "-l", "4", "-p", "2",
                                 "-u", culvert.url()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        served = 0
        while tool.poll() is None:
            self.assertEqual(culvert.get("/").body, b"ok")
            served += 1
        self.assertGreater(served, 0)

    def limited(self):
        return self.culvert(self.origin().route(), server='headers_timeout = "1s"\nrequest_timeout = "2s"')

    def reasons(self, culvert):
        return {record["error.type"] for record in culvert.access_log() if "error.type" in record}

    def test_heads_that_come_drop_by_drop(self):
        culvert = self.limited()
        self.attack(culvert, "-H")
        wait_until(lambda: "request_header_timeout" in self.reasons(culvert), "their end being told")

    def test_bodies_that_come_drop_by_drop(self):
        culvert = self.limited()
        self.attack(culvert, "-B", "-s", "8192")
        wait_until(lambda: "request_timeout" in self.reasons(culvert), "their end being told")


class Machine(CulvertTest):
    def test_disk_full_for_the_logs(self):
        port = free_port()
        config = self.config(port, "[log]\ntarget = \"/dev/full\"\n" + self.origin().route(), access_file="/dev/full")
        culvert = self.start(config, port)
        for _ in range(3):
            with culvert.connect() as client:
                for _ in range(100):
                    self.assertEqual(client.get("/").body, b"ok")

    def test_disk_full_for_the_access_log_is_told(self):
        culvert = self.culvert(self.origin().route(), access_file="/dev/full")
        for _ in range(3):
            culvert.get("/")
        wait_until(lambda: "No space left on device" in culvert.stderr(), "the operational log telling of it")

    def test_storm_of_reloads(self):
        """Hundreds of SIGHUPs while clients are served: nobody's request pays for one."""
        port, origin = free_port(), self.origin(lambda x: x.reply(200, x.request.body))
        culvert = self.culvert(origin.route(), port=port)
        over = threading.Event()
        wrong, served = [], []

        def talk():
            with culvert.connect() as client:
                while not over.is_set():
                    client.request("PUT", "/", body=b"x" * 1000)
                    response = client.response()
                    if (response.status, len(response.body)) != (200, 1000):
                        wrong.append(str(response))
                    served.append(1)
        clients = [threading.Thread(target=talk) for _ in range(4)]
        for client in clients:
            client.start()
        for turn in range(300):
            culvert.configure(self.config(port, origin.route(f'name = "turn {turn % 7}"')))
            culvert.signal(signal.SIGHUP)
            culvert.get("/between")
        over.set()
        for client in clients:
            client.join()
        self.assertEqual(wrong, [])
        self.assertGreater(len(served), 100)
        self.assertEqual(culvert.get("/").status, 200)


if __name__ == "__main__":
    main()
