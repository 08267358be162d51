"""What a test of a program that uses culvert as its proxy needs: servers for it, the proxy, and a clean environment.

    site = self.site()                                   nginx, over HTTP and over HTTPS
    proxy = self.proxy(site.plain, tls=[site.secure])    culvert, which lets it go there and nowhere else
    self.run_client(["curl", "-x", proxy.url(), ...])
    self.assert_seen(proxy, ("CONNECT", site.secure, 200))
"""
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from authority import Authority
from harness import CulvertTest, run_culvert
from peers import start_nginx

HOST = "localhost"
# A client that gives up earlier tells more than a test that is stopped.
CLIENT_SECONDS = 60


class Site:
    """nginx with the files in `root`: twice, as an HTTPS server needs a port of its own."""

    def __init__(self, folder, issued, locations):
        lines = f"ssl_certificate {issued.certificate};\nssl_certificate_key {issued.key};\n"
        self.plain_peer = start_nginx(folder / "plain", locations)
        self.secure_peer = start_nginx(folder / "secure", lines + locations, "ssl")
        self.root = folder / "secure" / "root"
        (folder / "plain" / "root").rmdir()
        (folder / "plain" / "root").symlink_to(self.root)
        self.plain = f"{HOST}:{self.plain_peer.port}"
        self.secure = f"{HOST}:{self.secure_peer.port}"

    def urls(self, path):
        return f"http://{self.plain}{path}", f"https://{self.secure}{path}"

    def requests(self):
        """Lines of the logs of both."""
        logs = [peer.folder / "requests.log" for peer in (self.plain_peer, self.secure_peer)]
        return [line for log in logs for line in log.read_text().splitlines()]

    def stop(self):
        self.plain_peer.stop()
        self.secure_peer.stop()


class ProxyClientTest(CulvertTest):
    @classmethod
    def setUpClass(cls):
        folder = Path(tempfile.mkdtemp(prefix="culvert-certificates-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.authority = Authority(folder)
        cls.issued = cls.authority.issue(HOST, "IP:127.0.0.1")

    def setUp(self):
        super().setUp()
        # Nothing else that the machine's owner has set decides where a client goes and whom it trusts.
        self.environment = {"PATH": os.environ["PATH"] + ":/usr/sbin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}

    def site(self, locations=""):
        site = Site(self.folder, self.issued, locations)
        self.addCleanup(site.stop)
        return site

    def proxy(self, *allowed, tls=(), user=None, tunnel=""):
        """culvert, for these authorities, those of `tls` to be called by their name; only for `user` where one is given."""
        auth, more = "", ""
        if user:
            name, password = user.split(":")
            line = run_culvert("hash-password", "--cost", 1, "--user", name, input=password).stdout.strip()
            auth, more = 'auth = "clients"', f'[auth.clients]\nusers = "{line}"\n'
        rules = "".join(f"[[tunnel.out.rule]]\nallow = {json.dumps(list(authorities))}\nrequire_sni = {required}\n"
                        for authorities, required in ((allowed, "false"), (tls, "true")) if authorities)
        return self.culvert(listener='mode = "forward"\ntunnel = "out"', threads=1,
                            more=f'[tunnel.out]\nprivate_networks = ["127.0.0.0/8", "::1/128"]\n{auth}\n{tunnel}\n{rules}{more}')

    def run_client(self, command, *, succeeds=True, stdin=b"", env=None, cwd=None):
        done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, check=False, cwd=cwd,
                              timeout=CLIENT_SECONDS, env={**self.environment, **(env or {})})
        self.assertEqual(done.returncode == 0, succeeds, (done.stdout[-2000:], done.stderr[-2000:]))
        return done

    def records(self, proxy):
        """All that the proxy has to say, once its clients have gone."""
        self.assertEqual(proxy.stop(), 0, proxy.stderr())
        return proxy.access_log()

    def assert_seen(self, proxy, *expected):
        """It was asked for these, as often as anybody liked, and for nothing else: (method, where, status)."""
        records = self.records(proxy)
        for record in records:
            if record["http.response.status_code"] == 403:
                self.assertEqual(record["error.type"], "destination_denied")
                self.assertNotIn("culvert.server", record, "nobody is dialled")
        self.assertEqual({self.what_was_asked(record) for record in records}, set(expected))
        return records

    @staticmethod
    def what_was_asked(record):
        is_tunnel = record["http.request.method"] == "CONNECT"
        where = record["url.path"] if is_tunnel else record["server.address"]
        return record["http.request.method"], where, record["http.response.status_code"]
