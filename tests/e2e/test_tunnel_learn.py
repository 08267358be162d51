"""What would break: what was learned would be lost or say more than has passed, or learning would open what protects the network."""
import re

from harness import free_port, main, run_culvert, wait_until
from test_auth import AuthTest, proxy_authorization
from test_tunnels import TunnelTest

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


class LearnTest(TunnelTest):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "learned.toml"

    def learning(self, tunnel='private_networks = "allow"', rules=(), **parts):
        return self.forward_proxy(f'default = "deny"\nlearn = "{self.file}"\n{tunnel}', rules, threads=1, **parts)

    def learned(self, *targets):
        """The file, once it has these."""
        wait_until(lambda: all(f'"{target}"' in self.file.read_text() for target in targets), f"{targets} in the file")
        return self.file.read_text()

    def answer(self, culvert, authority, **options):
        with self.client(culvert) as client:
            return client.connect(authority, **options)


class Learning(LearnTest):
    def test_what_is_denied_passes_and_can_be_pasted(self):
        one, two, other = (self.destination() for _ in range(3))
        culvert = self.learning(rules=(f'name = "no \\"others\\""\ndeny = ["localhost:{two.port}"]',))
        self.assertEqual(self.answer(culvert, one.authority).status, 200)
        self.assertEqual(self.answer(culvert, f"LOCALHOST.:{two.port}").status, 200)
        records = culvert.access_log(2)
        self.assertEqual([record["culvert.rule"] for record in records], ["learned", "learned"])
        text = self.learned(one.authority, f"localhost:{two.port}")
        self.assertRegex(text, rf'^# culvert: learned rules of \[tunnel\.out\]\n(#.*\n)+\n\[\[tunnel\.out\.rule\]\]\n'
                               rf'name = "learned"\nallow = \[\n'
                               rf'  "{one.authority}",  # times: 1, first: {TIME}, last: {TIME}, denied by: the default\n'
                               rf'  "localhost:{two.port}",  # times: 1, first: {TIME}, last: {TIME}, '
                               r'denied by: "no \\"others\\""\n\]\n$')
        culvert = self.forward_proxy(f'private_networks = "allow"\n{text}', rules=())
        self.assertEqual(self.answer(culvert, one.authority).status, 200)
        self.assertEqual(self.answer(culvert, f"localhost:{two.port}").status, 200)
        self.assert_failure(self.answer(culvert, other.authority), 403, "destination_denied")

    def test_what_a_rule_allows_is_nothing_new(self):
        known, new = self.destination(), self.destination()
        culvert = self.learning(rules=(f'allow = ["{known.authority}"]',))
        for number, (destination, rule) in enumerate(((known, "rule 1"), (new, "learned")), 1):
            self.assertEqual(self.answer(culvert, destination.authority).status, 200)
            self.assertEqual(culvert.access_log(number)[-1]["culvert.rule"], rule)
        self.assertNotIn(known.authority, self.learned(new.authority))

    def test_requests_with_their_destination(self):
        origin = self.origin(lambda x: x.reply(200, b"from afar"))
        culvert = self.learning()
        authority = f"127.0.0.1:{origin.port}"
        with culvert.connect() as client:
            for _ in range(3):
                self.assertEqual(client.get(f"http://{authority}/", host=authority).body, b"from afar")
        self.assertEqual(culvert.access_log(3)[0]["culvert.rule"], "learned")
        self.learned(authority)
        culvert.stop()
        self.assertRegex(self.file.read_text(), f'"{authority}",  # times: 3, ')

    def test_ports_that_the_default_denies(self):
        destination = self.destination()
        culvert = self.forward_proxy(f'learn = "{self.file}"\nprivate_networks = "allow"', rules=())
        self.assertEqual(self.answer(culvert, destination.authority).status, 200)
        self.learned(destination.authority)

    def test_the_network_stays_protected(self):
        destination = self.destination()
        culvert = self.learning(tunnel="")
        self.assert_failure(self.answer(culvert, destination.authority), 403, "destination_not_public")
        self.assert_failure(self.answer(culvert, f"localhost:{destination.port}"), 403, "destination_not_public")
        self.assert_failure(self.answer(culvert, "169.254.169.254:80"), 403, "destination_not_public")
        culvert.stop()
        self.assertNotIn("[[tunnel", self.file.read_text())
        culvert = self.learning()
        self.assert_failure(self.answer(culvert, f"127.0.0.1:{culvert.port}"), 403, "destination_is_culvert")
        culvert.stop()
        self.assertNotIn("[[tunnel", self.file.read_text())

    def test_what_no_rule_can_say_is_not_learned(self):
        culvert = self.learning()
        for host in ("*", "*.test", "a'b.test", "a$b.test", "${HOME}", "a%22.test"):
            response = self.answer(culvert, f"{host}:443")
            self.assertIn(response.status, (400, 403), host)
        self.assert_failure(self.answer(culvert, "*.test:443"), 403, "destination_denied")
        culvert.stop()
        self.assertNotIn("[[tunnel", self.file.read_text())

    def test_an_earlier_run_is_gone_on_with(self):
        one, two = self.destination(), self.destination()
        culvert = self.learning()
        for _ in range(2):
            self.answer(culvert, one.authority)
        culvert.stop()
        first = re.search(f"first: ({TIME})", self.file.read_text())[1]
        culvert = self.learning()
        self.answer(culvert, one.authority)
        self.answer(culvert, two.authority)
        text = self.learned(one.authority, two.authority)
        self.assertRegex(text, f'"{one.authority}",  # times: 3, first: {first}, ')

    def test_a_reload_goes_on_with_it_and_may_end_it(self):
        one, two, three = (self.destination() for _ in range(3))
        port = free_port()
        def config(tunnel):
            return self.config(port, listener='mode = "forward"\ntunnel = "out"', threads=1,
                               more=f'[tunnel.out]\ndefault = "deny"\nprivate_networks = "allow"\n{tunnel}\n')
        learn = f'learn = "{self.file}"'
        culvert = self.start(config(learn), port)
        self.answer(culvert, one.authority)
        culvert.reload(config(f"{learn}\nmax_tunnels = 10"))
        wait_until(lambda: "reloaded" in culvert.stderr(), "the reload")
        self.answer(culvert, one.authority)
        self.answer(culvert, two.authority)
        self.assertRegex(self.learned(one.authority, two.authority), f'"{one.authority}",  # times: 2, ')
        culvert.reload(config(""))
        wait_until(lambda: "revision 3" in culvert.stderr(), "the reload")
        self.assert_failure(self.answer(culvert, three.authority), 403, "destination_denied")
        self.assert_failure(self.answer(culvert, one.authority), 403, "destination_denied")


class Users(LearnTest, AuthTest):
    def test_each_has_rules_of_its_own(self):
        destination = self.destination()
        self.write_users(self.hashed("ann", "secret"), self.hashed('b"o\\b', "hunter2"))
        auth = f'[auth.teams]\nusers = {{ file = "{self.folder}/users" }}\n'
        tunnel = 'private_networks = "allow"\nauth = "teams"\n'
        culvert = self.learning(tunnel + auth)
        for user, password in (("ann", "secret"), ('b"o\\b', "hunter2")):
            headers = [proxy_authorization(user, password)]
            self.assertEqual(self.answer(culvert, destination.authority, headers=headers).status, 200)
        self.assert_failure(self.answer(culvert, destination.authority), 407, "proxy_auth_required")
        culvert.stop()
        text = self.file.read_text()
        self.assertEqual(re.findall(r"users = .*", text), ['users = ["ann"]', 'users = ["b\\"o\\\\b"]'])
        text = text.replace("ann", "nobody")
        culvert = self.forward_proxy(f"{tunnel}{auth}{text}", rules=())
        headers = [proxy_authorization("ann", "secret")]
        self.assert_failure(self.answer(culvert, destination.authority, headers=headers), 403, "destination_denied")
        headers = [proxy_authorization('b"o\\b', "hunter2")]
        self.assertEqual(self.answer(culvert, destination.authority, headers=headers).status, 200)


class Files(LearnTest):
    def checked(self, file):
        config = self.folder / "culvert.toml"
        config.write_text(self.config(8080, listener='mode = "forward"\ntunnel = "out"',
                                      more=f'[tunnel.out]\nlearn = "{file}"\n'))
        return run_culvert("check", config)

    def test_check_warns_that_nothing_is_enforced(self):
        result = self.checked(self.file)
        self.assertEqual(result.returncode, 0)
        self.assertIn("[tunnel.out] does not enforce its rules while it learns", result.stderr)
        self.assertFalse(self.file.exists(), "a check writes nothing")

    def test_what_cannot_be_written(self):
        (self.folder / "mine").write_text("mine\n")
        (self.folder / "theirs").write_text("# culvert: learned rules of [tunnel.other]\n")
        (self.folder / "broken").write_text("# culvert: learned rules of [tunnel.out]\nallow = [\n")
        for name, why in (("missing/file", "No such file or directory"), ("", "it is a directory"),
                          ("culvert.toml", "it is not what [tunnel.out] has learned"), ("broken", "line "),
                          ("mine", "it is not what [tunnel.out] has learned"),
                          ("theirs", "it is not what [tunnel.out] has learned")):
            result = self.checked(self.folder / name)
            self.assertEqual(result.returncode, 78, name)
            self.assertIn(f"cannot be learned into: {why}", result.stderr)
            self.assertEqual(run_culvert("run", "--config", self.folder / "culvert.toml").returncode, 78)
        self.assertEqual((self.folder / "mine").read_text(), "mine\n")

    def test_what_cannot_be_written_after_all(self):
        (self.folder / "learned.toml.new").mkdir()
        self.checked(self.file)
        result = run_culvert("run", "--config", self.folder / "culvert.toml")
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"cannot learn into {self.file}: Is a directory", result.stderr)


if __name__ == "__main__":
    main()
