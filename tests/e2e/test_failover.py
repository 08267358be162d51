"""What would break: a server that dies takes requests with it, or one that comes back gets none.

CULVERT_FAILOVER_SECONDS=60 goes on for so long; without it, a few rounds.
"""
import asyncio
import collections
import os
import random
import subprocess
import sys
from pathlib import Path

from harness import CulvertTest, accepts, free_port, main, wait_until

SECONDS = int(os.environ.get("CULVERT_FAILOVER_SECONDS", "6"))
CLIENTS = 64


class MortalServer:
    def __init__(self, folder):
        self.port, self.file, self.process = free_port(), folder / "posts", None

    def start(self):
        program = Path(__file__).with_name("mortal_origin.py")
        self.process = subprocess.Popen([sys.executable, "-B", str(program), str(self.port), str(self.file)])  # pylint: disable=consider-using-with
        wait_until(lambda: accepts(("127.0.0.1", self.port)), "the server's start")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None


class Failover(CulvertTest):
    def setUp(self):
        super().setUp()
        self.servers = [MortalServer(self.folder) for _ in range(3)]
        for server in self.servers:
            self.addCleanup(server.kill)

    def addresses(self):
        return ", ".join(f'"127.0.0.1:{server.port}"' for server in self.servers)

    async def client(self, proxy, statuses, ends):
        """Asks on kept connections until `ends`; a connection that the proxy closes is made anew."""
        dice = random.Random(proxy.port + len(statuses))
        reader = writer = None
        while not ends.is_set():
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            method = "POST" if dice.random() < 0.1 else "GET"
            self.asked += 1
            body = "Content-Length: 5\r\n\r\nhello" if method == "POST" else "\r\n"
            writer.write(f"{method} /{self.asked} HTTP/1.1\r\nHost: a.test\r\n{body}".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            size = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:"))
            await reader.readexactly(size)
            statuses[method][head.split(" ")[1]] += 1
            if "connection: close" in head:
                writer.close()
                writer = None
        if writer:
            writer.close()

    async def restart_one_after_the_other(self, ends):
        loop = asyncio.get_running_loop()
        for second in range(SECONDS):
            server = self.servers[second % 3]
            await loop.run_in_executor(None, server.kill)
            await asyncio.sleep(0.5)  # it is away for so long
            await loop.run_in_executor(None, server.start)
            await asyncio.sleep(0.5)
        ends.set()

    def test_servers_that_are_killed_and_started_again_cost_no_get_and_no_post_comes_twice(self):
        for server in self.servers:
            server.start()
        self.asked = 0
        proxy = self.culvert(f'[upstream.api]\nservers = [{self.addresses()}]\noutlier = {{ eject_for = "1s" }}\n'
                             '[[route]]\nupstream = "api"\n'
                             'retry.on = ["connect-failure", "reused-connection-closed", "reset"]\n')
        statuses = {"GET": collections.Counter(), "POST": collections.Counter()}

        async def scenario():
            ends = asyncio.Event()
            await asyncio.gather(self.restart_one_after_the_other(ends),
                                 *(self.client(proxy, statuses, ends) for _ in range(CLIENTS)))
        asyncio.run(scenario())
        posts = collections.Counter(self.servers[0].file.read_text().split())
        print(f"{SECONDS} restarts: {dict(statuses['GET'])} GET, {dict(statuses['POST'])} POST, {len(posts)} of them received")
        self.assertEqual(set(statuses["GET"]), {"200"})
        self.assertGreater(statuses["GET"]["200"], 100 * SECONDS)
        self.assertEqual([target for target, times in posts.items() if times > 1], [])

    def test_requests_wait_while_the_only_server_restarts(self):
        server = self.servers[0]
        server.start()
        proxy = self.culvert(f'[upstream.api]\nservers = ["127.0.0.1:{server.port}"]\nhold = {{ timeout = "15s" }}\n'
                             '[[route]]\nupstream = "api"\n')
        self.assertEqual(proxy.get("/").status, 200)
        server.kill()

        async def scenario():
            asked = []
            for method in ("GET", "POST"):
                reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
                body = "Content-Length: 5\r\n\r\nhello" if method == "POST" else "\r\n"
                writer.write(f"{method} /held HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n{body}".encode())
                asked.append((reader, writer))
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, server.start)
            statuses = []
            for reader, writer in asked:
                statuses.append((await reader.read()).split(b" ", 2)[1])
                writer.close()
            return statuses
        self.assertEqual(asyncio.run(scenario()), [b"200", b"200"])
        self.assertEqual(server.file.read_text(), "/held\n")

    def test_they_do_not_wait_for_ever(self):
        proxy = self.culvert(f'[upstream.api]\nservers = [{self.addresses()}]\n'
                             'hold = { timeout = "300ms", max_requests = 0 }\n[[route]]\nupstream = "api"\n', threads=1)
        response = proxy.get("/")
        self.assert_failure(response, 503, "upstream_hold_full")
        proxy.reload(proxy.config_path.read_text().replace("max_requests = 0", "max_requests = 10"))
        wait_until(lambda: "reloaded: revision 2" in proxy.stderr(), "the reload")
        response = proxy.get("/")
        self.assert_failure(response, 503, "upstream_hold_timeout")
        self.assertEqual(response.header("Retry-After"), "5")


if __name__ == "__main__":
    main()
