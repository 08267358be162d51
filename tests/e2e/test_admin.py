"""What would break: an operator could not see what culvert does, could not change it without harm, or somebody else could."""
import json
import os
import re
import socket
import stat
import subprocess
import threading

from harness import BINARY, PATIENCE, SOURCE_DIR, CulvertTest, curl, free_port, main, run_culvert, wait_until
from test_tunnels import OPEN_TO_TESTS
from tunnels import Destination, TunnelClient, echo


class AdminTest(CulvertTest):
    def setUp(self):
        super().setUp()
        self.socket = self.folder / "admin.sock"

    def administrated(self, routes="", *, admin="", more="", **parts):
        return self.culvert(routes, more=f'[admin]\naddress = "unix:{self.socket}"\n{admin}\n{more}', **parts)

    def command(self, *arguments):
        return run_culvert(*arguments, "--admin", f"unix:{self.socket}")

    def ask(self, path, method="GET"):
        """An answer of the admin server: status and JSON."""
        result = curl("--unix-socket", self.socket, "-X", method, "-w", "\n%{http_code}", f"http://culvert{path}")
        self.assertEqual(result.returncode, 0, result.stderr)
        body, _, status = result.stdout.decode().rpartition("\n")
        return int(status), json.loads(body) if body.startswith("{") else body

    def metrics(self):
        return self.command("metrics").stdout

    def metric(self, line):
        """The value of a series."""
        found = re.search(rf"^{re.escape(line)} (\S+)$", self.metrics(), re.MULTILINE)
        return found and float(found[1])

    def servers(self):
        upstreams = json.loads(self.command("upstreams", "--json").stdout)["upstreams"]
        return {server["server"]: server for upstream in upstreams for server in upstream["servers"]}


OPEN_TUNNEL = f"[tunnel.out]\n[[tunnel.out.rule]]\n{OPEN_TO_TESTS}"
FIXED = '[[route]]\nname = "fixed"\nrespond = { body = "hello" }\n'


class Status(AdminTest):
    def test_says_what_runs(self):
        culvert = self.administrated(FIXED)
        culvert.get("/")
        status = json.loads(self.command("status", "--json").stdout)
        self.assertEqual((status["pid"], status["state"], status["requests"]), (culvert.process.pid, "running", 1))
        self.assertEqual(status["config"]["file"], str(culvert.config_path))
        self.assertEqual(status["listeners"], [{"name": "web", "addresses": [f"127.0.0.1:{culvert.port}"], "connections": 0}])
        said = self.command("status")
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        self.assertRegex(said.stdout, rf"culvert \S+: running, pid {culvert.process.pid}, since .*, 2 workers\n")
        self.assertIn(f"listener web: 127.0.0.1:{culvert.port}, connections 0\n", said.stdout)

    def test_configuration_says_where_to_ask(self):
        culvert = self.administrated(FIXED)
        self.assertEqual(run_culvert("healthcheck", "--config", culvert.config_path).returncode, 0)

    def test_nobody_answers(self):
        result = run_culvert("status", "--admin", f"unix:{self.folder}/nobody.sock")
        self.assertEqual((result.returncode, result.stdout), (69, ""))
        self.assertRegex(result.stderr, r"^culvert: cannot reach the daemon at unix:.*nobody.sock: No such file or directory\n$")
        self.assertEqual(run_culvert("status", "--admin", "nowhere").returncode, 2)

    def test_list_of_paths_has_all(self):
        self.administrated(FIXED)
        text = self.ask("/")[1]
        for path in ("/healthz", "/readyz", "/metrics", "/status", "/upstreams", "/tunnels", "/plan", "/reload", "/drain",
                     "/undrain", "/log-level", "/stop"):
            self.assertRegex(text, rf"(?m)^(GET|POST) +{path} ")

    def test_wrong_questions(self):
        self.administrated(FIXED)
        self.assertEqual(self.ask("/nothing"), (404, {"error": "there is no /nothing"}))
        self.assertEqual(self.ask("/status", "POST"), (405, {"error": "/status is asked for by GET"}))
        self.assertEqual(self.ask("/reload"), (405, {"error": "/reload is asked for by POST"}))


class Documentation(AdminTest):
    def test_page_has_every_path_and_every_metric(self):
        self.administrated(FIXED)
        page = (SOURCE_DIR / "docs" / "admin.md").read_text()
        for path in re.findall(r"(?m)^(?:GET|POST) +(\S+)", self.ask("/")[1]):
            self.assertRegex(page, rf"`(GET|POST) {re.escape(path)}[?`]")
        for name in re.findall(r"(?m)^# TYPE (\S+)", self.metrics()):
            self.assertRegex(page, rf"`{name}[{{`]")


class Metrics(AdminTest):
    def test_prometheus_takes_them(self):
        origin = self.origin(lambda x: x.reply(200, b"hello"))
        culvert = self.administrated(origin.route('name = "api"'))
        culvert.get("/")
        result = subprocess.run(["promtool", "check", "metrics"], input=self.metrics(), capture_output=True, text=True,
                                timeout=60, check=False)
        self.assertEqual((result.returncode, result.stderr, result.stdout), (0, "", ""))

    def test_requests_by_route_method_and_code(self):
        origin = self.origin(lambda x: x.reply(200 if x.request.method == "GET" else 404, b"hello"))
        culvert = self.administrated('[[route]]\nname = "fixed"\npath = "/fixed"\nrespond = { status = 204 }\n'
                                     + origin.route('name = "api"'))
        for _ in range(3):
            culvert.get("/a")
        curl("-X", "POST", "-d", "12345", culvert.url("/b"))
        culvert.get("/fixed")
        self.assertEqual(self.metric('culvert_requests_total{listener="web",route="api",method="GET",code="200"}'), 3)
        self.assertEqual(self.metric('culvert_requests_total{listener="web",route="api",method="POST",code="404"}'), 1)
        self.assertEqual(self.metric('culvert_requests_total{listener="web",route="fixed",method="GET",code="204"}'), 1)
        self.assertEqual(self.metric('culvert_request_duration_seconds_count{route="api"}'), 4)
        self.assertEqual(self.metric('culvert_request_bytes_total{route="api"}'), 5)
        self.assertEqual(self.metric('culvert_response_bytes_total{route="api"}'), 20)

    def test_they_outlive_a_reload(self):
        culvert = self.administrated(FIXED)
        culvert.get("/")
        culvert.configure(culvert.config_path.read_text().replace("hello", "goodbye"))
        self.assertEqual(self.command("reload").returncode, 0)
        self.assertEqual(culvert.get("/").body, b"goodbye")
        self.assertEqual(self.metric('culvert_requests_total{listener="web",route="fixed",method="GET",code="200"}'), 2)

    def test_failures_by_reason(self):
        culvert = self.administrated(f'[[route]]\nupstream = "http://127.0.0.1:{free_port()}"\n')
        self.assertEqual(culvert.get("/").status, 502)
        with culvert.connect() as client:
            client.send(b"nonsense\r\n\r\n")
            client.response()
        self.assertEqual(self.metric('culvert_failures_total{reason="upstream_connect_refused"}'), 1)
        wait_until(lambda: self.metric('culvert_failures_total{reason="request_malformed"}'), "it is counted")

    def test_pool_and_servers(self):
        origin = self.origin(lambda x: x.reply(200, b"hello"))
        culvert = self.administrated(origin.route('name = "api"'), threads=1)
        with culvert.connect() as client:
            client.get("/")
            client.get("/")
        [name] = [each for each in self.servers()]
        labels = re.search(r"culvert_upstream_up({[^}]*}) 1\n", self.metrics())[1]
        self.assertIn(f'server="{name}"', labels)
        self.assertEqual(self.metric(f"culvert_upstream_requests_total{labels}"), 2)
        upstream = re.search(r'upstream="([^"]*)"', labels)[1]
        self.assertEqual(self.metric(f'culvert_upstream_connections_opened_total{{upstream="{upstream}"}}'), 1)
        self.assertEqual(self.metric(f'culvert_upstream_connections_reused_total{{upstream="{upstream}"}}'), 1)

    def test_path_of_the_operators_choice(self):
        self.administrated(FIXED, admin='metrics_path = "/figures"')
        self.assertIn("culvert_build_info", self.ask("/figures")[1])
        self.assertEqual(self.ask("/metrics")[0], 404)


class Reload(AdminTest):
    def test_says_what_it_did(self):
        culvert = self.administrated(FIXED)
        culvert.configure(culvert.config_path.read_text().replace("hello", "goodbye"))
        plan = self.command("plan")
        self.assertEqual((plan.returncode, plan.stdout), (0, "route changed: fixed\n"))
        self.assertEqual(culvert.get("/").body, b"hello", "a plan changes nothing")
        result = self.command("reload")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "reloaded: revision 2: 1 route changed\n", ""))
        self.assertEqual(culvert.get("/").body, b"goodbye")
        self.assertEqual(self.command("plan").stdout, "nothing changed\n")

    def test_bad_file_changes_nothing(self):
        culvert = self.administrated(FIXED)
        good = culvert.config_path.read_text()
        culvert.configure(good + "[nonsense]\n")
        for verb in ("plan", "reload"):
            result = self.command(verb)
            self.assertEqual(result.returncode, 78, result)
            self.assertIn("unknown section", result.stderr)
        self.assertEqual(self.metric("culvert_config_last_reload_success"), 0)
        self.assertIn("the last reload failed: 1 error\n", self.command("status").stdout)
        self.assertEqual(culvert.get("/").body, b"hello")
        culvert.configure(good)
        self.assertEqual(self.command("reload").returncode, 0)
        self.assertEqual(self.metric("culvert_config_last_reload_success"), 1)

    def test_address_of_somebody_else(self):
        culvert = self.administrated(FIXED)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            culvert.configure(culvert.config_path.read_text() + f'[listener.more]\naddress = "{address}"\n')
            result = self.command("reload")
        self.assertEqual(result.returncode, 78)
        self.assertIn(f"cannot listen on {address}: Address already in use [listener.more]\n", result.stderr)
        self.assertEqual(culvert.get("/").body, b"hello")

    def test_several_at_a_time_are_all_answered(self):
        self.administrated(FIXED)
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.command("reload").returncode)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [0] * 5)

    def test_plan_says_what_lives(self):
        released = threading.Event()
        self.addCleanup(released.set)

        def serve(exchange):
            released.wait(PATIENCE)
            exchange.reply(200, b"late")
        origin = self.origin(serve)
        culvert = self.administrated(f'[[route]]\nupstream = "api"\n[upstream.api]\nservers = ["{origin.address}"]\n')
        with culvert.connect() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(lambda: origin.requests, "it is under way")
            culvert.configure(culvert.config_path.read_text().replace("[upstream.api]", "[upstream.api]\nmax_sockets = 7"))
            self.assertEqual(self.command("plan").stdout,
                             "upstream changed: api\n  -> upstream api: 1 request under way finished, 0 idle connections closed\n")
            released.set()
            self.assertEqual(client.response().body, b"late")


class Drain(AdminTest):
    def two_servers(self):
        self.released = threading.Event()
        self.addCleanup(self.released.set)

        def serve(exchange):
            if exchange.request.target == "/slow":
                self.released.wait(PATIENCE)
            exchange.reply(200, b"hello")
        self.origins = [self.origin(serve) for _ in range(2)]
        servers = ", ".join(f'"{origin.address}"' for origin in self.origins)
        return self.administrated(f'[[route]]\nupstream = "api"\n[upstream.api]\nservers = [{servers}]\n')

    def test_server_gets_nothing_new_until_it_is_back(self):
        culvert = self.two_servers()
        first, second = self.origins
        result = self.command("drain", "api", first.address)
        self.assertEqual((result.returncode, result.stdout), (0, "taken out of use, nothing is under way\n"))
        for _ in range(10):
            self.assertEqual(culvert.get("/").status, 200)
        self.assertEqual((len(first.requests), len(second.requests)), (0, 10))
        self.assertEqual(self.servers()[first.address]["state"], "drained")
        self.assertEqual(self.command("undrain", "api", first.address).returncode, 0)
        for _ in range(10):
            culvert.get("/")
        self.assertGreaterEqual(len(first.requests), 3)
        self.assertIn(f"[upstream.api]: {first.address} is taken out of use by an operator", culvert.stderr())

    def test_waits_until_nothing_is_under_way(self):
        culvert = self.two_servers()
        with culvert.connect() as client:
            client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(lambda: self.origins[0].requests or self.origins[1].requests, "it is under way")
            busy = self.origins[0] if self.origins[0].requests else self.origins[1]
            result = self.command("drain", "api", busy.address, "--wait", "300ms")
            self.assertEqual((result.returncode, result.stdout), (1, "taken out of use, still under way: 1\n"))
            ends = []
            waiting = threading.Thread(target=lambda: ends.append(self.command("drain", "api", busy.address, "--wait", "20s")))
            waiting.start()
            self.released.set()
            self.assertEqual(client.response().status, 200, "what it had is finished")
            waiting.join()
        self.assertEqual((ends[0].returncode, ends[0].stdout), (0, "taken out of use, nothing is under way\n"))

    def test_its_idle_connections_are_closed(self):
        culvert = self.two_servers()
        for _ in range(8):
            culvert.get("/")
        wait_until(lambda: self.servers()[self.origins[0].address]["connections"]["free"] > 0, "there are some")
        self.command("drain", "api", self.origins[0].address)
        wait_until(lambda: self.servers()[self.origins[0].address]["connections"]["free"] == 0, "they are closed")

    def test_whole_upstream(self):
        culvert = self.two_servers()
        self.command("drain", "api")
        self.assert_failure(culvert.get("/"), 503, "upstream_drained")
        self.command("undrain", "api")
        self.assertEqual(culvert.get("/").status, 200)

    def test_outlives_a_reload(self):
        culvert = self.two_servers()
        self.command("drain", "api", self.origins[0].address)
        culvert.configure(culvert.config_path.read_text().replace("[upstream.api]", "[upstream.api]\nmax_sockets = 7"))
        self.assertEqual(self.command("reload").returncode, 0)
        for _ in range(6):
            self.assertEqual(culvert.get("/").status, 200)
        self.assertEqual(self.origins[0].requests, [])

    def test_names_that_do_not_exist(self):
        self.two_servers()
        for arguments, text in ((("nope",), "there is no [upstream.nope]"),
                                (("api", "10.0.0.9:1"), "[upstream.api] has no server 10.0.0.9:1"),
                                (("api", "--wait", "soon"), '"soon" is no time to wait, such as 30s')):
            result = self.command("drain", *arguments)
            self.assertEqual((result.returncode, result.stderr), (1, f"culvert: {text}\n"))


class Tunnels(AdminTest):
    def test_list_and_close(self):
        destination = Destination(echo)
        self.addCleanup(destination.close)
        culvert = self.administrated(listener='tunnel = "out"\n', more=OPEN_TUNNEL)
        with TunnelClient(("127.0.0.1", culvert.port)) as client:
            self.assertEqual(client.connect(destination.authority).status, 200)
            client.send(b"12345")
            self.assertEqual(client.receive(5), b"12345")
            [tunnel] = json.loads(self.command("tunnels", "--json").stdout)["tunnels"]
            self.assertEqual((tunnel["target"], tunnel["tunnel"], tunnel["bytes_up"], tunnel["bytes_down"]),
                             (destination.authority, "out", 5, 5))
            self.assertIn(tunnel["id"], self.command("tunnels").stdout)
            self.assertEqual(self.metric('culvert_tunnels_active{tunnel="out"}'), 1)
            self.assertEqual(self.metric('culvert_tunnel_bytes_total{tunnel="out",direction="up"}'), 5)
            self.assertEqual(self.command("tunnels", "close", tunnel["id"]).returncode, 0)
            with self.assertRaises(ConnectionResetError):
                client.receive(1)
        self.assertEqual(json.loads(self.command("tunnels", "--json").stdout)["tunnels"], [])
        self.assertEqual(self.metric('culvert_tunnels_active{tunnel="out"}'), 0)
        self.assertEqual(self.metric('culvert_tunnels_total{tunnel="out"}'), 1)
        for wrong, text in ((tunnel["id"], f"there is no tunnel {tunnel['id']}"),
                            ("nonsense", '"nonsense" is no id of a tunnel: see /tunnels')):
            result = self.command("tunnels", "close", wrong)
            self.assertEqual((result.returncode, result.stderr), (1, f"culvert: {text}\n"))

    def test_nobody_tunnels_to_the_admin_server(self):
        port = free_port()
        culvert = self.culvert(listener='tunnel = "out"\n', more=f'[admin]\naddress = "127.0.0.1:{port}"\n{OPEN_TUNNEL}')
        with TunnelClient(("127.0.0.1", culvert.port)) as client:
            self.assert_failure(client.connect(f"127.0.0.1:{port}"), 403, "destination_is_culvert")


class Process(AdminTest):
    def test_log_level_changes_until_a_reload_of_the_log(self):
        culvert = self.administrated(FIXED)
        self.assertEqual(self.command("log-level", "error").returncode, 0)
        self.command("reload")
        self.assertEqual(self.command("log-level", "info").returncode, 0)
        self.command("reload")
        wait_until(lambda: "revision 3" in culvert.stderr(), "it is logged again")
        self.assertNotIn("revision 2", culvert.stderr())
        self.assertEqual(json.loads(self.command("status", "--json").stdout)["log_level"], "info")
        result = self.command("log-level", "loud")
        self.assertEqual((result.returncode, result.stderr),
                         (1, 'culvert: "loud" is no level: trace, debug, info, warn, error or off\n'))

    def test_stop_drains(self):
        released = threading.Event()
        self.addCleanup(released.set)

        def serve(exchange):
            released.wait(PATIENCE)
            exchange.reply(200, b"late")
        origin = self.origin(serve)
        culvert = self.administrated(origin.route())
        self.assertEqual(self.command("healthcheck").stdout, "ready\n")
        with culvert.connect() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(lambda: origin.requests, "it is under way")
            self.assertEqual(self.command("stop").returncode, 0)
            wait_until(lambda: self.command("healthcheck").returncode == 1, "it is not ready any more")
            self.assertEqual(self.command("healthcheck").stdout, "draining\n")
            self.assertEqual(self.ask("/healthz"), (200, "alive\n"))
            self.assertEqual(self.command("reload").returncode, 78)
            released.set()
            self.assertEqual(client.response().body, b"late")
        self.assertEqual(culvert.wait(), 0)
        self.assertFalse(self.socket.exists(), "the socket goes with the process")


class WhoMayAsk(AdminTest):
    def tcp(self, *arguments):
        result = curl(*arguments, "-w", "\n%{http_code}")
        return int(result.stdout.rpartition(b"\n")[2])

    def test_file_is_for_owner_and_group(self):
        self.administrated(FIXED)
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o660)

    def test_pages_of_somewhere_else(self):
        port = free_port()
        self.culvert(FIXED, more=f'[admin]\naddress = "127.0.0.1:{port}"\n')
        url = f"http://127.0.0.1:{port}"
        self.assertEqual(self.tcp(f"{url}/status"), 200)
        self.assertEqual(self.tcp(f"http://localhost:{port}/status", "--resolve", f"localhost:{port}:127.0.0.1"), 200)
        self.assertEqual(self.tcp(f"{url}/status", "-H", "Host: rebound.example"), 403)
        self.assertEqual(self.tcp(f"{url}/reload", "-X", "POST", "-H", "Origin: http://evil.example"), 403)
        self.assertEqual(self.tcp(f"{url}/healthz", "-H", "Host: rebound.example"), 200)

    def test_passwords(self):
        port = free_port()
        line = run_culvert("hash-password", "--user", "ann", "--cost", "1", input="secret\n").stdout.strip()
        self.culvert(FIXED, more=(f'[admin]\naddress = "127.0.0.1:{port}"\nauth = "ops"\n'
                                  f'[auth.ops]\nusers = "{line}"\nmax_failures = 2\n'))
        url = f"http://127.0.0.1:{port}/status"
        admin = ("--admin", f"127.0.0.1:{port}")
        self.assertEqual(self.tcp(url, "-u", "ann:secret"), 200)
        self.assertEqual(run_culvert("status", *admin, "--user", "ann:secret").returncode, 0)
        self.assertEqual(run_culvert("status", *admin).stderr, "culvert: say who you are\n")
        self.assertEqual(self.tcp(url), 401)
        self.assertEqual(self.tcp(f"http://127.0.0.1:{port}/readyz"), 200, "for probes there is no password")
        self.assertEqual([self.tcp(url, "-u", "ann:wrong") for _ in range(3)], [401, 401, 429])

    def test_probes_see_no_more(self):
        port = free_port()
        culvert = self.administrated(FIXED, admin=f'probe_address = "127.0.0.1:{port}"')
        url = f"http://127.0.0.1:{port}"
        for path in ("/healthz", "/readyz", "/metrics"):
            self.assertEqual(self.tcp(url + path), 200)
        for path in ("/", "/status", "/upstreams", "/tunnels", "/plan", "/reload", "/stop"):
            self.assertEqual(self.tcp(url + path), 404)
        self.assertEqual(self.tcp(url + "/stop", "-X", "POST"), 404)
        self.assertIsNone(culvert.process.poll())


class Addresses(AdminTest):
    def test_reload_moves_it(self):
        culvert = self.administrated(FIXED)
        other = self.folder / "other.sock"
        before = culvert.config_path.read_text()
        culvert.configure(before.replace(str(self.socket), str(other)))
        self.assertEqual(self.command("reload").returncode, 0, "the answer comes from the old one")
        self.assertEqual(run_culvert("status", "--admin", f"unix:{other}").returncode, 0)
        self.assertEqual(self.command("status").returncode, 69)
        self.assertFalse(self.socket.exists())

    def test_folder_of_the_service_by_default(self):
        environment = {"RUNTIME_DIRECTORY": f"{self.folder}:/nowhere"}
        self.culvert(FIXED, env=environment)
        self.assertEqual(self.command("healthcheck").returncode, 0)
        result = subprocess.run([BINARY, "healthcheck", "--config", "nowhere.toml"], env={**os.environ, **environment},
                                capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((result.returncode, result.stdout), (0, "ready\n"))
        second = self.culvert(FIXED, env=environment)
        self.assertIn(f"operators are not served: unix:{self.socket}: Address already in use", second.stderr())
        self.assertEqual(second.get("/").body, b"hello", "nobody has written that address")
        self.assertEqual(self.command("healthcheck").returncode, 0)

    def test_nowhere(self):
        self.culvert(FIXED, env={"RUNTIME_DIRECTORY": str(self.folder)}, more="[admin]\naddress = []\n")
        self.assertFalse(self.socket.exists())

    def test_taken_address_ends_the_start(self):
        first = self.administrated(FIXED)
        config = self.config(free_port(), FIXED, more=f'[admin]\naddress = "unix:{self.socket}"\n')
        (self.folder / "second.toml").write_text(config)
        result = run_culvert("run", "--config", self.folder / "second.toml")
        self.assertEqual(result.returncode, 71)
        self.assertIn(f"cannot listen on unix:{self.socket}: Address already in use [admin]", result.stderr)
        self.assertEqual(self.command("status").returncode, 0, "the first one goes on")
        self.assertIsNone(first.process.poll())

    def test_socket_that_was_left_behind(self):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(self.socket))
        self.administrated(FIXED)
        self.assertEqual(self.command("status").returncode, 0)


if __name__ == "__main__":
    main()
