"""What would break: the one record of each request that operators, and those who bill, rely on."""
import json
import re

from harness import CulvertTest, main


def answer(text="body!"):
    return f'[[route]]\nname = "site"\nrespond = {{ status = 200, body = "{text}" }}\n'


class Json(CulvertTest):
    def test_fields_of_a_proxied_request(self):
        # ROWS: response.event.finish, response.socket, message.socket, request.host, request.protocol, request.socket,
        #       server.observed.normal-order
        origin = self.origin(lambda x: x.reply(201, b"x" * 1234))
        culvert = self.culvert(origin.route('name = "shop"'))
        with culvert.connect() as client:
            client.request("POST", "/buy/it?card=1", [("User-Agent", "probe/1")], b"0123456789", host="shop.test")
            client.response()
            client.get("/again", host="shop.test")
        first, second = culvert.access_log(2)
        wanted = {"client.address": "127.0.0.1", "http.request.method": "POST", "url.path": "/buy/it",
                  "url.query": "card=1", "url.scheme": "http", "server.address": "shop.test",
                  "http.response.status_code": 201, "http.request.body.size": 10, "http.response.body.size": 1234,
                  "network.protocol.version": "1.1", "user_agent.original": "probe/1",
                  "culvert.route": "shop", "culvert.upstream": "origin", "culvert.server": origin.address}
        self.assertEqual({key: first.get(key) for key in wanted}, wanted)
        self.assertNotIn("error.type", first)
        self.assertGreaterEqual(first["duration"], 0)
        self.assertRegex(first["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertEqual((second["http.request.method"], second["url.path"]), ("GET", "/again"))

    def test_chosen_fields_only(self):
        culvert = self.culvert(answer(), access='fields = ["time", "http.request.method", "url.path", "error.type"]')
        culvert.get("/x")
        self.assertEqual(set(culvert.access_log(1)[0]), {"time", "http.request.method", "url.path"})

    def test_hostile_text_cannot_forge_a_record(self):
        culvert = self.culvert(answer())
        agent = 'a"b\\c\td\xff{"x":1}'
        culvert.get('/"quoted"?a="b"', [("User-Agent", agent)])
        [record] = culvert.access_log(1)
        self.assertTrue(record["user_agent.original"].startswith('a"b\\c\td'))
        self.assertEqual((record["url.path"], record["url.query"]), ('/"quoted"', 'a="b"'))

    def test_one_record_a_request(self):
        # ROWS: request.event.close, message.event.close, outgoing.event.finish
        culvert = self.culvert(answer())
        for connection in range(5):
            with culvert.connect() as client:
                for request in range(100):
                    client.get(f"/{connection}/{request}")
        records = culvert.access_log(500)
        self.assertEqual(len({record["url.path"] for record in records}), 500)
        self.assertEqual(len(records), 500)

    def test_nothing_is_lost_when_it_stops(self):
        culvert = self.culvert(answer())
        with culvert.connect() as client:
            for _ in range(100):
                client.get("/")
        self.assertEqual(culvert.stop(), 0)
        self.assertEqual(len(culvert.access_log()), 100)


class OtherForms(CulvertTest):
    def test_combined(self):
        culvert = self.culvert(answer(), threads=1, access='format = "combined"')  # records are in order on one worker
        culvert.get("/x?y=1", [("User-Agent", 'a "b"'), ("Referer", "http://r.test/")])
        culvert.get("/")
        self.assertEqual(culvert.stop(), 0)
        first, second = culvert.access_path.read_text().splitlines()
        moment = r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
        self.assertRegex(first, r'^127\.0\.0\.1 - - ' + moment + re.escape(
            r' "GET /x?y=1 HTTP/1.1" 200 5 "http://r.test/" "a \x22b\x22"') + "$")
        self.assertRegex(second, r'^127\.0\.0\.1 - - ' + moment + r' "GET / HTTP/1\.1" 200 5 "-" "-"$')

    def test_standard_output(self):
        culvert = self.culvert(answer(), access_file="-")
        culvert.get("/to-stdout")
        self.assertEqual(culvert.stop(), 0)
        [record] = [json.loads(line) for line in culvert.stdout().splitlines()]
        self.assertEqual(record["url.path"], "/to-stdout")

    def test_no_log_unless_asked_for(self):
        culvert = self.culvert(answer(), access_file=None)
        culvert.get("/quiet")
        self.assertEqual(culvert.stop(), 0)
        self.assertFalse(culvert.access_path.exists())
        self.assertNotIn("/quiet", culvert.stdout() + culvert.stderr())

    def test_secrets_are_redacted(self):
        for redact, seen in (('redact = ["user-agent", "referer"]', False), ("redact = []", True)):
            with self.subTest(redact=redact):
                culvert = self.culvert(answer(), access=redact + """
                    fields = ["url.path", "http.request.header.referer", "user_agent.original"]""")
                culvert.get("/", [("Referer", "http://a.test/?token=hunter2"), ("User-Agent", "hunter2")])
                culvert.access_log(1)
                self.assertEqual("hunter2" in culvert.access_path.read_text(), seen)

    def test_credentials_are_never_written(self):
        for form in ("json", "combined"):
            culvert = self.culvert(answer(), access=f'format = "{form}"')
            culvert.get("/", [(name, "hunter2") for name in ("Authorization", "Proxy-Authorization", "Cookie")])
            self.assertEqual(culvert.stop(), 0)
            text = culvert.access_path.read_text()
            self.assertEqual((len(text.splitlines()), "hunter2" in text), (1, False))


if __name__ == "__main__":
    main()
