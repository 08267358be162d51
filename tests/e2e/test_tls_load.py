"""What would break: a new certificate would cost clients of a busy listener their requests or their connections, or some of
them would go on getting the old one.
"""
import signal
import threading
from contextlib import contextmanager

from harness import main, wait_until
from test_tls import TlsTest

BODY = b"x" * 200_000
SWAPS = 6


class Load:
    """Clients that go on until it is over: some on connections that stand throughout, others on a new one each time."""

    def __init__(self, test, culvert):
        self.test, self.culvert = test, culvert
        self.over = threading.Event()
        self.errors, self.served, self.presented = [], [0] * 6, []

    @contextmanager
    def running(self):
        bodies = (b"", b"", BODY, BODY)
        jobs = [self.keep_one(body) for body in bodies] + [self.make_new()] * (len(self.served) - len(bodies))
        threads = [threading.Thread(target=self.work, args=entry) for entry in enumerate(jobs)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def work(self, number, job):
        """One request after another; the first that goes wrong is the last."""
        try:
            while not self.over.is_set():
                job()
                self.served[number] += 1
        except Exception as error:  # pylint: disable=broad-except  # told to the test, which fails
            self.errors.append(f"client {number}: {error!r}")

    def keep_one(self, body):
        client = self.test.client(self.culvert)

        def ask():
            client.request("PUT", "/", body=body)
            self.expect(client.response(), body)
        return ask

    def make_new(self):
        def ask():
            with self.test.client(self.culvert) as client:
                client.request("PUT", "/", body=b"new")
                self.expect(client.response(), b"new")
                self.presented.append(client.sock.getpeercert()["subjectAltName"][0][1])
                client.sock.unwrap()
        return ask

    @staticmethod
    def expect(response, body):
        if (response.status, response.body) != (200, body):
            raise AssertionError(f"another answer: {str(response)[:500]}")

    def goes_on(self):
        """Waits until each client has been served twice more: one of these requests began after the call."""
        before = list(self.served)
        wait_until(lambda: self.errors or all(now >= then + 2 for now, then in zip(self.served, before)), "requests")
        self.test.assertEqual(self.errors, [])


class Swapping(TlsTest):
    def swap_under_load(self, renewed, tls):
        """`renewed(culvert)` is called when there are new files."""
        issued = self.authority.issue("swap0.test", "site.test", file="presented")
        culvert = self.with_tls(self.origin(lambda x: x.reply(200, x.request.body)).route(), [issued], tls, threads=2)
        load = Load(self, culvert)
        with load.running():
            for swap in range(1, SWAPS + 1):
                new = self.authority.issue(f"swap{swap}.test", "site.test", file="new")
                new.key.rename(issued.key)
                new.certificate.rename(issued.certificate)
                renewed(culvert)
                wait_until(lambda: f"reloaded: revision {swap + 1}: " in culvert.stderr(), "the new certificate")
                load.goes_on()
                seen = len(load.presented)
                load.goes_on()
                self.assertEqual(set(load.presented[seen:]), {f"swap{swap}.test"})
        self.assertEqual(load.errors, [])
        records = culvert.access_log(sum(load.served))
        self.assertEqual({record.get("error.type") for record in records}, {None})
        self.assertEqual(len(records), sum(load.served))

    def test_by_reload(self):
        self.swap_under_load(lambda culvert: culvert.signal(signal.SIGHUP), "watch = false")

    def test_by_new_files(self):
        self.swap_under_load(lambda culvert: None, "")


if __name__ == "__main__":
    main()
