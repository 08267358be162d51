"""What would break: whoever should not passes, whoever should does not, or a password is seen by somebody else."""
import base64
import os
import pty
import signal
import subprocess
import termios

from harness import BINARY, CulvertTest, curl, main, run_culvert, wait_until
from tunnels import Destination, TunnelClient, echo

HASH = r"\$y\$[./0-9A-Za-z]+\$[./0-9A-Za-z]+\$[./0-9A-Za-z]{43}"


class HashPassword(CulvertTest):
    def start_at_terminal(self):
        self.terminal, end = pty.openpty()
        self.addCleanup(os.close, self.terminal)
        process = subprocess.Popen([BINARY, "hash-password", "--cost", "1"], stdin=end, stderr=end,
                                   stdout=subprocess.PIPE, text=True,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.addCleanup(process.stdout.close)
        return process, end

    def read_until(self, prompt):
        shown = b""
        while not shown.endswith(prompt):
            shown += os.read(self.terminal, 1000)
        return shown.decode()

    def at_terminal(self, first, second):
        """What it prints, what the terminal shows, and its exit code."""
        process, end = self.start_at_terminal()
        os.close(end)
        shown = self.read_until(b"Password: ")
        os.write(self.terminal, first)
        shown += self.read_until(b"again: ")
        os.write(self.terminal, second)
        shown += self.read_until(b"\n")
        return process.communicate(timeout=20)[0], shown, process.returncode

    def wait_for_reading(self, process):
        """A thread sanitizer keeps a signal that comes before the call until after it: for ever, where nobody types."""
        stat = f"/proc/{process.pid}/stat"
        wait_until(lambda: open(stat).read().rpartition(") ")[2][0] == "S", "it reads")

    def shows_what_is_typed(self):
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def test_password_of_standard_input(self):
        result = run_culvert("hash-password", "--cost", "1", input="secret\n")
        self.assertRegex(result.stdout, f"^{HASH}\n$")
        self.assertEqual((result.stderr, result.returncode), ("", 0))
        result = run_culvert("hash-password", "--cost", "1", "--user", "ann", input="secret")
        self.assertRegex(result.stdout, f"^ann:{HASH}\n$")

    def test_line_is_taken_by_check(self):
        (self.folder / "users").write_text(run_culvert("hash-password", "--user", "ann", input="secret\n").stdout)
        (self.folder / "users").chmod(0o600)
        config = self.folder / "culvert.toml"
        config.write_text(self.config(8080, "[[route]]\necho = true", more='[auth.a]\nusers = { file = "users" }\n'))
        result = run_culvert("check", "--strict", config)
        self.assertEqual((result.stderr, result.returncode), ("", 0))

    def test_refusals(self):
        for arguments, password, told in (((), "\n", "empty"), ((), "", "empty"), ((), "a\tb\n", "control characters"),
                                          ((), "p" * 512 + "\n", "at most 511 bytes"),
                                          (("--user", "a:b"), "x\n", 'has a ":"'), (("--user", ""), "x\n", "no name")):
            with self.subTest(arguments=arguments, password=password):
                result = run_culvert("hash-password", *arguments, input=password)
                self.assertEqual((result.stdout, result.returncode), ("", 1))
                self.assertIn(told, result.stderr)
        for cost in ("0", "12", "x"):
            self.assertEqual(run_culvert("hash-password", "--cost", cost, input="x\n").returncode, 2)

    def test_terminal_does_not_show_it(self):
        out, shown, code = self.at_terminal(b"secret\n", b"secret\n")
        self.assertRegex(out, f"^{HASH}\n$")
        self.assertEqual(code, 0)
        self.assertEqual(shown, "Password: \r\nThe same again: \r\n")

    def test_terminal_asks_twice(self):
        out, _, code = self.at_terminal(b"secret\n", b"secrte\n")
        self.assertEqual((out, code), ("", 1))

    def test_interrupt_leaves_the_terminal_as_it_was(self):
        process, end = self.start_at_terminal()
        self.addCleanup(os.close, end)
        self.read_until(b"Password: ")
        self.assertFalse(self.shows_what_is_typed())
        self.wait_for_reading(process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), -signal.SIGINT)
        self.assertTrue(self.shows_what_is_typed())


def authorization(user, password):
    return ("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


class AuthTest(CulvertTest):
    def hashed(self, user, password, cost=1):
        return run_culvert("hash-password", "--cost", cost, "--user", user, input=password).stdout

    def write_users(self, *lines):
        users = self.folder / "users"
        users.write_text("".join(lines))
        users.chmod(0o600)

    def protected(self, routes='[[route]]\nauth = "ops"\nrespond = { body = "in" }\n', auth="", **parts):
        return self.culvert(routes, more=f'[auth.ops]\nusers = {{ file = "{self.folder}/users" }}\n{auth}\n', **parts)

    def curl(self, culvert, *arguments):
        """Status and body."""
        out = curl("-w", "\n%{http_code}", *arguments, culvert.url()).stdout.decode()
        return int(out.rpartition("\n")[2]), out.rpartition("\n")[0]


class Routes(AuthTest):
    def test_users_pass_and_others_are_asked(self):
        self.write_users(self.hashed("ann", "secret"), self.hashed("b\u00f6b", "pass:w\u00f6rd"))
        culvert = self.protected(auth='realm = "the \\"ops\\""', threads=1)
        self.assertEqual(self.curl(culvert, "-u", "ann:secret"), (200, "in"))
        self.assertEqual(self.curl(culvert, "-u", "b\u00f6b:pass:w\u00f6rd"), (200, "in"))
        for wrong in ("ann:Secret", "ann:", "eve:secret"):
            self.assertEqual(self.curl(culvert, "-u", wrong)[0], 401, wrong)
        missing = culvert.get("/")
        self.assert_failure(missing, 401, "auth_required")
        self.assertEqual(missing.header("WWW-Authenticate"), r'Basic realm="the \"ops\"", charset="UTF-8"')
        self.assert_failure(culvert.get("/", [authorization("ann", "x")]), 401, "auth_failed")
        names = [record.get("user.name") for record in culvert.access_log(7)]
        self.assertEqual(names, ["ann", "b\u00f6b"] + 5 * [None])

    def test_password_stays_here(self):
        self.write_users(self.hashed("ann", "secret"))
        origin = self.origin(lambda x: x.reply())
        culvert = self.protected(origin.route('auth = "ops"'), access='fields = ["user.name", "url.path"]')
        self.assertEqual(culvert.get("/", [authorization("ann", "secret")]).status, 200)
        self.assertEqual(origin.request().all("Authorization"), [])
        self.assertEqual(culvert.access_log(1), [{"user.name": "ann", "url.path": "/"}])

    def test_password_is_passed_on_where_that_is_written(self):
        self.write_users(self.hashed("ann", "secret"))
        origin = self.origin(lambda x: x.reply())
        culvert = self.protected(origin.route('auth = "ops"\nforward_authorization = true'))
        self.assertEqual(culvert.get("/", [authorization("ann", "secret")]).status, 200)
        self.assertEqual(origin.request().all("Authorization"), [authorization("ann", "secret")[1]])

    def test_worker_goes_on_while_passwords_are_checked(self):
        self.write_users(self.hashed("ann", "secret", cost=9))
        culvert = self.protected('[[route]]\npath = "/open"\nrespond = { body = "open" }\n'
                                 '[[route]]\nauth = "ops"\nrespond = { body = "in" }\n', threads=1)
        waiting = [culvert.connect() for _ in range(4)]
        for number, client in enumerate(waiting):
            self.addCleanup(client.close)
            client.request("GET", "/in", [authorization("ann", f"wrong{number}")])
        for _ in range(10):
            self.assertEqual(culvert.get("/open").body, b"open")
        for client in waiting:
            self.assert_failure(client.response(), 401, "auth_failed")
        self.assertEqual([record["url.path"] for record in culvert.access_log(14)], 10 * ["/open"] + 4 * ["/in"])

    def test_guessing_is_limited_for_all_workers_together(self):
        self.write_users(self.hashed("ann", "secret"))
        culvert = self.protected(auth='max_failures = 3\nfailure_interval = "1h"', threads=4)
        for guess in range(3):
            self.assert_failure(culvert.get("/", [authorization("ann", guess)]), 401, "auth_failed")
        limited = culvert.get("/", [authorization("ann", "secret")])
        self.assert_failure(limited, 429, "auth_limited")
        self.assertIn(int(limited.header("Retry-After")), range(3500, 3601))
        self.assertEqual(curl("-f", "--interface", "127.0.0.2", "-u", "bob:x", culvert.url()).returncode, 22)
        self.assert_failure(culvert.get("/"), 401, "auth_required")

    def test_who_is_known_is_not_locked_out_by_guesses(self):
        self.write_users(self.hashed("ann", "secret"))
        culvert = self.protected(auth='max_failures = 2\nfailure_interval = "1h"', threads=1)
        self.assertEqual(self.curl(culvert, "-u", "ann:secret"), (200, "in"))
        for guess in range(3):
            culvert.get("/", [authorization("ann", guess)])
        self.assertEqual(self.curl(culvert, "-u", "ann:secret"), (200, "in"))

    def test_reload_reads_the_users_again(self):
        self.write_users(self.hashed("ann", "secret"), self.hashed("bob", "hunter2"))
        culvert = self.protected()
        self.assertEqual(self.curl(culvert, "-u", "ann:secret"), (200, "in"))
        self.assertEqual(self.curl(culvert, "-u", "bob:hunter2"), (200, "in"))
        self.write_users(self.hashed("ann", "changed"), "cyn:plain text\n")
        culvert.signal(signal.SIGHUP)
        wait_until(lambda: "reload failed: 1 error" in culvert.stderr(), "the refusal")
        self.assertIn('users:2:1: error: the password of "cyn" is not hashed [bad-hash]', culvert.stderr())
        self.assertNotIn("plain text", culvert.stderr())
        self.assertEqual(self.curl(culvert, "-u", "bob:hunter2"), (200, "in"), "the running users stay")
        self.write_users(self.hashed("ann", "changed"))
        culvert.signal(signal.SIGHUP)
        wait_until(lambda: "reloaded: revision 2: 1 auth changed" in culvert.stderr(), "the reload")
        self.assertEqual(self.curl(culvert, "-u", "ann:secret")[0], 401)
        self.assertEqual(self.curl(culvert, "-u", "bob:hunter2")[0], 401)
        self.assertEqual(self.curl(culvert, "-u", "ann:changed"), (200, "in"))


def proxy_authorization(user, password):
    return ("Proxy-Authorization", authorization(user, password)[1])


class Tunnels(AuthTest):
    RULES = ('users = ["ann"]\nallow = ["127.0.0.1:*"]\nprivate_networks = "allow"',
             'users = ["bob"]\ndeny = ["127.0.0.1:*"]')

    def setUp(self):
        super().setUp()
        self.write_users(self.hashed("ann", "secret"), self.hashed("bob", "hunter2"))
        self.destination = Destination(echo)
        self.addCleanup(self.destination.close)

    def forward_proxy(self, auth="", **parts):
        rules = "".join(f"[[tunnel.out.rule]]\n{rule}\n" for rule in self.RULES)
        return self.culvert(listener='mode = "forward"\ntunnel = "out"', threads=1,
                            more=f'[tunnel.out]\nauth = "teams"\n{rules}[auth.teams]\nrealm = "egress"\n'
                                 f'users = {{ file = "{self.folder}/users" }}\n{auth}\n', **parts)

    def connect(self, culvert, *headers):
        client = TunnelClient(("127.0.0.1", culvert.port))
        self.addCleanup(client.close)
        return client, client.connect(self.destination.authority, headers)

    def test_user_has_a_tunnel_and_is_in_its_record(self):
        culvert = self.forward_proxy()
        client, answer = self.connect(culvert, proxy_authorization("ann", "secret"))
        self.assertEqual(answer.status, 200)
        client.send("hello")
        self.assertEqual(client.receive(5), b"hello")
        client.close()
        record = culvert.access_log(1)[0]
        self.assertEqual((record["user.name"], record["culvert.rule"]), ("ann", "rule 1"))

    def test_early_data_waits_for_the_password(self):
        client = TunnelClient(("127.0.0.1", self.forward_proxy().port))
        self.addCleanup(client.close)
        answer = client.connect(self.destination.authority, [proxy_authorization("ann", "secret")], early=b"early")
        self.assertEqual((answer.status, client.receive(5)), (200, b"early"))

    def test_others_have_none(self):
        culvert = self.forward_proxy()
        for headers, reason in (((), "proxy_auth_required"), ([authorization("ann", "secret")], "proxy_auth_required"),
                                ([proxy_authorization("ann", "x")], "proxy_auth_failed"),
                                (2 * [proxy_authorization("ann", "secret")], "proxy_auth_failed")):
            client, answer = self.connect(culvert, *headers)
            self.assert_failure(answer, 407, reason)
            self.assertEqual(answer.header("Proxy-Authenticate"), 'Basic realm="egress", charset="UTF-8"')
            self.assertIsNone(answer.header("WWW-Authenticate"))
            self.assertTrue(client.is_closed())
        self.assertEqual(self.destination.connections, 0)
        self.assertEqual([record["error.type"] for record in culvert.access_log(4)],
                         2 * ["proxy_auth_required"] + 2 * ["proxy_auth_failed"])

    def test_rules_are_of_users(self):
        culvert = self.forward_proxy()
        _, answer = self.connect(culvert, proxy_authorization("bob", "hunter2"))
        self.assert_failure(answer, 403, "destination_denied")
        self.assertEqual(self.destination.connections, 0)
        self.assertEqual(culvert.access_log(1)[0]["user.name"], "bob")

    def test_requests_with_their_destination(self):
        origin = self.origin(lambda x: x.reply(200, b"there"))
        culvert = self.forward_proxy(access='format = "combined"')
        with culvert.connect() as client:
            target = f"http://{origin.address}/"
            self.assert_failure(client.get(target, host=origin.address), 407, "proxy_auth_required")
            own = authorization("somebody", "else")
            answer = client.get(target, [proxy_authorization("ann", "secret"), own], host=origin.address)
            self.assertEqual(answer.body, b"there")
        request = origin.request()
        self.assertEqual((request.all("Proxy-Authorization"), request.all("Authorization")), ([], [own[1]]))
        self.assertEqual(culvert.stop(), 0)
        text = culvert.access_path.read_text()
        self.assertRegex(text, r'(?m)^127\.0\.0\.1 - ann \[.*" 200 ')
        self.assertNotIn(own[1].split()[1], text)

    def test_curl_through_it(self):
        origin = self.origin(lambda x: x.reply(200, b"there"))
        culvert = self.forward_proxy()
        for way in ((), ("-p",)):
            out = curl(*way, "-x", f"127.0.0.1:{culvert.port}", "-U", "ann:secret", f"http://{origin.address}/").stdout
            self.assertEqual(out, b"there", way)
            out = curl(*way, "-o", os.devnull, "-w", "%{http_code} %{http_connect}", "-x", f"127.0.0.1:{culvert.port}",
                       "-U", "ann:wrong", f"http://{origin.address}/").stdout
            self.assertIn(b"407", out, way)

    def test_guessing_is_limited(self):
        culvert = self.forward_proxy(auth='max_failures = 2\nfailure_interval = "1h"')
        for guess in range(2):
            self.assert_failure(self.connect(culvert, proxy_authorization("ann", guess))[1], 407, "proxy_auth_failed")
        _, answer = self.connect(culvert, proxy_authorization("ann", "secret"))
        self.assert_failure(answer, 429, "proxy_auth_limited")
        self.assertIn(int(answer.header("Retry-After")), range(3500, 3601))

    def test_reload_leaves_tunnels_that_stand(self):
        culvert = self.forward_proxy()
        client, _ = self.connect(culvert, proxy_authorization("ann", "secret"))
        self.write_users(self.hashed("ann", "changed"), self.hashed("bob", "hunter2"))
        culvert.signal(signal.SIGHUP)
        wait_until(lambda: "reloaded: revision 2: 1 auth changed" in culvert.stderr(), "the reload")
        client.send("still here")
        self.assertEqual(client.receive(10), b"still here")
        self.assert_failure(self.connect(culvert, proxy_authorization("ann", "secret"))[1], 407, "proxy_auth_failed")
        self.assertEqual(self.connect(culvert, proxy_authorization("ann", "changed"))[1].status, 200)


if __name__ == "__main__":
    main()
