"""What would break: clients that say nothing would keep all others out."""
from harness import curl, free_port, main, wait_until
from test_tls import TlsTest


class Crowds(TlsTest):
    def silent(self, culvert, count, first=b""):
        clients = [culvert.connect() for _ in range(count)]
        for client in clients:
            self.addCleanup(client.close)
            client.send(first)
        return clients

    def with_limit(self, limit, **parts):
        return self.with_tls(tls='handshake_timeout = "5m"', more=f"[limits]\nmax_handshakes = {limit}\n" + parts.pop("more", ""),
                             **parts)

    def reasons(self, culvert, records):
        return [record.get("error.type") for record in culvert.access_log(records)]

    def test_one_gets_through_beside_many_that_say_nothing(self):
        plain = free_port()
        culvert = self.with_limit(20, more=f'[listener.plain]\naddress = "127.0.0.1:{plain}"\n')
        standing = self.client(culvert)
        self.assertEqual(standing.get("/").body, b"ok")
        silent = self.silent(culvert, 60, b"\x16\x03\x01")
        self.assertEqual(curl(f"http://127.0.0.1:{plain}/").stdout, b"ok")
        self.assertEqual(self.curl(culvert).stdout, b"ok")
        self.assertEqual(standing.get("/").body, b"ok")
        for client in silent[:41]:  # those that had to go for it to come in
            self.assertTrue(client.is_closed())
        self.assertEqual(self.reasons(culvert, 44)[:44].count("tls_handshake_crowded_out"), 41)

    def test_place_is_given_back_with_the_last_word_of_a_handshake(self):
        culvert = self.with_limit(1)
        for _ in range(5):
            self.assertEqual(self.client(culvert).get("/").body, b"ok")
        self.assertEqual(self.reasons(culvert, 5), [None] * 5)

    def test_they_count_while_their_proxy_header_is_missing(self):
        culvert = self.with_limit(1, listener="proxy_protocol = true\n")
        silent = self.silent(culvert, 2, b"PROXY")
        self.assertEqual(self.curl(culvert, "--haproxy-protocol").stdout, b"ok")
        for client in silent:
            self.assertTrue(client.is_closed())
        self.assertEqual(self.reasons(culvert, 3), ["tls_handshake_crowded_out"] * 2 + [None])

    def test_without_a_limit_nobody_gives_way(self):
        culvert = self.with_limit(0)
        self.silent(culvert, 50)
        self.assertEqual(self.curl(culvert).stdout, b"ok")
        self.assertEqual(self.reasons(culvert, 1), [None])

    def test_higher_limit_lets_those_in_who_wait(self):
        culvert = self.with_limit(1)
        self.silent(culvert, 3)
        culvert.reload(culvert.config_path.read_text().replace("max_handshakes = 1", "max_handshakes = 4"))
        wait_until(lambda: "limits changed" in culvert.stderr(), "the reload")
        self.assertEqual(self.curl(culvert).stdout, b"ok")

    def test_stop_while_they_wait(self):
        culvert = self.with_limit(1)
        self.silent(culvert, 3)
        self.assertEqual(culvert.stop(), 0)


if __name__ == "__main__":
    main()
