"""What would break: bytes that two programs read differently would let one client put words into another's mouth.

One message in is one message out. What cannot be read in exactly one way is refused before anybody behind culvert sees
it, and the connection that it came on is not used again, whichever side it is.
"""
import socket
import threading

from client import Aborted, Client
from harness import CulvertTest, free_port, main, wait_until

HEAD = "POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + "Transfer-Encoding: chunked\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\n"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

MALFORMED = "request_malformed"
METHOD = "the request does not begin with a method"
TARGET = "the request target has an invalid character or shape"
FORM = "the request target has a form that its method does not allow"
SPACES = "the parts of the request line are not separated by one space each"
VERSION = "the HTTP version is malformed"
NO_VERSION = "the request line has no HTTP version (HTTP/0.9)"
OTHER_VERSION = "the HTTP version is neither 1.0 nor 1.1"
NO_HTTP = "the line does not contain the word HTTP/ where it belongs"
CONTROL = "the start line has a control character"
FRAGMENT = "the request target has a fragment"
BARE_LF = "a line ends in a bare LF"
BARE_CR = "a CR is not followed by LF"
FIELD = "a header line has an invalid character, or no name and colon"
FOLDED = "a header line begins with a blank (obsolete line folding)"
HOST = "the Host line does not hold a host and an optional port"
HOSTS = "there is more than one Host line"
OTHER_HOST = "the Host line names another host than the request target"
LENGTH = "Content-Length is not a decimal number"
LENGTHS = "Content-Length is repeated, or beside Transfer-Encoding"
CODING = "Transfer-Encoding does not end in exactly one chunked"
OLD_CODING = "Transfer-Encoding stands in an HTTP/1.0 request"
STATUS = "the status code is not a number from 100 to 999"

# name, bytes, what is logged as the cause; all of them are answered 400 request_malformed
HEADS = [
    ("bare LF behind the request line", f"GET / HTTP/1.1\nHost: a\r\n\r\n{SMUGGLED}", BARE_LF),
    ("bare LF behind a field", f"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n{SMUGGLED}", BARE_LF),
    ("bare LF as the end of the head", f"GET / HTTP/1.1\r\nHost: a\r\n\n{SMUGGLED}", BARE_LF),
    ("bare CR in a value", f"{HEAD}X: a\rTransfer-Encoding: chunked\r\n\r\n{SMUGGLED}", BARE_CR),
    ("bare CR in front of a line", f"{HEAD}\rX: a\r\n\r\n{SMUGGLED}", BARE_CR),
    ("CR CR LF", f"{HEAD}X: a\r\r\n\r\n{SMUGGLED}", BARE_CR),
    ("CR in the target", f"GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n{SMUGGLED}", BARE_CR),
    ("NUL in a value", f"{HEAD}X: a\0b\r\n\r\n{SMUGGLED}", FIELD),
    ("NUL in a name", f"{HEAD}X\0: b\r\n\r\n{SMUGGLED}", FIELD),
    ("NUL in the target", f"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n{SMUGGLED}", CONTROL),
    ("BEL in a value", f"{HEAD}X: a\ab\r\n\r\n{SMUGGLED}", FIELD),
    ("DEL in a value", f"{HEAD}X: a\x7f\r\n\r\n{SMUGGLED}", FIELD),
    ("vertical tab around chunked", f"{HEAD}Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n{SMUGGLED}", FIELD),
    ("form feed around a length", f"{HEAD}Content-Length: \f5\r\n\r\nhello", FIELD),
    ("space before the colon", f"{HEAD}Content-Length : 5\r\n\r\nhello", FIELD),
    ("tab before the colon", f"{HEAD}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", FIELD),
    ("space in a name", f"{HEAD}Content Length: 5\r\n\r\nhello", FIELD),
    ("no colon", f"{HEAD}Content-Length\r\n\r\n", FIELD),
    ("no name", f"{HEAD}: 5\r\n\r\n", FIELD),
    ("name beyond ASCII", f"{HEAD}Content-Length\xa0: 5\r\n\r\nhello", FIELD),
    ("folded with a space", f"{HEAD}X: a\r\n b\r\n\r\n", FOLDED),
    ("folded with a tab", f"{HEAD}X: a\r\n\tb\r\n\r\n", FOLDED),
    ("folded Transfer-Encoding", f"{HEAD}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{SMUGGLED}", FOLDED),
    ("space before the first field", "POST / HTTP/1.1\r\n Host: a\r\n\r\n", FOLDED),

    ("same length twice", f"{HEAD}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", LENGTHS),
    ("two lengths", f"{HEAD}Content-Length: 0\r\nContent-Length: {len(SMUGGLED)}\r\n\r\n{SMUGGLED}", LENGTHS),
    ("length and chunked", f"{HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", LENGTHS),
    ("chunked and length", f"{HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", LENGTHS),
    ("list of lengths", f"{HEAD}Content-Length: 5, 5\r\n\r\nhello", LENGTH),
    ("length with a sign", f"{HEAD}Content-Length: +5\r\n\r\nhello", LENGTH),
    ("negative length", f"{HEAD}Content-Length: -5\r\n\r\nhello", LENGTH),
    ("hexadecimal length", f"{HEAD}Content-Length: 0x5\r\n\r\nhello", LENGTH),
    ("length with a space in it", f"{HEAD}Content-Length: 5 5\r\n\r\nhello", LENGTH),
    ("empty length", f"{HEAD}Content-Length:\r\n\r\n", LENGTH),
    ("length beyond 64 bits", f"{HEAD}Content-Length: 18446744073709551616\r\n\r\n", LENGTH),

    ("4: gzip alone", f"{HEAD}Transfer-Encoding: gzip\r\n\r\n", CODING),
    ("identity", f"{HEAD}Transfer-Encoding: identity\r\n\r\n", CODING),
    ("almost chunked", f"{HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", CODING),
    ("quoted chunked", f"{HEAD}Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", CODING),
    ("chunked with a parameter", f"{HEAD}Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", CODING),
    ("chunked is not the last", f"{HEAD}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", CODING),
    ("chunked twice in a list", f"{HEAD}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", CODING),
    ("chunked in two lines",
     f"{HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", CODING),
    ("chunked, then identity in a second line",
     f"{HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", CODING),
    ("empty Transfer-Encoding", f"{HEAD}Transfer-Encoding:\r\n\r\n", CODING),
    ("5: Transfer-Encoding in HTTP/1.0",
     f"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}", OLD_CODING),

    ("1: two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", HOSTS),
    ("1: the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", HOSTS),
    ("2: Host with a space and a slash", "GET / HTTP/1.1\r\nHost: a b/\r\n\r\n", HOST),
    ("2: Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HOST),
    ("2: Host is a list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", HOST),
    ("2: Host is a URL", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", HOST),
    ("2: Host with %", "GET / HTTP/1.1\r\nHost: %61\r\n\r\n", HOST),
    ("2: port that is no number", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", HOST),
    ("2: port out of range", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", HOST),
    ("2: IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", HOST),
    ("2: brackets without IPv6", "GET / HTTP/1.1\r\nHost: [a]\r\n\r\n", HOST),
    ("userinfo in Host", "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", HOST),
    ("userinfo in the target", "GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    ("empty userinfo in the target", "GET http://@a/ HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    ("empty Host beside an authority", "GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", HOST),
    ("3: another Host than in the target", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", OTHER_HOST),
    ("3: another port than in the target", "GET http://a:81/ HTTP/1.1\r\nHost: a:82\r\n\r\n", OTHER_HOST),

    ("method is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", METHOD),
    ("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", METHOD),
    ("space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", METHOD),
    ("two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", SPACES),
    ("two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", SPACES),
    ("tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", METHOD),
    ("tab in the target", "GET /\ta HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    ("space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", NO_HTTP),
    ("32: target beyond ASCII", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    ("10: fragment", "GET /a#f HTTP/1.1\r\nHost: a\r\n\r\n", FRAGMENT),
    ("path without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    ("authority for GET", "GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", TARGET),
    ("asterisk for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", FORM),
    ("11: CONNECT without a port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", FORM),
    ("11: CONNECT to a path", "CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", FORM),
    ("7: HTTP/0.9", f"GET /\r\n{SMUGGLED}", NO_VERSION),
    ("version with two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", VERSION),
    ("space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", VERSION),
    ("lower case http", "GET / http/1.1\r\nHost: a\r\n\r\n", NO_HTTP),
    ("no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", CONTROL),
]

# name, bytes, status, reason
OTHER_ANSWERS = [
    ("6: unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method_not_supported"),
    ("method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method_not_supported"),
    ("unknown coding before chunked", f"{HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501,
     "transfer_coding_not_supported"),
    ("7: HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "http_version_not_supported"),
    ("7: HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "http_version_not_supported"),
    ("7: HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501, "method_not_supported"),
    ("8: target over the limit", f"GET /{'x' * 20_000} HTTP/1.1\r\nHost: a\r\n\r\n", 414, "request_target_too_long"),
    ("8: fields over the limit", f"{HEAD}X: {'x' * 20_000}\r\n\r\n", 431, "request_headers_too_large"),
    ("9: too many fields", HEAD + "X: 1\r\n" * 2000 + "\r\n", 431, "request_headers_too_large"),
    ("13: CONNECT without Host", "CONNECT a:443 HTTP/1.1\r\n\r\n", 400, "request_host_missing"),
    ("no Host", "GET / HTTP/1.1\r\n\r\n", 400, "request_host_missing"),
    ("no Host beside an authority", "GET http://a/ HTTP/1.1\r\n\r\n", 400, "request_host_missing"),
]

# name, bytes behind a head that announces chunks, status, reason
CHUNKS = [
    ("size is no number", "x\r\n", 400, MALFORMED),
    ("size with 0x", "0x3\r\nabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("negative size", "-3\r\nabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("size with a sign", "+3\r\nabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("space before the size", " 3\r\nabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("space behind the size", "3 \r\nabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("no size", "\r\nabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("size beyond 64 bits", "10000000000000000\r\nabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("more zeros than any size needs", "0" * 40_000 + "3\r\nabc\r\n0\r\n\r\n", 413,
     "request_chunk_extensions_too_large"),
    ("bare LF behind the size", "3\nabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("bare CR behind the size", "3\rabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("data longer than its size", f"3\r\nabcd\r\n0\r\n\r\n{SMUGGLED}", 400, MALFORMED),
    ("data without a line end", "3\r\nabc0\r\n\r\n", 400, MALFORMED),
    ("data with a bare LF", "3\r\nabc\n0\r\n\r\n", 400, MALFORMED),
    ("last chunk with a bare LF", f"0\n\r\n{SMUGGLED}", 400, MALFORMED),
    ("bare LF in an extension", f"3;a\nb\r\nabc\r\n0\r\n\r\n{SMUGGLED}", 400, MALFORMED),
    ("bare LF in a quoted extension", f"3;a=\"b\nc\"\r\nabc\r\n0\r\n\r\n{SMUGGLED}", 400, MALFORMED),
    ("bare CR in an extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("NUL in an extension", "3;a\0\r\nabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("extension without a name", "3;=b\r\nabc\r\n0\r\n\r\n", 400, MALFORMED),
    ("extensions over the limit", f"3;{'x' * 17_000}\r\nabc\r\n0\r\n\r\n", 413, "request_chunk_extensions_too_large"),
    ("extensions over the limit, together", f"3;{'x' * 9_000}\r\nabc\r\n" * 2, 413,
     "request_chunk_extensions_too_large"),
    ("trailer with a space before the colon", "0\r\nX : a\r\n\r\n", 400, MALFORMED),
    ("folded trailer", "0\r\nX: a\r\n b\r\n\r\n", 400, MALFORMED),
    ("bare LF in the trailers", f"0\r\nX: a\n\r\n{SMUGGLED}", 400, MALFORMED),
    ("trailers over the limit", f"0\r\nX: {'x' * 20_000}\r\n\r\n", 431, "request_headers_too_large"),
]

# name, what an upstream says, what is logged as the cause; each of them is a 502
ANSWERS = [
    ("35: HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", OTHER_VERSION),
    ("no HTTP at all", "garbage\r\n\r\n", NO_HTTP),
    ("a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", NO_HTTP),
    ("status below 100", "HTTP/1.1 099 x\r\nContent-Length: 0\r\n\r\n", STATUS),
    ("status of two digits", "HTTP/1.1 20 x\r\nContent-Length: 0\r\n\r\n", STATUS),
    ("status of four digits", "HTTP/1.1 2000 x\r\nContent-Length: 0\r\n\r\n", STATUS),
    ("no status", "HTTP/1.1\r\n\r\n", STATUS),
    ("two spaces before the status", "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", STATUS),
    ("bare LF behind the status line", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", BARE_LF),
    ("bare CR in the reason", "HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n", BARE_CR),
    ("NUL in the reason", "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n", CONTROL),
    ("bare LF behind a field", f"{OK}Content-Length: 0\nX: a\r\n\r\n", BARE_LF),
    ("bare CR in a value", f"{OK}X: a\rSet-Cookie: b\r\n\r\n", BARE_CR),
    ("NUL in a value", f"{OK}X: a\0\r\nContent-Length: 0\r\n\r\n", FIELD),
    ("space before the colon", f"{OK}Content-Length : 0\r\n\r\n", FIELD),
    ("no colon", f"{OK}Content-Length\r\n\r\n", FIELD),
    ("folded field", f"{OK}X: a\r\n b\r\nContent-Length: 0\r\n\r\n", FOLDED),
    ("two lengths", f"{OK}Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello", LENGTHS),
    ("same length twice", f"{OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", LENGTHS),
    ("list of lengths", f"{OK}Content-Length: 5, 5\r\n\r\nhello", LENGTH),
    ("length with a sign", f"{OK}Content-Length: +5\r\n\r\nhello", LENGTH),
    ("length and chunked", f"{OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", LENGTHS),
    ("gzip alone", f"{OK}Transfer-Encoding: gzip\r\n\r\n", CODING),
    ("gzip, chunked", f"{OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     "Transfer-Encoding has a coding other than chunked"),
    ("chunked twice", f"{OK}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", CODING),
    ("malformed interim answer", f"HTTP/1.1 103 Early Hints\r\nLink : a\r\n\r\n{OK}Content-Length: 0\r\n\r\n", FIELD),
]

# name, what an upstream says: a good head, then a body that cannot be read; the client must see that it is incomplete
BODIES = [
    ("chunk size is no number", f"{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nx\r\n"),
    ("chunk longer than its size", f"{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n"),
    ("bare LF behind a chunk size", f"{OK}Transfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n"),
    ("folded trailer", f"{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: a\r\n b\r\n\r\n"),
    ("endless zeros", f"{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n{'0' * 40_000}2\r\nok\r\n0\r\n\r\n"),
]

POISON = f"{OK}Content-Length: 6\r\n\r\npoison"
# name, method, what an upstream says: a whole answer, and more than that
EXTRA = [
    ("another answer", "GET", f"{OK}Content-Length: 2\r\n\r\nok{POISON}"),
    ("one byte", "GET", f"{OK}Content-Length: 2\r\n\r\nok!"),
    ("behind chunks", "GET", f"{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{POISON}"),
    ("body of a 204", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"),
    ("body of a 304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok"),
    ("body for HEAD", "HEAD", f"{OK}Content-Length: {len(POISON)}\r\n\r\n{POISON}"),
]


class Requests(CulvertTest):
    def setUp(self):
        super().setUp()
        self.complete = []  # what arrived whole at the upstream
        self.upstream = self.origin(lambda x: (self.complete.append(x.request.target), x.reply()))
        self.daemon = self.culvert(self.upstream.route(), threads=1)

    def assert_refused(self, data, status, reason):
        """An answer with that status and reason, then the end of the connection."""
        with self.daemon.connect() as client:
            client.send(data)
            response = client.response()
            self.assert_failure(response, status, reason)
            self.assertTrue(response.has_token("Connection", "close"), response)
            self.assertIsNotNone(response.header("Date"), "25: an error has a date")
            self.assertTrue(client.is_closed(), "something follows the refusal")

    def assert_all_refused(self, cases):
        """Of (name, data, status, reason, cause); each of them leaves one record."""
        for name, data, status, reason, _ in cases:
            with self.subTest(name):
                self.assert_refused(data, status, reason)
        records = self.daemon.access_log(len(cases))
        self.assertEqual(len(records), len(cases))
        for record, (name, _, status, reason, cause) in zip(records, cases):
            with self.subTest(name, log="access"):
                self.assertEqual((record["http.response.status_code"], record["error.type"]), (status, reason))
                self.assertEqual(record["error.cause"], cause or record["error.cause"])

    def test_heads(self):
        self.assert_all_refused([(name, data, 400, MALFORMED, cause) for name, data, cause in HEADS])
        self.assertEqual(self.upstream.requests, [])

    def test_heads_with_statuses_of_their_own(self):
        self.assert_all_refused([(*case, None) for case in OTHER_ANSWERS])
        self.assertEqual(self.upstream.requests, [])

    def test_chunks(self):
        self.assert_all_refused([(name, CHUNKED + chunks, status, reason, None)
                                 for name, chunks, status, reason in CHUNKS])
        self.assertEqual(self.complete, [])

    def test_another_client_is_served_as_ever(self):
        with self.daemon.connect() as other:
            self.assertEqual(other.get("/before").status, 200)
            for name, data, _ in HEADS:
                with self.subTest(name), self.daemon.connect() as client:
                    client.send(data)
                    self.assertEqual(client.response().status, 400)
                    self.assertEqual(other.get("/other").status, 200)
        self.assertEqual(self.upstream.connections, 1)

    def test_lenient_is_one_listener(self):
        """insecure_http_parser takes what strict rules refuse, on its own listener only; out goes one clear message."""
        port = free_port()
        more = f'[listener.lenient]\naddress = "127.0.0.1:{port}"\ninsecure_http_parser = true\n'
        daemon = self.culvert(self.upstream.route(), more=more)
        data = f"{HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        with Client(("127.0.0.1", port)) as client:
            client.send(data)
            self.assertEqual(client.response().status, 200)
        request = self.upstream.request()
        self.assertEqual((request.all("Content-Length"), request.body), ([], b"abc"))
        with daemon.connect() as client:
            client.send(data)
            self.assert_failure(client.response(), 400, MALFORMED)


class Names(CulvertTest):
    """Programs that make variables of fields cannot tell X_Forwarded_For from X-Forwarded-For: the first must not pass."""

    LOOKALIKES = ["X_Forwarded_For", "X-Forwarded_For", "x.forwarded.for", "X_Real_IP", "Forwarded_", "Content_Length",
                  "Transfer_Encoding", "X_Request_Id", "X_Tenant", "X_Gone", "X_More"]
    ROUTE = 'request_headers = { set = { X-Tenant = "a" }, add = { X-More = "b" }, remove = ["X-Gone"] }'

    def names_sent(self, names, **parts):
        upstream = self.origin()
        daemon = self.culvert(upstream.route(self.ROUTE), threads=1, **parts)
        with daemon.connect() as client:
            lines = "".join(f"{name}: evil\r\n" for name in names)
            client.send(f"{HEAD}Transfer-Encoding: chunked\r\n{lines}\r\n0\r\n{lines}\r\n")
            response = client.response()
        if response.status != 200:
            return response, daemon
        request = upstream.request()
        return [name for name, value in request.headers + request.trailers if value == "evil"], daemon

    def test_lookalikes_never_pass(self):
        for policy in ("", 'underscores_in_headers = "allow"', 'underscores_in_headers = "drop"'):
            sent, _ = self.names_sent(self.LOOKALIKES, server=f'{policy}\n[server.forwarded]\nrequest_id = "x-request-id"')
            self.assertEqual(sent, ["Forwarded_", "Forwarded_"] if "drop" not in policy else [])

    def test_other_names_pass(self):
        names = ["X_Mine", "api_key", "X.Y", "X-Usual"]
        self.assertEqual(self.names_sent(names)[0], names * 2)

    def test_dropped_where_that_is_asked(self):
        sent, _ = self.names_sent(["api_key", "X.Y"], server='underscores_in_headers = "drop"')
        self.assertEqual(sent, ["X.Y", "X.Y"])

    def test_rejected_where_that_is_asked(self):
        response, daemon = self.names_sent(["api_key"], server='underscores_in_headers = "reject"')
        self.assert_failure(response, 400, "request_header_underscore")
        self.assert_logged(daemon, "request_header_underscore", 400)
        self.assertEqual(self.names_sent(["X.Y"], server='underscores_in_headers = "reject"')[0], ["X.Y", "X.Y"])


class Paths(CulvertTest):
    """What is matched is what is forwarded: no spelling of /admin finds the route of another path."""

    ROUTES = ('[[route]]\nname = "admin"\npath = "/admin/*"\nrespond = { status = 403 }\n'
              '[[route]]\nname = "api"\npath = "/api/*"\nupstream = "origin"\n'
              '[[route]]\nname = "regex"\npath_regex = "^/files/(.*)$"\nrewrite = "/{1}"\nupstream = "origin"\n'
              '[[route]]\nname = "stripped"\npath = "/old/*"\nstrip_prefix = "/old"\nupstream = "origin"\n'
              '[[route]]\nname = "moved"\npath = "/moved/*"\nredirect = { to = "{uri}" }\n')

    def start_daemon(self, **parts):
        self.upstream = self.origin()
        return self.culvert(f'[upstream.origin]\nservers = ["{self.upstream.address}"]\n{self.ROUTES}', threads=1, **parts)

    def test_every_spelling_of_a_path_is_the_same(self):
        with self.start_daemon().connect() as client:
            for target in ("/admin", "/admin/x", "/api/../admin", "/%61dmin", "//admin", "/api/%2e%2e/admin", "/./admin/",
                           "/api/.%2E/%61dmin?x", "/api//..///admin", "/x/../admin", "http://site.test/api/../admin"):
                self.assertEqual(client.get(target).status, 403, target)
        self.assertEqual(self.upstream.requests, [])

    def test_what_is_matched_is_forwarded(self):
        with self.start_daemon().connect() as client:
            for target, sent in (("/api/%7euser//a/../b?x=/../%61//", "/api/~user/b?x=/../%61//"), ("/x/../api", "/api"),
                                 ("/api/caf%c3%a9", "/api/caf%C3%A9"), ("/files/%61//b", "/a/b"), ("/old/./%61?", "/a"),
                                 ("/api/..;", None), ("/api/%2e%2e%2fadmin", None), ("/api/..%5cadmin", None),
                                 ("/api/..\\admin", None), ("/api/%", None), ("/api/%00", None)):
                response = client.get(target)
                if sent:
                    self.assertEqual(self.upstream.request().target, sent)
                else:
                    self.assert_failure(response, 400, "request_path_ambiguous")
            self.assertEqual(client.get("/moved/../moved//a?b=//").header("Location"), "/moved/a?b=//")

    def test_refusal_is_logged(self):
        daemon = self.start_daemon()
        daemon.get("/api/..%2fadmin")
        record = self.assert_logged(daemon, "request_path_ambiguous", 400)
        self.assertEqual(record["url.path"], "/api/..%2fadmin")

    def test_each_part_can_be_turned_off(self):
        with self.start_daemon(server="merge_slashes = false").connect() as client:
            self.assertEqual(client.get("//admin").status, 404)
            client.get("/api//a/%2e/")
            self.assertEqual(self.upstream.request().target, "/api//a/")
        with self.start_daemon(server='escaped_slashes = "keep"').connect() as client:
            client.get("/api/a%2fb\\c")
            self.assertEqual(self.upstream.request().target, "/api/a%2Fb\\c")
        with self.start_daemon(server="normalize_path = false").connect() as client:
            client.get("/api/../admin%2f")
            self.assertEqual(self.upstream.request().target, "/api/../admin%2f")

    def test_listener_decides_for_itself(self):
        daemon = self.start_daemon(server="normalize_path = false", listener="normalize_path = true")
        self.assertEqual(daemon.get("/api/../admin").status, 403)


class Answers(CulvertTest):
    def setUp(self):
        super().setUp()
        self.said = b""         # what the upstream says to /bad
        self.ended = []         # whether culvert ended the connection after that
        self.upstream = self.origin(self.answer)
        self.daemon = self.culvert(self.upstream.route(), threads=1)

    def answer(self, exchange):
        if exchange.request.target != "/bad":
            return exchange.reply(200, b"fine")
        exchange.send(self.said)
        self.ended.append(exchange.wait_for_end())
        return exchange.close()

    def ask(self, said, method="GET"):
        """The answer that a client gets for what the upstream says; after it, others get theirs on new connections."""
        self.said = said
        self.ended.clear()
        with self.daemon.connect() as client, self.daemon.connect() as other:
            self.assertEqual(other.get("/first").body, b"fine")
            client.request(method, "/bad")
            try:
                response = client.response(method)
            except (Aborted, ConnectionError) as error:
                response = error
            bad = self.upstream.request()
            self.assertEqual(other.get("/next").body, b"fine", "the next client")
            self.assertNotEqual(self.upstream.request().connection, bad.connection, "the connection is used again")
            wait_until(lambda: self.ended, "the upstream hearing of it")
            self.assertEqual(self.ended, [True], "culvert sent more on that connection")
        return response

    def test_malformed_heads(self):
        for name, said, _ in ANSWERS:
            with self.subTest(name):
                self.assert_failure(self.ask(said), 502, "upstream_response_malformed")
        records = [record for record in self.daemon.access_log(3 * len(ANSWERS)) if record["url.path"] == "/bad"]
        self.assertEqual([record["error.cause"] for record in records], [cause for _, _, cause in ANSWERS])
        self.assertEqual({record["error.type"] for record in records}, {"upstream_response_malformed"})

    def test_malformed_bodies(self):
        for name, said in BODIES:
            with self.subTest(name):
                response = self.ask(said)
                self.assertTrue(isinstance(response, (Aborted, ConnectionError)) or response.status == 502, response)
        records = [record for record in self.daemon.access_log(3 * len(BODIES)) if record["url.path"] == "/bad"]
        self.assertEqual({record["error.type"] for record in records}, {"upstream_aborted_body"})

    def test_more_than_an_answer(self):
        for name, method, said in EXTRA:
            with self.subTest(name):
                response = self.ask(said, method)
                self.assertIn(response.body, (b"ok", b""))
                self.assertLess(response.status, 305)

    def test_bytes_on_an_idle_connection(self):
        """What comes when nobody has asked anything is nobody's answer."""
        self.said = OK + "Content-Length: 2\r\n\r\nok"
        speak = threading.Event()

        def answer(exchange):
            exchange.reply(200, b"fine")
            if exchange.request.target == "/bad":
                speak.wait(20)
                exchange.send(POISON)
                self.ended.append(exchange.wait_for_end())
                exchange.close()
        upstream = self.origin(answer)
        daemon = self.culvert(upstream.route(), threads=1)
        with daemon.connect() as client:
            self.assertEqual(client.get("/bad").body, b"fine")
            speak.set()
            wait_until(lambda: self.ended, "the end of the idle connection")
            self.assertEqual((self.ended, client.get("/next").body), ([True], b"fine"))
        self.assertEqual([request.connection for request in upstream.requests], [1, 2])


class Differences(CulvertTest):
    """Where Node departs from RFC 9110 and 9112 and a proxy must not; what is refused stands in the tables above."""

    def exchange(self, said="", request="", server="", more=""):
        """(client's view of the answer, the upstream's view of the request)"""
        upstream = self.origin(lambda x: (x.send(said), x.close()) if said else x.reply(200, b"fine"))
        daemon = self.culvert(upstream.route(more), server=server, threads=1)
        with daemon.connect() as client:
            client.send(request or "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            response = client.response()
        return response, upstream.requests[-1] if upstream.requests else None

    def test_3_host_is_that_of_the_target(self):
        _, request = self.exchange(request="GET http://Site.test:80/x HTTP/1.1\r\nHost: site.test\r\n\r\n")
        self.assertEqual((request.target, request.all("Host")), ("/x", ["Site.test:80"]))

    def test_12_connect(self):
        response, request = self.exchange(request="CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
        self.assert_failure(response, 405, "method_not_allowed")
        self.assertEqual((request, response.has_token("Connection", "close")), (None, True))

    def test_14_15_upgrade_is_no_concern_of_a_request_with_a_body_or_of_http_1_0(self):
        for head in (HEAD + "Content-Length: 5\r\n", "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n"):
            _, request = self.exchange(request=head + "Connection: upgrade\r\nUpgrade: foo\r\n\r\nhello")
            self.assertEqual((request.body, request.all("Upgrade")), (b"hello", []))

    def test_17_expectations_are_relayed_as_received(self):
        _, request = self.exchange(request=f"{HEAD}Content-Length: 2\r\nExpect: 100-continue, x\r\n\r\nok")
        self.assertEqual(request.all("Expect"), ["100-continue, x"])

    def test_18_client_that_half_closes_gets_its_answer(self):
        upstream = self.origin()
        with self.culvert(upstream.route()).connect() as client:
            client.request("GET", "/")
            client.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(client.response().status, 200)

    def test_19_last_request_of_a_connection(self):
        upstream = self.origin()
        with self.culvert(upstream.route(), server="max_requests_per_socket = 1").connect() as client:
            client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(client.response().has_token("Connection", "close"))
            self.assertTrue(client.is_closed())
        self.assertEqual([request.target for request in upstream.requests], ["/1"])

    def test_20_no_interim_answer_for_http_1_0(self):
        said = f"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{OK}Content-Length: 2\r\n\r\nok"
        response, _ = self.exchange(said, "GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        self.assertEqual((response.status, response.body), (200, b"ok"))

    def test_21_no_chunks_for_http_1_0(self):
        said = f"{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        response, _ = self.exchange(said, "GET / HTTP/1.0\r\nHost: a\r\nTE: chunked\r\n\r\n")
        self.assertEqual((response.framing, response.body), ("close", b"ok"))

    def test_22_no_framing_in_a_204(self):
        for framing in ("Content-Length: 5", "Transfer-Encoding: chunked"):
            response, _ = self.exchange(f"HTTP/1.1 204 No Content\r\n{framing}\r\n\r\n")
            self.assertEqual((response.all("Content-Length"), response.all("Transfer-Encoding")), ([], []))

    def test_23_no_content_in_a_205(self):
        for body in ("Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"):
            response, _ = self.exchange(f"HTTP/1.1 205 Reset Content\r\n{body}")
            self.assertEqual((response.framing, response.body), ("length", b""))

    def test_24_body_shorter_than_its_length(self):
        with self.assertRaises(Aborted):
            self.exchange(f"{OK}Content-Length: 5\r\n\r\nhel")

    def test_26_trailers_hold_no_framing_routing_or_control(self):
        trailers = "X-Good: 1\r\nContent-Length: 5\r\nHost: b\r\nAuthorization: c\r\nTransfer-Encoding: chunked\r\n"
        response, request = self.exchange(
            f"{OK}Trailer: X-Good\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n{trailers}\r\n",
            f"{HEAD}TE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{trailers}\r\n")
        self.assertEqual((response.trailers, request.trailers), ([("X-Good", "1")], [("X-Good", "1")]))

    def test_27_keep_alive_is_of_one_hop(self):
        response, request = self.exchange(f"{OK}Keep-Alive: timeout=77\r\nContent-Length: 0\r\n\r\n",
                                          "GET / HTTP/1.1\r\nHost: a\r\nKeep-Alive: timeout=88\r\n\r\n")
        self.assertEqual((response.all("Keep-Alive"), request.all("Keep-Alive")), (["timeout=5"], []))

    def test_29_body_of_any_method_is_framed(self):
        for method in ("GET", "DELETE", "OPTIONS"):
            _, request = self.exchange(request=f"{method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                               "2\r\nok\r\n0\r\n\r\n")
            self.assertEqual((request.body, request.all("Transfer-Encoding")), (b"ok", ["chunked"]))

    def test_31_switch_that_nobody_asked_for(self):
        response, _ = self.exchange("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n")
        self.assert_failure(response, 502, "upstream_upgrade_unexpected")

    def test_33_fields_keep_their_order_and_repetitions(self):
        lines = "User-Agent: a\r\nFrom: b\r\nUser-Agent: c\r\n"
        _, request = self.exchange(request=f"GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
        self.assertEqual([field for field in request.headers if field[0] in ("User-Agent", "From")],
                         [("User-Agent", "a"), ("From", "b"), ("User-Agent", "c")])

    def test_34_chunks_of_an_http_1_0_upstream_end_its_connection(self):
        upstream = self.origin(lambda x: x.send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
                                                "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"))
        with self.culvert(upstream.route(), threads=1).connect() as client:
            self.assertEqual([client.get("/").body, client.get("/").body], [b"ok", b"ok"])
        self.assertEqual([request.connection for request in upstream.requests], [1, 2])

    def test_35_higher_minor_version_of_an_upstream(self):
        response, _ = self.exchange("HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.assertEqual((response.version, response.status, response.body), ("HTTP/1.1", 200, b"ok"))

    def test_37_max_forwards(self):
        for method in ("OPTIONS", "TRACE"):
            head = f"{method} / HTTP/1.1\r\nHost: a\r\nMax-Forwards: "
            _, request = self.exchange(request=f"{head}3\r\n\r\n")
            self.assertEqual(request.all("Max-Forwards"), ["2"])
            response, request = self.exchange(request=f"{head}0\r\n\r\n")
            self.assertEqual((request, response.status), (None, 200 if method == "OPTIONS" else 405))
            response, request = self.exchange(request=f"{head}-1\r\n\r\n")
            self.assert_failure(response, 400, MALFORMED)
            self.assertIsNone(request)
        _, request = self.exchange(request="GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")
        self.assertEqual(request.all("Max-Forwards"), ["0"], "it means something for OPTIONS and TRACE only")

    def test_38_interim_answers_are_relayed_raw(self):
        link = "</a>; rel=preload, </b>; rel=preload"
        upstream = self.origin(lambda x: x.send(f"HTTP/1.1 103 Early Hints\r\nLink: {link}\r\n\r\n"
                                                f"{OK}Content-Length: 0\r\n\r\n"))
        with self.culvert(upstream.route()).connect() as client:
            hints = client.get("/")
            self.assertEqual((hints.status, hints.all("Link"), client.response().status), (103, [link], 200))


if __name__ == "__main__":
    main()
