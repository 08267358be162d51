"""What would break: whoever should not passes, whoever should does not, or a password is seen by somebody else."""
import os
import pty
import signal
import subprocess
import termios

from harness import BINARY, CulvertTest, main, run_culvert

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
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), -signal.SIGINT)
        self.assertTrue(self.shows_what_is_typed())


if __name__ == "__main__":
    main()
