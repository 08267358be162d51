"""A certificate authority of the test's own, and the certificates that it signs."""
import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path

KEYS = {"ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"), "rsa": ("-newkey", "rsa:2048")}
OPTIONS = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = {names}
"""


def openssl(*arguments, **options):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=True, timeout=60, **options)
    return done.stdout


@dataclass
class Issued:
    certificate: Path
    key: Path

    def toml(self):
        return f'certificate = "{self.certificate}"\nkey = "{self.key}"\n'

    def fingerprint(self):
        """Of the public key, as Chromium wants it."""
        der = openssl("pkey", "-in", self.key, "-pubout", "-outform", "der")
        return base64.b64encode(openssl("dgst", "-sha256", "-binary", input=der)).decode()


class Authority:
    """`file` is what clients are to trust."""

    def __init__(self, folder):
        self.folder = folder
        self.file, self.key, self.options = folder / "authority.pem", folder / "authority.key", folder / "options.cnf"
        self.options.write_text(OPTIONS.format(names="DNS:unused.test"))
        openssl("req", "-x509", *KEYS["ec"], "-nodes", "-keyout", self.key, "-out", self.file, "-days", 30,
                "-config", self.options, "-extensions", "authority", "-subj", "/CN=Authority of a test")

    def issue(self, *names, key="ec", days=30, file=None):
        """A server's certificate for these names ("IP:" before an address) and its key, in files called as the first."""
        file = self.folder / (file or names[0].replace("*", "any"))
        issued = Issued(file.with_name(file.name + ".pem"), file.with_name(file.name + ".key"))
        request = file.with_name(file.name + ".csr")
        self.options.write_text(OPTIONS.format(names=", ".join(name if name.startswith("IP:") else f"DNS:{name}" for name in names)))
        openssl("req", *KEYS[key], "-nodes", "-keyout", issued.key, "-out", request, "-config", self.options,
                "-subj", "/CN=server of a test")
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial",
                "-out", issued.certificate, "-days", days, "-extfile", self.options, "-extensions", "server")
        issued.key.chmod(0o600)
        return issued
