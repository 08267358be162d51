"""What would break: an upstream that closes idle connections makes a request fail, or has it sent twice.

CULVERT_IDLE_REQUESTS=200000 asks so many times; without it, a few seconds' worth.
"""
import asyncio
import json
import os
import random
import subprocess
import sys
import urllib.request
from pathlib import Path

from harness import CulvertTest, main

REQUESTS = int(os.environ.get("CULVERT_IDLE_REQUESTS", "1500"))
GROUPS = 16  # of clients that ask together and then pause together, so that many connections are idle for as long


class ClosingUpstream(CulvertTest):
    def setUp(self):
        super().setUp()
        program = Path(__file__).with_name("closing_origin.py")
        self.upstream = subprocess.Popen([sys.executable, "-B", str(program), "0.1", "2"],  # pylint: disable=consider-using-with
                                         stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.stop_upstream)
        self.upstream_port = int(self.upstream.stdout.readline())
        routes = (f'[upstream.closing]\nservers = ["127.0.0.1:{self.upstream_port}"]\n'
                  '[[route]]\nupstream = "closing"\n')
        self.proxy = self.culvert(routes, threads=1)

    def stop_upstream(self):
        self.upstream.kill()
        self.upstream.wait()
        self.upstream.stdout.close()

    def report(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.upstream_port}/report") as answer:
            return json.load(answer)

    async def ask(self, connection, method, target):
        reader, writer = connection
        length = "Content-Length: 5\r\n" if method == "POST" else ""
        writer.write(f"{method} {target} HTTP/1.1\r\nHost: a.test\r\n{length}\r\n{'hello' if length else ''}".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
        if method != "HEAD":
            await reader.readexactly(size)
        return int(head.split(" ")[1])

    async def ask_in_groups(self, methods, count):
        """The statuses of so many requests, each with a target of its own."""
        targets = (f"/{number}" for number in range(count))
        statuses = []
        dice = random.Random(7)

        async def group():
            clients = [await asyncio.open_connection("127.0.0.1", self.proxy.port)
                       for _ in range(8 + count // 8000)]
            while batch := [target for _, target in zip(clients, targets)]:
                statuses.extend(await asyncio.gather(
                    *(self.ask(client, dice.choice(methods), target) for client, target in zip(clients, batch))))
                await asyncio.sleep(min(2.2, dice.expovariate(2)))
            for _, writer in clients:
                writer.close()
        await asyncio.gather(*(group() for _ in range(GROUPS)))
        self.assertEqual(len(statuses), count)
        return statuses

    def test_whatever_may_be_repeated_is_answered(self):
        # ROWS: request.reusedSocket.retry
        statuses = asyncio.run(self.ask_in_groups(["GET", "GET", "GET", "HEAD", "DELETE", "OPTIONS", "PUT"], REQUESTS))
        report = self.report()
        retries = sum(record.get("culvert.retries", 0) for record in self.proxy.access_log(REQUESTS))
        print(f"{REQUESTS} requests, {report['connections']} connections, {report['closed']} closed by the upstream, "
              f"{retries} requests sent again")
        self.assertEqual({status: statuses.count(status) for status in set(statuses)}, {200: REQUESTS})
        self.assertGreater(report["closed"], 2, "it has closed what was idle")
        self.assertLess(report["connections"], REQUESTS, "some were used again")

    def test_what_must_not_be_repeated_is_not(self):
        statuses = asyncio.run(self.ask_in_groups(["POST", "POST", "GET"], REQUESTS))
        report = self.report()
        failed = sum(status != 200 for status in statuses)
        print(f"{REQUESTS} requests, {sum(report['posts'].values())} of them POST, {report['connections']} connections, "
              f"{report['closed']} closed by the upstream, {failed} failed")
        self.assertEqual({target: times for target, times in report["posts"].items() if times > 1}, {})
        self.assertLessEqual(failed, REQUESTS // 200, "it seldom meets a connection that is being closed")


if __name__ == "__main__":
    main()
