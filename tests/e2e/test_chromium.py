"""What would break: a browser behind culvert. Pages by http:// and by https://, a WebSocket, and what no rule lets it
have: Chromium calls home by itself, too, and none of that is to leave. And one before it, where culvert speaks TLS.
"""
import base64
import hashlib
import threading

from harness import PATIENCE, main
from proxy_clients import HOST, ProxyClientTest

# A browser that gets nothing from elsewhere still shows the page.
PAGE = """<!DOCTYPE html>
<img src="https://tracker.test/pixel.png"><script src="http://tracker.test/script.js"></script>
<p id="out"></p><script>document.getElementById('out').textContent = 'by ' + location.protocol;</script>
"""
# The load event, after which the page is printed, waits for the image, and that for the conversation.
CHAT_PAGE = """<!DOCTYPE html>
<p id="out"></p><img src="/when-all-is-said"><script>
const socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}/chat`);
socket.onmessage = (event) => {
  document.getElementById('out').textContent = 'heard ' + event.data;
  socket.send('thanks');
};
</script>
"""
# What it has agreed on with its server.
TLS_SCRIPT = """const [page] = performance.getEntriesByType('navigation');
document.write(`${page.nextHopProtocol} in a ${isSecureContext ? 'secure' : 'plain'} context`);
"""


class ChromiumTest(ProxyClientTest):
    def browse(self, url, *arguments):
        """The page as it looks after its load event, scripts having run."""
        return self.run_client(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             f"--user-data-dir={self.folder / 'profile'}", *arguments,
             f"--ignore-certificate-errors-spki-list={self.issued.fingerprint()}", "--dump-dom", url]).stdout.decode()

    def chat(self):
        """A server of CHAT_PAGE."""
        all_is_said = threading.Event()

        def handle(x):
            if x.request.target == "/":
                x.reply(200, CHAT_PAGE.encode(), [("Content-Type", "text/html")])
            elif x.request.target == "/chat":
                key = x.request.header("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
                accepts = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
                x.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       f"Sec-WebSocket-Accept: {accepts}\r\n\r\n")
                x.send(b"\x81\x05hello")
                if x.reader.exactly(2) == b"\x81\x86":  # a masked text of six bytes
                    all_is_said.set()
                x.wait_for_end()
                x.close()
            else:
                all_is_said.wait(PATIENCE)
                x.reply(404)
        return self.origin(handle)


class Chromium(ChromiumTest):
    def page(self, proxy, url):
        return self.browse(url, f"--proxy-server=127.0.0.1:{proxy.port}",
                           "--proxy-bypass-list=<-loopback>")  # it would go to this machine's servers directly

    def assert_seen(self, proxy, *expected):
        """These were asked for, and whatever else was has been denied."""
        records = self.records(proxy)
        seen = {self.what_was_asked(record) for record in records}
        self.assertLessEqual(set(expected), seen)
        for record in records:
            if record["server.address"] == HOST:
                self.assertRegex(record["culvert.server"], r"^127\.0\.0\.1:")
            else:
                self.assertEqual(record["error.type"], "destination_denied")
                self.assertNotIn("culvert.server", record, "nobody is dialled")

    def test_pages(self):
        site = self.site("location / { default_type text/html; }")
        (site.root / "page").write_text(PAGE)
        proxy = self.proxy(site.plain, tls=[site.secure])
        plain, secure = site.urls("/page")
        self.assertIn("by http:", self.page(proxy, plain))
        self.assertIn("by https:", self.page(proxy, secure))
        self.assert_seen(proxy, ("GET", HOST, 200), ("CONNECT", site.secure, 200),
                         ("GET", "tracker.test", 403), ("CONNECT", "tracker.test:443", 403))

    def test_websocket(self):
        origin = self.chat()
        proxy = self.proxy(f"{HOST}:{origin.port}")
        self.assertIn("heard hello", self.page(proxy, f"http://{HOST}:{origin.port}/"))
        self.assert_seen(proxy, ("GET", HOST, 200), ("CONNECT", f"{HOST}:{origin.port}", 200))

    def test_its_hello_may_have_another_one_encrypted(self):
        # docs/tunnels.md says so: without it, encrypted_client_hello = "deny" would be for networks with browsers as well.
        site = self.site("location / { default_type text/html; }")
        (site.root / "page").write_text(PAGE)
        proxy = self.proxy(tls=[site.secure], tunnel='encrypted_client_hello = "deny"')
        _, secure = site.urls("/page")
        self.assertNotIn("by https:", self.page(proxy, secure))
        errors = {record["error.type"] for record in self.records(proxy) if record["url.path"] == site.secure}
        self.assertEqual(errors, {"tunnel_ech_denied"})
        self.assertEqual(site.requests(), [])

    def test_denied_page(self):
        site = self.site()
        proxy = self.proxy("elsewhere.test:443")
        plain, secure = site.urls("/")
        self.assertIn("destination_denied", self.page(proxy, plain))
        self.assertNotIn("destination_denied", self.page(proxy, secure))
        seen = [self.what_was_asked(record) for record in self.records(proxy)]
        self.assertIn(("GET", HOST, 403), seen)
        self.assertIn(("CONNECT", site.secure, 403), seen)
        self.assertEqual({status for _, _, status in seen}, {403})
        self.assertEqual(site.requests(), [])


class BeforeCulvert(ChromiumTest):
    def with_tls(self, origin):
        return self.culvert(origin.route(), threads=1, listener='tls = "main"', more=f"[tls.main]\n{self.issued.toml()}",
                            access='fields = ["url.scheme", "url.path", "http.response.status_code"]')

    def test_page(self):
        def handle(x):
            if x.request.target == "/script.js":
                return x.reply(200, TLS_SCRIPT.encode(), [("Content-Type", "text/javascript")])
            return x.reply(200, b'<!DOCTYPE html><script src="/script.js"></script>', [("Content-Type", "text/html")])
        culvert = self.with_tls(self.origin(handle))
        self.assertIn("http/1.1 in a secure context", self.browse(f"https://{HOST}:{culvert.port}/page"))
        self.assertEqual(culvert.access_log(2)[:2], [{"url.scheme": "https", "url.path": path, "http.response.status_code": 200}
                                                     for path in ("/page", "/script.js")])

    def test_websocket(self):
        culvert = self.with_tls(self.chat())
        self.assertIn("heard hello", self.browse(f"https://{HOST}:{culvert.port}/"))


if __name__ == "__main__":
    main()
