"""What would break: programs that nobody here wrote, told to use culvert as their proxy. Each gets what it asks for by
http:// and by https://, and where no rule lets it, it hears so and reaches nothing.
"""
import base64
import hashlib
import io
import json
import os
import shutil
import ssl
import subprocess
import tarfile
import tempfile
from pathlib import Path

from harness import main, wait_until
from proxy_clients import HOST, ProxyClientTest
from tunnels import Destination

MIB = 1024 * 1024


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Curl(ProxyClientTest):
    def curl(self, proxy, *arguments, **options):
        return self.run_client(["curl", "-sSf", "--cacert", self.authority.file, "-x", proxy.url(), *arguments],
                               **options)

    def test_files(self):
        site = self.site()
        (site.root / "file").write_bytes(data := os.urandom(3 * MIB))
        proxy = self.proxy(site.plain, tls=[site.secure])
        plain, secure = site.urls("/file")
        self.assertEqual(self.curl(proxy, plain).stdout, data)
        self.assertEqual(self.curl(proxy, secure).stdout, data)
        self.assertEqual(self.curl(proxy, "--proxytunnel", plain).stdout, data)
        self.assert_seen(proxy, ("GET", HOST, 200), ("CONNECT", site.secure, 200), ("CONNECT", site.plain, 200))

    def test_environment(self):
        site = self.site()
        (site.root / "file").write_bytes(b"data")
        proxy = self.proxy(site.plain, tls=[site.secure], user="ann:secret")
        address = f"http://ann:secret@127.0.0.1:{proxy.port}"
        for url in site.urls("/file"):
            done = self.run_client(["curl", "-sSf", "--cacert", self.authority.file, url],
                                   env={"http_proxy": address, "https_proxy": address})
            self.assertEqual(done.stdout, b"data")
        self.assert_seen(proxy, ("GET", HOST, 200), ("CONNECT", site.secure, 200))

    def test_denied(self):
        site = self.site()
        proxy = self.proxy(site.plain)
        plain, secure = site.urls("/")
        self.assertIn(b"403", self.curl(proxy, secure, succeeds=False).stderr)
        self.assertIn(b"403", self.curl(proxy, plain.replace(HOST, "127.0.0.1"), succeeds=False).stderr)
        self.assert_seen(proxy, ("CONNECT", site.secure, 403), ("GET", "127.0.0.1", 403))
        self.assertEqual(site.requests(), [])

    def test_password_is_sent_when_it_is_asked_for(self):
        site = self.site()
        (site.root / "file").write_bytes(b"data")
        proxy = self.proxy(site.plain, tls=[site.secure], user="ann:secret")
        for url in site.urls("/file"):
            self.assertEqual(self.curl(proxy, "--proxy-anyauth", "-U", "ann:secret", url).stdout, b"data")
            self.curl(proxy, "-U", "ann:wrong", url, succeeds=False)
        self.assert_seen(proxy, ("GET", HOST, 407), ("GET", HOST, 200),
                         ("CONNECT", site.secure, 407), ("CONNECT", site.secure, 200))


class OpenSsl(ProxyClientTest):
    def secure_echo(self, size):
        """Speaks TLS: takes so many bytes and gives them back."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issued.certificate, self.issued.key)

        def serve(sock):
            with context.wrap_socket(sock, server_side=True) as secure:
                data = bytearray()
                while len(data) < size and (part := secure.recv(65536)):
                    data += part
                secure.sendall(data)
                secure.unwrap()
        destination = Destination(serve)
        self.addCleanup(destination.close)
        return destination

    def s_client(self, proxy, destination, *arguments, **options):
        return self.run_client(["openssl", "s_client", "-quiet", "-proxy", f"127.0.0.1:{proxy.port}",
                                "-connect", f"{HOST}:{destination.port}", "-CAfile", self.authority.file,
                                "-verify_hostname", HOST, "-verify_return_error", *arguments], **options)

    def test_bytes_both_ways(self):
        data = os.urandom(2 * MIB)
        destination = self.secure_echo(len(data))
        proxy = self.proxy(tls=[f"{HOST}:{destination.port}"])
        self.assertEqual(self.s_client(proxy, destination, stdin=data).stdout, data)
        record = self.assert_seen(proxy, ("CONNECT", f"{HOST}:{destination.port}", 200))[0]
        self.assertGreater(record["http.request.body.size"], len(data))
        self.assertGreater(record["http.response.body.size"], len(data))

    def test_denied(self):
        destination = self.secure_echo(1)
        proxy = self.proxy("elsewhere.test:443")
        self.assertIn(b"403", self.s_client(proxy, destination, succeeds=False).stderr)
        self.assert_seen(proxy, ("CONNECT", f"{HOST}:{destination.port}", 403))
        self.assertEqual(destination.connections, 0)

    def test_password(self):
        destination = self.secure_echo(5)
        proxy = self.proxy(tls=[f"{HOST}:{destination.port}"], user="ann:secret")
        credentials = ("-proxy_user", "ann", "-proxy_pass")
        answer = self.s_client(proxy, destination, *credentials, "pass:secret", stdin=b"hello")
        self.assertEqual(answer.stdout, b"hello")
        self.assertIn(b"407", self.s_client(proxy, destination, *credentials, "pass:wrong", succeeds=False).stderr)
        self.assert_seen(proxy, *[("CONNECT", f"{HOST}:{destination.port}", status) for status in (200, 407)])


class Git(ProxyClientTest):
    def setUp(self):
        super().setUp()
        self.environment |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
        for who in ("AUTHOR", "COMMITTER"):
            self.environment |= {f"GIT_{who}_NAME": "Ann", f"GIT_{who}_EMAIL": "ann@site.test"}

    def git(self, *arguments, proxy="", **options):
        settings = (f"http.proxy={proxy}", f"http.sslCAInfo={self.authority.file}")
        return self.run_client(["git", "-c", settings[0], "-c", settings[1], *arguments], **options)

    def repositories(self):
        """A site that serves project.git to whoever comes, and takes what they push."""
        socket_path = self.folder / "fcgiwrap.sock"
        program = shutil.which("fcgiwrap", path=self.environment["PATH"])
        # pylint: disable-next=consider-using-with  # as long as the test
        wrapper = subprocess.Popen([program, "-s", f"unix:{socket_path}"], env=self.environment)
        self.addCleanup(wrapper.wait)
        self.addCleanup(wrapper.terminate)
        wait_until(socket_path.exists, "fcgiwrap listening")
        backend = Path(self.git("--exec-path").stdout.decode().strip()) / "git-http-backend"
        bare = self.folder / "repositories" / "project.git"
        self.git("init", "-q", "--bare", "-b", "main", bare)
        self.git("-C", bare, "config", "http.receivepack", "true")
        parameters = {"SCRIPT_FILENAME": backend, "GIT_PROJECT_ROOT": bare.parent, "GIT_HTTP_EXPORT_ALL": 1,
                      "PATH_INFO": "$uri", "QUERY_STRING": "$query_string", "REQUEST_METHOD": "$request_method",
                      "CONTENT_TYPE": "$content_type", "CONTENT_LENGTH": "$content_length",
                      "HTTP_CONTENT_ENCODING": "$http_content_encoding"}
        lines = "".join(f"fastcgi_param {name} {value};\n" for name, value in parameters.items())
        return self.site(f"client_max_body_size 0;\nlocation / {{ fastcgi_pass unix:{socket_path};\n{lines} }}")

    def commit_file(self, folder, name, data):
        (folder / name).write_bytes(data)
        self.git("-C", folder, "add", name)
        self.git("-C", folder, "commit", "-q", "-m", name)

    def test_clone_and_push(self):
        site = self.repositories()
        proxy = self.proxy(site.plain, tls=[site.secure])
        contents = {}
        for way, url in zip(("plain", "secure"), site.urls("/project.git")):
            mine, again = self.folder / f"{way}-mine", self.folder / f"{way}-again"
            self.git("clone", "-q", url, mine, proxy=proxy.url())
            contents[way] = os.urandom(3 * MIB)  # more than git sends without chunks
            self.commit_file(mine, way, contents[way])
            self.git("-C", mine, "push", "-q", "origin", "HEAD:main", proxy=proxy.url())
            self.git("clone", "-q", url, again, proxy=proxy.url())
            self.assertEqual({name: (again / name).read_bytes() for name in contents}, contents)
        self.assert_seen(proxy, ("GET", HOST, 200), ("POST", HOST, 200), ("CONNECT", site.secure, 200))

    def test_denied(self):
        site = self.repositories()
        proxy = self.proxy("elsewhere.test:443")
        for url in site.urls("/project.git"):
            done = self.git("clone", url, self.folder / "none", proxy=proxy.url(), succeeds=False)
            self.assertIn(b"403", done.stderr)
        self.assert_seen(proxy, ("GET", HOST, 403), ("CONNECT", site.secure, 403))
        self.assertEqual(site.requests(), [])

    def test_password(self):
        site = self.repositories()
        proxy = self.proxy(site.plain, tls=[site.secure], user="ann:secret")
        for number, url in enumerate(site.urls("/project.git")):
            for password, succeeds in (("secret", True), ("wrong", False)):
                self.git("clone", url, self.folder / f"{password}{number}", succeeds=succeeds,
                         proxy=f"http://ann:{password}@127.0.0.1:{proxy.port}")
        self.assert_seen(proxy, ("GET", HOST, 407), ("GET", HOST, 200), ("POST", HOST, 200),
                         ("CONNECT", site.secure, 407), ("CONNECT", site.secure, 200))


APT_CONF = """
Dir "{folder}";
Dir::State::status "{folder}/status";
Dir::Etc::Parts "{folder}/no-parts";
APT::Sandbox::User "root";
APT::Architecture "all";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::http::Proxy "{proxy}";
Acquire::https::Proxy "{proxy}";
Acquire::https::CAInfo "{authority}";
"""
PACKAGE = """\
Package: culvert-test
Version: 1.0
Architecture: all
Maintainer: Ann <ann@site.test>
Description: what a test asks for
"""


class Apt(ProxyClientTest):
    """With folders of its own, so that it knows nothing of this machine's packages and changes none."""

    def repository(self):
        site = self.site()
        tree = self.folder / "tree"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(PACKAGE)
        (tree / "data").write_bytes(os.urandom(MIB))
        self.run_client(["dpkg-deb", "--build", tree, site.root / "culvert-test.deb"])
        data = (site.root / "culvert-test.deb").read_bytes()
        index = f"{PACKAGE}Filename: ./culvert-test.deb\nSize: {len(data)}\nSHA256: {sha256(data)}\n"
        (site.root / "Packages").write_text(index)
        (site.root / "Release").write_text(f"SHA256:\n {sha256(index.encode())} {len(index)} Packages\n")
        return site, data

    def apt(self, *arguments, proxy, url, **options):
        folder = self.folder / "apt"
        for name in ("etc/apt", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "etc/apt/sources.list").write_text(f"deb [trusted=yes] {url} ./\n")
        (folder / "apt.conf").write_text(
            APT_CONF.format(folder=folder, proxy=proxy, authority=self.authority.file))
        return self.run_client(["apt-get", "-q", *arguments], cwd=self.folder,
                               env={"APT_CONFIG": str(folder / "apt.conf")}, **options)

    def test_update_and_download(self):
        site, data = self.repository()
        proxy = self.proxy(site.plain, tls=[site.secure], user="ann:secret")
        for url in site.urls("/"):
            way = {"url": url, "proxy": f"http://ann:secret@127.0.0.1:{proxy.port}"}
            self.apt("update", "--error-on=any", **way)
            self.apt("download", "culvert-test", **way)
            downloaded = self.folder / "culvert-test_1.0_all.deb"
            self.assertEqual(downloaded.read_bytes(), data)
            downloaded.unlink()
        self.assert_seen(proxy, ("GET", HOST, 404), ("GET", HOST, 200), ("CONNECT", site.secure, 200))

    def test_denied(self):
        site, _ = self.repository()
        proxy = self.proxy("elsewhere.test:443")
        for url in site.urls("/"):
            done = self.apt("update", "--error-on=any", url=url, proxy=proxy.url(), succeeds=False)
            self.assertIn(b"403", done.stdout + done.stderr)
        self.assert_seen(proxy, ("GET", HOST, 403), ("CONNECT", site.secure, 403))
        self.assertEqual(site.requests(), [])


# PORT is the proxy's: what Node can do by itself, without a package.
NODE_CLIENT = """
const [http, https, tls, fs] = ['http', 'https', 'tls', 'fs'].map(require);
const [port, url, authority] = process.argv.slice(1);
const { host, hostname } = new URL(url);
const print = (response) => {
  process.exitCode = response.statusCode === 200 ? 0 : 1;
  response.pipe(process.stdout);
};
if (url.startsWith('http:')) {
  http.get({ host: '127.0.0.1', port, path: url, headers: { host } }, print);
} else {
  const asked = { host: '127.0.0.1', port, method: 'CONNECT', path: host, headers: { host } };
  http.request(asked).on('connect', (answer, socket) => {
    if (answer.statusCode !== 200) throw new Error(`no tunnel: ${answer.statusCode}`);
    const secure = tls.connect({ socket, servername: hostname, ca: fs.readFileSync(authority) });
    https.get(url, { createConnection: () => secure }, print);
  }).end();
}
"""


class Node(ProxyClientTest):
    def get(self, proxy, url, **options):
        return self.run_client(["node", "-e", NODE_CLIENT, proxy.port, url, self.authority.file], **options)

    def test_files(self):
        site = self.site()
        (site.root / "file").write_bytes(data := os.urandom(MIB))
        proxy = self.proxy(site.plain, tls=[site.secure])
        for url in site.urls("/file"):
            self.assertEqual(self.get(proxy, url).stdout, data)
        self.assert_seen(proxy, ("GET", HOST, 200), ("CONNECT", site.secure, 200))

    def test_denied(self):
        site = self.site()
        proxy = self.proxy("elsewhere.test:443")
        plain, secure = site.urls("/")
        self.assertIn(b"destination_denied", self.get(proxy, plain, succeeds=False).stdout)
        self.assertIn(b"no tunnel: 403", self.get(proxy, secure, succeeds=False).stderr)
        self.assert_seen(proxy, ("GET", HOST, 403), ("CONNECT", site.secure, 403))
        self.assertEqual(site.requests(), [])


class Npm(ProxyClientTest):
    def registry(self):
        """Of one package, in one version; a registry's answers name their own server, so that there are two."""
        site = self.site()
        manifest = {"name": "culvert-test", "version": "1.0.0", "main": "index.js"}
        files = {"package.json": json.dumps(manifest).encode(), "index.js": b"module.exports = 'it works';\n"}
        with tarfile.open(site.root / "culvert-test.tgz", "w:gz") as archive:
            for name, data in files.items():
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        digest = base64.b64encode(hashlib.sha512((site.root / "culvert-test.tgz").read_bytes()).digest()).decode()
        for scheme, url in zip(("http", "https"), site.urls("")):
            dist = {"tarball": f"{url}/culvert-test.tgz", "integrity": f"sha512-{digest}"}
            about = {"name": "culvert-test", "dist-tags": {"latest": "1.0.0"},
                     "versions": {"1.0.0": {**manifest, "dist": dist}}}
            (site.root / scheme).mkdir()
            (site.root / scheme / "culvert-test").write_text(json.dumps(about))
        return site

    def npm(self, *arguments, proxy, registry, project=None, **options):
        """Every time with an empty cache."""
        project = project or self.folder
        return self.run_client(
            ["npm", *arguments, "--registry", registry, "--proxy", proxy, "--https-proxy", proxy, "--noproxy", "",
             "--cafile", self.authority.file, "--cache", tempfile.mkdtemp(dir=self.folder),
             "--fetch-retries", 0, "--no-audit", "--no-fund", "--no-update-notifier"], cwd=project, **options)

    def test_view_and_install(self):
        site = self.registry()
        proxy = self.proxy(site.plain, tls=[site.secure], user="ann:secret")
        for scheme, url in zip(("http", "https"), site.urls("")):
            project = self.folder / scheme
            project.mkdir()
            way = {"proxy": f"http://ann:secret@127.0.0.1:{proxy.port}", "registry": f"{url}/{scheme}"}
            self.assertEqual(self.npm("view", "culvert-test", "version", **way).stdout, b"1.0.0\n")
            self.npm("install", "culvert-test", project=project, **way)
            self.assertIn("it works", (project / "node_modules/culvert-test/index.js").read_text())
        self.assert_seen(proxy, ("GET", HOST, 200), ("CONNECT", site.secure, 200))

    def test_denied(self):
        site = self.registry()
        proxy = self.proxy("elsewhere.test:443")
        for url in site.urls(""):
            done = self.npm("view", "culvert-test", proxy=proxy.url(), registry=url, succeeds=False)
            self.assertIn(b"403", done.stderr)
        self.assert_seen(proxy, ("GET", HOST, 403), ("CONNECT", site.secure, 403))
        self.assertEqual(site.requests(), [])


if __name__ == "__main__":
    main()
