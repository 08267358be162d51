"""What would break: WebSockets of real programs, those of Node's `ws` on both sides, and of the library's own client."""
import json
import os
import re
import subprocess

from harness import PATIENCE, SOURCE_DIR, CulvertTest, curl, free_port, main, wait_until
from peers import NODE_MODULES, start_nginx, start_node
from programs import run_example

# Sends messages back as they came; "close" is answered with a close, and "ping" with a ping.
SERVER = """
const { WebSocketServer } = require('ws');
const server = require('http').createServer((request, response) => response.end('no websocket'));
const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 }, maxPayload: 64 * 1024 * 1024 });
sockets.on('connection', (socket, request) => {
  socket.send(JSON.stringify({ url: request.url, headers: request.headers, extensions: socket.extensions }));
  socket.on('message', (data, isBinary) => {
    const text = isBinary ? '' : data.toString();
    if (text === 'close') return socket.close(4001, 'as asked');
    if (text === 'ping') return socket.ping('are you there');
    socket.send(data, { binary: isBinary });
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
"""

# What happens to a client that says everything there is to say, as one JSON object.
CLIENT = """
const { WebSocket } = require('ws');
const crypto = require('crypto');
const [url, deflates] = process.argv.slice(1);
const large = Buffer.concat([crypto.randomBytes(5_000_000), Buffer.alloc(5_000_000)]);
const seen = { messages: [] };
const socket = new WebSocket(url, ['chat', 'superchat'], { perMessageDeflate: deflates === 'true' && { threshold: 0 },
                                                             rejectUnauthorized: false });
const steps = [
  () => socket.send('gr\\u00fc\\u00dfe'),
  () => socket.send(Buffer.from([0, 255, 1, 254])),
  () => socket.send(large),
  () => { socket.send('in ', { fin: false }); socket.send('pieces', { fin: true }); },
  () => socket.ping('hello'),
  () => socket.send('ping'),
  () => socket.send('close'),
];
socket.on('upgrade', (response) => { seen.via = response.headers.via; });
socket.on('message', (data, isBinary) => {
  seen.messages.push(isBinary && data.length > 100 ? data.equals(large) : isBinary ? [...data] : data.toString());
  steps.shift()();
});
socket.on('pong', (data) => { seen.pong = data.toString(); steps.shift()(); });
socket.on('ping', (data) => { seen.ping = data.toString(); steps.shift()(); });
socket.on('close', (code, reason) => {
  seen.close = [code, reason.toString()];
  seen.extensions = socket.extensions;
  seen.protocol = socket.protocol;
  console.log(JSON.stringify(seen));
});
socket.on('unexpected-response', (request, response) => console.log(JSON.stringify({ status: response.statusCode })));
socket.on('error', (error) => console.error(error.message));
"""

# Opens a socket, and says how it ended.
WAITER = """
const { WebSocket } = require('ws');
const socket = new WebSocket(process.argv[1]);
const every = Number(process.argv[2] ?? 0);
if (every) setInterval(() => socket.ping(), every).unref();
socket.on('error', () => {});
socket.on('close', (code) => console.log(code));
"""


def node(script, *arguments):
    return subprocess.run(["node", "-e", script, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE,
                          check=False, env={**os.environ, **NODE_MODULES})


class WebSockets(CulvertTest):
    def server(self):
        peer = start_node(self.folder / "ws", SERVER)
        self.addCleanup(peer.stop)
        return peer

    def url(self, culvert, path="/chat"):
        return f"ws://127.0.0.1:{culvert.port}{path}"

    def talk(self, culvert, deflates, path="/chat", scheme="ws"):
        done = node(CLIENT, self.url(culvert, path).replace("ws", scheme, 1), json.dumps(deflates))
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout)

    def test_all_that_there_is_to_say(self):
        culvert = self.culvert(self.server().route())
        for deflates in (False, True):
            with self.subTest(deflates=deflates):
                seen = self.talk(culvert, deflates)
                hello = json.loads(seen["messages"].pop(0))
                self.assertEqual(hello["url"], "/chat")
                self.assertEqual((hello["headers"]["connection"], hello["headers"]["upgrade"]), ("Upgrade", "websocket"))
                self.assertEqual(seen["messages"], ["grüße", [0, 255, 1, 254], True, "in pieces"])
                self.assertEqual((seen["pong"], seen["ping"]), ("hello", "are you there"))
                self.assertEqual((seen["close"], seen["protocol"], seen["via"]), ([4001, "as asked"], "chat", "1.1 culvert"))
                self.assertEqual((seen["extensions"], hello["extensions"]), ("permessage-deflate", "permessage-deflate") if deflates else ("", ""))
        for record in culvert.access_log(2):
            self.assertEqual((record["http.response.status_code"], record["url.path"]), (101, "/chat"))
            self.assertNotIn("error.type", record)
            self.assertGreater(min(record["http.request.body.size"], record["http.response.body.size"]), 5_000_000)

    def test_over_tls(self):
        culvert = self.culvert(self.server().route(), listener='tls = "self-signed"')
        seen = self.talk(culvert, True, scheme="wss")
        self.assertEqual(seen["messages"][1:], ["grüße", [0, 255, 1, 254], True, "in pieces"])
        self.assertEqual(seen["close"], [4001, "as asked"])
        self.assertEqual(json.loads(seen["messages"][0])["headers"]["x-forwarded-proto"], "https")

    def test_the_librarys_own_client(self):
        # ROWS: http.WebSocket.handshake, http.WebSocket.frames, http.WebSocket.close
        culvert = self.culvert(self.server().route())
        done = run_example("websocket_client", self.url(culvert), "hello", "grüße")
        first, *rest = done.stdout.splitlines()
        self.assertEqual(json.loads(first)["url"], "/chat", done.stderr)
        self.assertEqual(rest[:1], ["hello"])
        self.assertEqual(rest[-1], "closed: 1000 that is all")

    def test_quiet_ones_are_closed_and_pings_keep_them_open(self):
        culvert = self.culvert(self.server().route('upgrade_idle_timeout = "400ms"\nupgrade_max_lifetime = "2s"'))
        self.assertEqual(node(WAITER, self.url(culvert)).stdout, "1006\n")
        self.assert_logged(culvert, "tunnel_idle_timeout", 101)
        self.assertEqual(node(WAITER, self.url(culvert), 50).stdout, "1006\n")
        record = self.assert_logged(culvert, "tunnel_lifetime", 101, records=2)
        self.assertGreaterEqual(float(record["duration"]), 2)

    def test_nginx_that_knows_of_no_upgrade(self):
        nginx = start_nginx(self.folder / "nginx", "location = /chat { return 200 'a page'; }")
        self.addCleanup(nginx.stop)
        culvert = self.culvert(nginx.route(), threads=1)
        self.assertEqual(self.talk(culvert, False), {"status": 200})
        with culvert.connect() as client:
            for _ in range(3):
                response = client.get("/chat", [("Connection", "Upgrade"), ("Upgrade", "websocket")])
                self.assertEqual((response.status, response.body, response.all("Upgrade")), (200, b"a page", []))
        self.assertEqual(len({line.split()[0] for line in (nginx.folder / "connections.log").read_text().splitlines()}), 1)

    def test_nginx_between(self):
        """As the next proxy, which passes an Upgrade on where it is told to."""
        server = self.server()
        nginx = start_nginx(self.folder / "nginx", f"""location / {{
            proxy_pass http://127.0.0.1:{server.port}; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection; }}""")
        self.addCleanup(nginx.stop)
        self.assertEqual(self.talk(self.culvert(nginx.route()), True)["close"], [4001, "as asked"])

    def test_curl(self):
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        asks = ["-i", "--http1.1", "--max-time", "2", "-H", "Connection: Upgrade", "-H", "Sec-WebSocket-Version: 13",
                "-H", f"Sec-WebSocket-Key: {key}", "-H"]
        culvert = self.culvert(self.server().route())
        done = curl(*asks, "Upgrade: websocket", culvert.url("/chat"))
        self.assertTrue(done.stdout.startswith(b"HTTP/1.1 101 Switching Protocols\r\n"), done)
        self.assertIn(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", done.stdout)
        self.assertIn(b'"url":"/chat"', done.stdout)
        self.assertIn(b"HTTP/1.1 200 OK", curl(*asks, "Upgrade: h2c", culvert.url("/chat")).stdout)
        self.assertIn(b"no websocket", curl("--http2", culvert.url("/")).stdout, "curl asks for h2c by itself")

    def test_example_configuration(self):
        server = self.server()
        config = (SOURCE_DIR / "config/websocket.toml").read_text()
        ports = {"8080": free_port(), "9001": server.port, "9002": server.port}
        config = re.sub(r"127\.0\.0\.1:(\d+)", lambda match: f"127.0.0.1:{ports[match[1]]}", config)
        culvert = self.start(config, ports["8080"])
        self.assertEqual(self.talk(culvert, True, "/chat/room")["close"], [4001, "as asked"])
        self.assertEqual(node(CLIENT, self.url(culvert, "/elsewhere"), "false").stdout, '{"status":200}\n')
        wait_until(lambda: '"http.response.status_code":101' in culvert.stdout(), "the record")


if __name__ == "__main__":
    main()
