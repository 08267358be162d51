"""A certificate authority of the test's own, and what it signs for servers on this machine."""
import base64
import subprocess

HOST = "localhost"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
OPTIONS = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1
extendedKeyUsage = serverAuth
"""


def openssl(*arguments, **options):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=True, timeout=60, **options)
    return done.stdout


class Certificates:
    """`authority` is what clients are to trust; `chain` and `key` are a server's, whose name is HOST."""

    def __init__(self, folder):
        self.authority, self.chain, self.key = folder / "authority.pem", folder / "server.pem", folder / "server.key"
        authority_key, request, options = folder / "authority.key", folder / "server.csr", folder / "options.cnf"
        options.write_text(OPTIONS)
        openssl("req", "-x509", *KEY, "-keyout", authority_key, "-out", self.authority, "-days", 30, "-config", options,
                "-extensions", "authority", "-subj", "/CN=Authority of a test")
        openssl("req", *KEY, "-keyout", self.key, "-out", request, "-config", options, "-subj", f"/CN={HOST}")
        openssl("x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", authority_key, "-CAcreateserial",
                "-out", self.chain, "-days", 30, "-extfile", options, "-extensions", "server")

    def fingerprint(self):
        """Of the server's public key, as Chromium wants it."""
        der = openssl("pkey", "-in", self.key, "-pubout", "-outform", "der")
        return base64.b64encode(openssl("dgst", "-sha256", "-binary", input=der)).decode()
