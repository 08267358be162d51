"""What would break: sockets that systemd holds would not be served, or lost by a reload, and ports would close between two
processes.
"""
import os
import signal
import socket
import subprocess
from pathlib import Path

from client import Client
from harness import BINARY, CulvertTest, free_port, main, run_culvert, wait_until

ANSWER = '[[route]]\nrespond = {{ status = 200, body = "{}" }}\n'


class Activated(CulvertTest):
    def activated(self, sockets, listeners, routes=ANSWER.format("x"), threads=2):
        """A daemon that gets `sockets` ((name, address), ...), of which the first is "127.0.0.1:PORT"."""
        under = ["systemd-socket-activate", "--fdname=" + ":".join(name for name, _ in sockets)]
        for _, address in sockets:
            under += ["-l", address]
        port = int(sockets[0][1].split(":")[1])
        return self.start(f"[process]\nthreads = {threads}\n{listeners}{routes}", port, under=under)

    def listener(self, name, *addresses):
        return f"[listener.{name}]\naddress = {list(addresses)}\n".replace("'", '"')

    def body(self, address):
        with Client(address) as client:
            return client.get("/").body


class Serving(Activated):
    def test_every_worker_serves_it(self):
        # ROWS: server.listen.handle
        port = free_port()
        culvert = self.activated([("web", f"127.0.0.1:{port}")], self.listener("web", "fd:web"), threads=3)
        clients = [culvert.connect() for _ in range(30)]
        for client in clients:
            self.addCleanup(client.close)
            self.assertEqual(client.get("/").body, b"x")
        self.assertIn("1 listener", culvert.stderr())

    def test_several_of_one_name_and_unix_sockets(self):
        one, two, path = free_port(), free_port(), str(self.folder / "web.sock")
        culvert = self.activated([("web", f"127.0.0.1:{one}"), ("other", f"127.0.0.1:{two}"), ("web", path)],
                                 self.listener("web", "fd:web") + self.listener("other", "fd:other"),
                                 '[[route]]\nlistener = "web"\n' + ANSWER.format("web").split("\n", 1)[1] +
                                 ANSWER.format("other"))
        self.assertEqual(self.body(("127.0.0.1", one)), b"web")
        self.assertEqual(self.body(path), b"web")
        self.assertEqual(self.body(("127.0.0.1", two)), b"other")
        self.assertEqual(culvert.stop(), 0)
        self.assertTrue(Path(path).is_socket(), "the file is whose socket it is")

    def test_a_socket_for_an_address_that_is_written_is_used(self):
        port = free_port()
        culvert = self.activated([("web", f"127.0.0.1:{port}")], self.listener("web", f"127.0.0.1:{port}"))
        self.assertEqual(culvert.get("/").body, b"x")

    def test_one_that_nobody_uses_is_told(self):
        port, unused = free_port(), free_port()
        culvert = self.activated([("web", f"127.0.0.1:{port}"), ("admin", f"127.0.0.1:{unused}")],
                                 self.listener("web", "fd:web"))
        self.assertIn(f'the socket "admin" (127.0.0.1:{unused}) was passed in, and no listener', culvert.stderr())

    def test_tunnels_do_not_lead_to_it(self):
        port = free_port()
        tunnel = '[[tunnel.any.rule]]\nallow = ["127.0.0.0/8:*"]\nprivate_networks = "allow"\n'
        culvert = self.activated([("out", f"127.0.0.1:{port}")],
                                 self.listener("out", "fd:out") + 'mode = "forward"\ntunnel = "any"\n', tunnel)
        with culvert.connect() as client:
            client.send(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            self.assert_failure(client.response_head(), 403, "destination_is_culvert")


class Reloading(Activated):
    def reload(self, culvert, config, text="reloaded: revision"):
        before = culvert.stderr().count(text)
        culvert.reload(config)
        wait_until(lambda: culvert.stderr().count(text) > before, text)

    def test_it_is_kept(self):
        port = free_port()
        listener = self.listener("web", "fd:web")
        culvert = self.activated([("web", f"127.0.0.1:{port}")], listener)
        with culvert.connect() as client:
            self.assertEqual(client.get("/").body, b"x")
            self.reload(culvert, listener + ANSWER.format("y"))
            self.assertEqual(client.get("/").body, b"y")
        self.assertEqual(culvert.get("/").body, b"y")

    def test_it_is_given_up_and_taken_again(self):
        port, other = free_port(), free_port()
        listener = self.listener("web", "fd:web")
        culvert = self.activated([("web", f"127.0.0.1:{port}")], listener)
        self.reload(culvert, self.listener("web", f"127.0.0.1:{other}") + ANSWER.format("y"))
        self.assertEqual(self.body(("127.0.0.1", other)), b"y")
        self.assertIn('the socket "web"', culvert.stderr())
        with socket.create_connection(("127.0.0.1", port)) as waiting:
            waiting.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            self.reload(culvert, listener + ANSWER.format("z"))
            waiting.settimeout(20)
            self.assertIn(b"200", waiting.recv(100), "who came meanwhile is served")

    def test_a_name_that_is_not_there_changes_nothing(self):
        port = free_port()
        culvert = self.activated([("http", f"127.0.0.1:{port}")], self.listener("web", "fd:http"))
        self.reload(culvert, self.listener("web", "fd:htpt") + ANSWER.format("y"), "reload failed")
        self.assertIn('cannot listen on fd:htpt: no socket of that name was passed in: there is "http"; did you mean '
                      '"fd:http"? (FileDescriptorName= of the socket unit says the name) [listener.web]', culvert.stderr())
        self.assertEqual(culvert.get("/").body, b"x")


class Mistakes(Activated):
    def start_fails(self, listeners, **env):
        config = self.folder / "culvert.toml"
        config.write_text(listeners + ANSWER.format("x"))
        ended = run_culvert("run", "--config", config, env=env)
        self.assertEqual(ended.returncode, 78, "starting again cannot help")
        return ended.stderr

    def test_nothing_was_passed_in(self):
        self.assertIn("cannot listen on fd:web: no socket of that name was passed in: none was (LISTEN_FDS is not set)",
                      self.start_fails(self.listener("web", "fd:web")))

    def test_passed_to_another_process(self):
        self.assertIn("they are for process 1 (LISTEN_PID), and this one is ",
                      self.start_fails(self.listener("web", "fd:web"), LISTEN_FDS="1", LISTEN_PID="1", LISTEN_FDNAMES="web"))

    def test_what_is_no_listening_socket(self):
        """Descriptors that are not there, or connections, as Accept=yes passes them."""
        config = self.folder / "culvert.toml"
        config.write_text(self.listener("web", "fd:web") + ANSWER.format("x"))
        script = self.folder / "start"
        script.write_text(f'#!/bin/sh\nexec env LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web '
                          f'"$CULVERT_BIN" run --config {config} 3</dev/null\n')
        script.chmod(0o755)
        ended = subprocess.run([script], capture_output=True, text=True, timeout=60, check=False,
                               env={**os.environ, "CULVERT_BIN": BINARY})
        self.assertIn("what was passed in does not listen for streams (a socket unit with Accept=yes?)", ended.stderr)
        self.assertEqual(ended.returncode, 78)

    def test_two_listeners_cannot_share_one(self):
        port = free_port()
        sections = self.listener("a", f"127.0.0.1:{port}") + self.listener("b", "fd:web")
        with self.assertRaisesRegex(AssertionError, f"listener.a has its address, 127.0.0.1:{port}, as well"):
            self.activated([("web", f"127.0.0.1:{port}")], sections)

    def test_check_knows_the_form(self):
        config = self.folder / "culvert.toml"
        config.write_text(self.listener("a", "fd:web") + self.listener("b", "fd:web", "fd:a:b") + ANSWER.format("x"))
        ended = run_culvert("check", config)
        self.assertIn('two listeners have the address "fd:web"', ended.stderr)
        self.assertIn('"a:b" is no name of a socket', ended.stderr)


class Stopping(Activated):
    def test_signal_and_exit_code(self):
        culvert = self.activated([("web", f"127.0.0.1:{free_port()}")], self.listener("web", "fd:web"))
        culvert.signal(signal.SIGTERM)
        self.assertEqual(culvert.wait(), 0)


if __name__ == "__main__":
    main()
