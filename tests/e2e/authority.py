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
keyUsage = critical, keyCertSign, cRLSign
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
crlDistributionPoints = URI:http://authority.test/list.crl
subjectAltName = {names}
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
[named_client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
subjectAltName = {names}
[ca]
default_ca = lists
[lists]
database = {folder}/{title}.index
default_md = sha256
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

    def __init__(self, folder, title="authority"):
        self.folder, self.title = folder, title
        self.file, self.key, self.options = folder / f"{title}.pem", folder / f"{title}.key", folder / f"{title}.cnf"
        self.write_options("DNS:unused.test")
        openssl("req", "-x509", *KEYS["ec"], "-nodes", "-keyout", self.key, "-out", self.file, "-days", 30,
                "-config", self.options, "-extensions", "authority", "-subj", f"/CN={title} of a test")

    def write_options(self, names):
        self.options.write_text(OPTIONS.format(names=names, folder=self.folder, title=self.title))

    def issue(self, *names, key="ec", days=30, file=None):
        """A server's certificate for these names ("IP:" before an address) and its key, in files called as the first."""
        alternatives = [name if name.startswith("IP:") else f"DNS:{name}" for name in names]
        return self.sign(file or names[0].replace("*", "any"), "/CN=server of a test", "server", alternatives, days, key)

    def client(self, name, *names, days=30, file=None):
        """A client's certificate, and its key; `names` are alternative ones ("DNS:..", "URI:..")."""
        return self.sign(file or name, f"/O=Test/CN={name}", "named_client" if names else "client", names, days)

    def sign(self, file, subject, extensions, names, days, key="ec"):
        file = self.folder / file
        issued = Issued(file.with_name(file.name + ".pem"), file.with_name(file.name + ".key"))
        request = file.with_name(file.name + ".csr")
        self.write_options(", ".join(names) or "DNS:unused.test")
        openssl("req", *KEYS[key], "-nodes", "-keyout", issued.key, "-out", request, "-config", self.options,
                "-subj", subject)
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial",
                "-out", issued.certificate, "-days", days, "-extfile", self.options, "-extensions", extensions)
        issued.key.chmod(0o600)
        return issued

    def ocsp(self, issued, *times, revoked=False):
        """A file with a response about this one."""
        serial = openssl("x509", "-in", issued.certificate, "-noout", "-serial").decode().strip().partition("=")[2]
        index = self.folder / "ocsp.index"
        ended = "200101000000Z" if revoked else ""
        index.write_text(f"{'R' if revoked else 'V'}\t300101000000Z\t{ended}\t{serial}\tunknown\t/CN=anybody\n")
        file = issued.certificate.with_suffix(".ocsp")
        openssl("ocsp", "-index", index, "-CA", self.file, "-rsigner", self.file, "-rkey", self.key, "-issuer", self.file,
                "-cert", issued.certificate, "-no_nonce", "-noverify", *(times or ("-ndays", 3)), "-respout", file)
        return file

    def crl(self, *revoked, days=("-crldays", 30)):
        """A file that lists these as revoked."""
        (self.folder / f"{self.title}.index").write_text("")
        signer = ("-config", self.options, "-keyfile", self.key, "-cert", self.file)
        for each in revoked:
            openssl("ca", *signer, "-revoke", each.certificate)
        file = self.folder / f"{self.title}.crl"
        openssl("ca", *signer, "-gencrl", *days, "-out", file)
        return file
