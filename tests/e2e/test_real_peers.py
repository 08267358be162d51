"""What would break: culvert between programs that nobody here wrote, nginx, Node and curl."""
import hashlib
import json
import os
import time

from harness import CulvertTest, curl, main
from peers import start_nginx, start_node

MIB = 1024 * 1024


class RealPeers(CulvertTest):
    def nginx(self, locations=""):
        peer = start_nginx(self.folder / "nginx", locations)
        self.addCleanup(peer.stop)
        return peer

    def node(self):
        peer = start_node(self.folder / "node")
        self.addCleanup(peer.stop)
        return peer

    def curl(self, *arguments):
        done = curl("-f", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def file_of(self, size, folder):
        data = os.urandom(MIB) * (size // MIB)
        path = folder / "file.bin"
        path.write_bytes(data)
        return path, data

    def test_large_file_from_nginx(self):
        nginx = self.nginx()
        _, data = self.file_of(10 * MIB, nginx.folder / "root")
        culvert = self.culvert(nginx.route())
        self.assertEqual(self.curl(culvert.url("/file.bin")), data)

    def test_range_and_conditional_requests(self):
        nginx = self.nginx()
        _, data = self.file_of(MIB, nginx.folder / "root")
        culvert = self.culvert(nginx.route())
        self.assertEqual(self.curl("-r", "100-199", culvert.url("/file.bin")), data[100:200])
        with culvert.connect() as client:
            etag = client.get("/file.bin", method="HEAD").header("ETag")
            self.assertEqual(client.get("/file.bin", [("If-None-Match", etag)]).status, 304)
            self.assertEqual(client.get("/file.bin").body, data, "the connection is still in step")

    def test_one_connection_to_nginx_serves_many_requests(self):
        nginx = self.nginx("location = /small { return 200 'small'; }")
        culvert = self.culvert(nginx.route())
        with culvert.connect() as client:
            for _ in range(50):
                self.assertEqual(client.get("/small").body, b"small")
        connections = {line.split()[0] for line in (nginx.folder / "connections.log").read_text().splitlines()}
        self.assertEqual(len(connections), 1)

    def test_post_to_node(self):
        culvert = self.culvert(self.node().route())
        body = os.urandom(300_000)
        for arguments in ([], ["-H", "Transfer-Encoding: chunked"]):
            path = self.folder / "body"
            path.write_bytes(body)
            answer = json.loads(self.curl("--data-binary", f"@{path}", *arguments, culvert.url("/post")))
            self.assertEqual((answer["method"], answer["size"]), ("POST", len(body)))
            self.assertEqual(answer["sha256"], hashlib.sha256(body).hexdigest())

    def test_chunked_answer_from_node(self):
        culvert = self.culvert(self.node().route())
        response = culvert.get("/chunked")
        self.assertEqual(response.framing, "chunked")
        self.assertEqual(json.loads(response.body)["url"], "/chunked")

    def test_upload_of_a_big_file(self):
        culvert = self.culvert(self.node().route())
        path, data = self.file_of(50 * MIB, self.folder)
        answer = json.loads(self.curl("-T", path, culvert.url("/up")))
        self.assertEqual((answer["method"], answer["size"]), ("PUT", len(data)))
        self.assertEqual(answer["sha256"], hashlib.sha256(data).hexdigest())

    def test_rate_limited_download(self):
        nginx = self.nginx()
        _, data = self.file_of(24 * MIB, nginx.folder / "root")  # curl reads ten at once before it looks at the clock
        culvert = self.culvert(nginx.route())
        began = time.monotonic()
        self.assertEqual(self.curl("--limit-rate", "8M", culvert.url("/file.bin")), data)
        self.assertGreater(time.monotonic() - began, 0.5, "curl did not limit anything")

    def test_http_1_0_client(self):
        culvert = self.culvert(self.node().route())
        answer = self.curl("--http1.0", "-i", culvert.url("/chunked")).decode()
        head, _, body = answer.partition("\r\n\r\n")
        self.assertNotIn("transfer-encoding", head.lower(), "HTTP/1.0 knows no chunks")
        self.assertEqual(json.loads(body)["url"], "/chunked")

    def test_parallel_downloads(self):
        nginx = self.nginx()
        _, data = self.file_of(2 * MIB, nginx.folder / "root")
        culvert = self.culvert(nginx.route())
        outputs = [self.folder / f"copy{i}" for i in range(8)]
        self.curl("--parallel", *[word for path in outputs for word in (culvert.url("/file.bin"), "-o", path)])
        self.assertEqual({hashlib.sha256(path.read_bytes()).hexdigest() for path in outputs},
                         {hashlib.sha256(data).hexdigest()})


if __name__ == "__main__":
    main()
