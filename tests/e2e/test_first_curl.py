"""What would break: the first thing a newcomer does, curl against the default configuration."""
import hashlib
import json
import re

from harness import SOURCE_DIR, CulvertTest, curl, free_port, main


class FirstCurl(CulvertTest):
    def setUp(self):
        super().setUp()
        config = (SOURCE_DIR / "config/culvert.toml").read_text()
        ports = {port: free_port() for port in re.findall(r"127\.0\.0\.1:(\d+)", config)}
        config = re.sub(r"127\.0\.0\.1:(\d+)", lambda match: f"127.0.0.1:{ports[match[1]]}", config)
        self.assertIn("8080", ports, "the default configuration listens on 127.0.0.1:8080")
        self.daemon = self.start(config, ports["8080"])

    def test_hello_comes_back_as_it_arrived(self):
        echoed = json.loads(self.curl("/hello?name=world", "-H", "X-Twice: one", "-H", "X-Twice: two"))
        self.assertEqual((echoed["method"], echoed["target"]), ("GET", "/hello?name=world"))
        self.assertRegex(echoed["version"], r"1\.1$")
        headers = [(name, value) for name, value in echoed["headers"]]
        self.assertEqual([value for name, value in headers if name == "X-Twice"], ["one", "two"])
        self.assertIn("via", {name.lower() for name, _ in headers}, "it has come through the proxy")

    def test_body_is_echoed(self):
        echoed = json.loads(self.curl("/hello", "--data-binary", "some bytes"))
        self.assertEqual((echoed["method"], echoed["body"]), ("POST", "some bytes"))

    def test_fixed_size(self):
        for size in (0, 1, 1000, 3_000_000):
            with self.daemon.connect() as client:
                response = client.get(f"/bytes/{size}")
            self.assertEqual((response.status, response.framing, len(response.body)), (200, "length", size))

    def test_stream_of_lines(self):
        with self.daemon.connect() as client:
            response = client.get("/stream/25")
        self.assertEqual((response.status, response.framing), (200, "chunked"))
        self.assertEqual(len(response.body.decode().splitlines()), 25)

    def test_large_upload_is_taken(self):
        body = hashlib.sha256(b"seed").digest() * 100_000
        echoed = json.loads(self.curl("/hello", "--data-binary", "@-", input=body))
        self.assertIn(("content-length", str(len(body))), [(name.lower(), value) for name, value in echoed["headers"]])

    def curl(self, path, *arguments, **options):
        done = curl("-f", *arguments, self.daemon.url(path), **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


if __name__ == "__main__":
    main()
