"""What would break: one server of three that takes long keeps every third client waiting, or what may be done once is done twice."""
import threading
import time

from harness import CulvertTest, main

SLOW = 1.0     # seconds that one server takes
AFTER = 0.1    # seconds until another one is asked as well
REQUESTS = 60
FIELDS = 'fields = ["culvert.server", "culvert.hedges"]'


class Hedging(CulvertTest):
    def setUp(self):
        super().setUp()
        self.ends = threading.Event()
        self.addCleanup(self.ends.set)

    def swift(self, exchange):
        exchange.reply(200, exchange.request.body)

    def slow(self, exchange):
        self.ends.wait(SLOW)
        exchange.reply(200, exchange.request.body)

    def proxy(self, budget="percent = 100"):
        self.origins = [self.origin(self.slow), self.origin(self.swift), self.origin(self.swift)]
        addresses = ", ".join(f'"{origin.address}"' for origin in self.origins)
        return self.culvert(f'[upstream.api]\nservers = [{addresses}]\nretry_budget = {{ {budget} }}\n'
                            f'[[route]]\nupstream = "api"\nretry.hedge_after = "{int(AFTER * 1000)}ms"\n',
                            threads=1, access=FIELDS)

    def times(self, proxy, method, count, body=b""):
        """How long each of so many requests took, the longest last."""
        times = []
        with proxy.connect() as client:
            for number in range(count):
                began = time.monotonic()
                client.send(f"{method} /{number} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                response = client.response()
                self.assertEqual((response.status, response.body), (200, body))
                times.append(time.monotonic() - began)
        return sorted(times)

    def asked(self, origin):
        return [request.target for request in origin.requests]

    def test_one_slow_server_of_three_makes_nobody_wait(self):
        proxy = self.proxy()
        times = self.times(proxy, "GET", REQUESTS)
        print(f"{REQUESTS} requests: half within {times[REQUESTS // 2] * 1000:.1f} ms, "
              f"99 % within {times[REQUESTS * 99 // 100] * 1000:.0f} ms")
        self.assertLess(times[-1], SLOW / 2)
        self.assertGreaterEqual(times[-1], AFTER, "the slow one had its time")
        records = proxy.access_log(REQUESTS)
        slow = self.origins[0]
        self.assertEqual(sum(record["culvert.hedges"] for record in records), len(slow.requests))
        self.assertGreaterEqual(len(slow.requests), REQUESTS // 3)
        self.assertNotIn(slow.address, [record["culvert.server"] for record in records])

    def test_a_body_is_whole_at_whoever_answers(self):
        times = self.times(self.proxy(), "PUT", 6, b"0123456789" * 5000)
        self.assertLess(times[-1], SLOW / 2)

    def test_every_post_is_sent_once(self):
        proxy = self.proxy()
        times = self.times(proxy, "POST", 6, b"once")
        self.assertGreaterEqual(times[-1], SLOW, "the slow one is waited for")
        targets = [target for origin in self.origins for target in self.asked(origin)]
        self.assertEqual(sorted(targets), [f"/{number}" for number in range(6)])

    def test_no_more_than_the_budget_are_sent_twice(self):
        times = self.times(self.proxy("percent = 0, min_per_second = 0"), "GET", 3)
        self.assertGreaterEqual(times[-1], SLOW)


if __name__ == "__main__":
    main()
