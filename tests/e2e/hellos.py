"""What TLS clients say first, and certificates for those that go on."""
import ssl
import subprocess


def client_hello(server_name, alpn=("h2", "http/1.1")):
    """The first bytes of a TLS client of Python's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(list(alpn))
    if server_name is None:
        context.check_hostname = False
    outgoing = ssl.MemoryBIO()
    with_name = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=server_name)
    try:
        with_name.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake without a server")


def with_extension(hello, kind, content):
    """The same with one extension more, behind the others; of one record."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at:at + 2], "big")
    at += 1 + hello[at]
    extensions = hello[at + 2:] + kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content
    body = hello[9:at] + len(extensions).to_bytes(2, "big") + extensions
    message = hello[5:6] + len(body).to_bytes(3, "big") + body
    return hello[:3] + len(message).to_bytes(2, "big") + message


def in_records(hello, size):
    """The same in records of so many bytes."""
    pieces = (hello[at:at + size] for at in range(5, len(hello), size))
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def certificate(path, name):
    """Of a server with that name, with its key."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", path, "-out", path, "-subj", f"/CN={name}", "-days", "2",
                    "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    return path
