"""What would break: the programs that show how the library is used, tests/examples, each against peers that nobody here
wrote (curl, Node) where there are some.
"""
import base64
import hashlib
import os
import subprocess

from harness import PATIENCE, CulvertTest, curl, main
from peers import start_node
from programs import Program, run_example

# Leaves HTTP, says something, and prints all that comes until the other side ends.
NODE_UPGRADE = """
const headers = { Connection: 'Upgrade', Upgrade: 'echo' };
const options = { host: '127.0.0.1', port: Number(process.argv[1]), headers };
require('http').get(options).on('upgrade', (response, socket, head) => {
  process.stdout.write(`${response.statusCode} ${response.headers.upgrade}\\n`);
  process.stdout.write(head);
  socket.pipe(process.stdout);
  socket.end('x'.repeat(1000000));
});
"""

# Every connection serves one request; whoever uses it again finds it closed.
NODE_STALE = """
const http = require('http');
let requests = 0;
const server = http.createServer((request, response) => {
  if (request.socket.used) return request.socket.destroy();
  request.socket.used = true;
  response.end(`answer ${++requests}\\n`);
});
server.listen(Number(process.argv[2]), '127.0.0.1');
"""


class Examples(CulvertTest):
    def serve(self, name):
        program = Program(name)
        self.addCleanup(program.stop)
        return program

    def output_of(self, name, *arguments):
        done = run_example(name, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def test_hello_server(self):
        hello = self.serve("hello_server")
        done = curl("-i", f"http://{hello.address}/")
        head, _, body = done.stdout.decode().partition("\r\n\r\n")
        self.assertEqual(head.splitlines()[0], "HTTP/1.1 200 OK")
        self.assertIn("Content-Type: text/plain", head)
        self.assertEqual(body, "hello world\n")

    def test_hello_server_says_that_it_cannot_listen(self):
        hello = self.serve("hello_server")
        done = run_example("hello_server", hello.port)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Address already in use", done.stderr)

    def test_keep_alive_client(self):
        hello = self.serve("hello_server")
        self.assertEqual(self.output_of("keep_alive_client", f"http://{hello.address}/"),
                         "200 (new connection) hello world\n" + 2 * "200 (kept connection) hello world\n")

    def test_connect_proxy(self):
        origin = self.origin(lambda x: x.reply(200, x.request.body[::-1]))
        proxy = self.serve("connect_proxy")
        path = self.folder / "body"
        path.write_bytes(os.urandom(3_000_000))
        done = curl("--proxytunnel", "--proxy", f"http://{proxy.address}", "--data-binary", f"@{path}",
                    f"http://localhost:{origin.port}/")
        self.assertEqual(done.stdout, path.read_bytes()[::-1], done.stderr)

    def test_connect_proxy_without_an_origin(self):
        proxy = self.serve("connect_proxy")
        for target, status in (("127.0.0.1:1", 502), ("127.0.0.1", 400), ("127.0.0.1:x", 400)):
            with proxy.connect() as client:
                client.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
                self.assertEqual(client.response_head().status, status, target)
                self.assertTrue(client.is_closed())

    def test_upgrade_echo(self):
        echo = self.serve("upgrade_echo")
        done = subprocess.run(["node", "-e", NODE_UPGRADE, str(echo.port)], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        self.assertEqual(done.stdout, "101 echo\n" + 1_000_000 * "x", done.stderr)
        self.assertEqual(curl("-o", "-", "-w", "%{http_code}", f"http://{echo.address}/").stdout,
                         b"Ask for an upgrade to echo.\n426")

    def test_retry_on_reused_socket(self):
        origin = start_node(self.folder / "node", NODE_STALE)
        self.addCleanup(origin.stop)
        self.assertEqual(self.output_of("retry_on_reused_socket", f"http://127.0.0.1:{origin.port}/"),
                         "answer 1\nagain: socket hang up\nanswer 2\n")

    def test_websocket_client(self):
        def accept(x):
            key = x.request.header("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accepts = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            x.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   f"Sec-WebSocket-Accept: {accepts}\r\n\r\n")
            while True:
                first, masked_length = x.reader.exactly(2)
                mask = x.reader.exactly(4)
                payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(x.reader.exactly(masked_length & 127)))
                x.send(bytes([first, len(payload)]) + payload)  # text and the peer's close alike
                if first & 15 == 8:
                    return x.close()

        origin = self.origin(accept)
        self.assertEqual(self.output_of("websocket_client", f"ws://127.0.0.1:{origin.port}/chat", "hello", "grüße"),
                         "hello\ngrüße\nclosed: 1000 that is all\n")


if __name__ == "__main__":
    main()
