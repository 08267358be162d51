"""What would break: clients that say nothing would keep all others out, and handshakes that are broken, cut or begun anew would
be answered with more than their end.
"""
import random
import socket

from harness import curl, free_port, main, wait_until
from hellos import client_hello
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


class Broken(TlsTest):
    def answers(self, openings):
        """What clients get who say one of these and no more. Each is a record, and nobody else notices."""
        culvert = self.with_tls()
        answers = []
        for opening in openings.values():
            with culvert.connect() as client:
                client.send(opening)
                client.sock.shutdown(socket.SHUT_WR)
                answers.append(client.reader.to_end())
        self.assertEqual(self.curl(culvert).stdout, b"ok")
        records = culvert.access_log(len(openings) + 1)
        self.assertEqual({name: record.get("error.type") for name, record in zip(openings, records)},
                         dict.fromkeys(openings, "tls_handshake_failed"))
        self.assertEqual([record for record in records[:-1] if not record["error.cause"]], [])
        return dict(zip(openings, answers))

    def test_hello_that_is_cut(self):
        hello = client_hello("site.test")
        cuts = (1, 4, 5, 6, 9, 11, 43, 44, 76, 80, len(hello) // 2, len(hello) - 1)
        self.assertEqual(self.answers({size: hello[:size] for size in cuts}), dict.fromkeys(cuts, b""))

    def test_hello_that_is_cut_within_its_lengths(self):
        def shorter(size):
            message = b"\x01" + (size - 9).to_bytes(3, "big") + hello[9:size]
            return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message
        hello = client_hello("site.test")
        answers = self.answers({size: shorter(size)
                                for size in (9, 10, 42, 43, 44, 76, 80, len(hello) // 2, len(hello) - 1)})
        for size, answer in answers.items():
            self.assertEqual((answer[:1], answer[5:6], len(answer)), (b"\x15", b"\x02", 7), f"no fatal alert at {size}")

    def test_who_leaves_after_the_answer(self):
        answer = self.answers({"whole": client_hello("site.test")})["whole"]
        self.assertEqual((answer[:1], answer[5:6]), (b"\x16", b"\x02"), "no ServerHello")

    def test_garbage(self):
        noise = random.Random(6)
        openings = {"noise": noise.randbytes(5000), "noise in a record": b"\x16\x03\x01\x10\x00" + noise.randbytes(4096),
                    "data": b"\x17\x03\x03\x00\x05hello", "alert": b"\x15\x03\x01\x00\x02\x02\x28",
                    "record that is too long": b"\x16\x03\x01\x48\x01" + bytes(0x4801),
                    "message that is too long": b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
                    "empty records": b"\x16\x03\x01\x00\x00" * 100,
                    "what a server says": b"\x16\x03\x03\x00\x04\x02\x00\x00\x00",
                    "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + noise.randbytes(37)}
        hello = client_hello("site.test")
        for at in (3, 6, 43, 76, len(hello) - 30):
            openings[f"other bytes at {at}"] = hello[:at] + b"\xff\xff" + hello[at + 2:]
        self.answers(openings)


if __name__ == "__main__":
    main()
