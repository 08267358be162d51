"""What would break: testssl.sh, by which operators judge a TLS listener, would have something to say of culvert's defaults.
"""
import json
import subprocess

from harness import main
from test_tls import TlsTest

# Protocols, ciphers and which of them are preferred, what is told of the server, vulnerabilities, fields of an answer. Left out
# are simulations of clients, which find nothing that these do not.
CHECKS = ["--protocols", "--std", "--pfs", "--server-preference", "--server-defaults", "--vulnerable", "--headers"]
HARMLESS = {"OK", "INFO", "LOW"}
# That testssl.sh has no GOST on this machine; and that its client may leave before a ticket of TLS 1.3 has come, with which it
# then cannot come back: tickets are test_tls's business.
OF_ITSELF = {"engine_problem": "", "sessionresumption_ticket": "check failed because of connect problem"}


def concerns_the_listener(name, finding):
    own_trouble = name in OF_ITSELF and OF_ITSELF[name] in finding["finding"]
    return finding["severity"] not in HARMLESS and not own_trouble


class Scan(TlsTest):
    def scan(self, culvert):
        report = self.folder / "report.json"
        done = subprocess.run(["testssl", *CHECKS, "--warnings", "batch", "--nodns", "none", "--ip", "127.0.0.1", "--add-ca",
                               self.authority.file, "--jsonfile", report, f"https://site.test:{culvert.port}/"],
                              capture_output=True, text=True, timeout=280, check=False)
        self.assertTrue(report.exists(), done.stdout + done.stderr)
        return {finding["id"]: finding for finding in json.loads(report.read_text())}

    def test_nothing_above_low(self):
        # What a page forbids browsers is its own affair; that there is something is theirs to find.
        origin = self.origin(lambda x: x.reply(200, b"a page", [("X-Content-Type-Options", "nosniff")]))
        issued = [self.authority.issue("site.test", key=key, file=key, days=90) for key in ("ec", "rsa")]
        culvert = self.with_tls(origin.route(), issued)
        findings = self.scan(culvert)
        self.assertEqual([each for name, each in findings.items() if concerns_the_listener(name, each)], [])
        # It has looked, and where it counts.
        for name, words in (("TLS1_3", "offered"), ("TLS1_1", "not offered"), ("cipher_order", "server"),
                            ("cert_chain_of_trust <cert#2>", "passed"), ("secure_client_renego", "not vulnerable"),
                            ("HTTP_status_code", "200"), ("LUCKY13", "not vulnerable")):
            self.assertIn(words, findings[name]["finding"], findings[name])


if __name__ == "__main__":
    main()
