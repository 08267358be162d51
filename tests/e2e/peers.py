"""Real programs before and behind the daemon: nginx, Node and HAProxy, started in the foreground on a free port."""
import os
import shutil
import subprocess

from harness import accepts, free_port, wait_until

NGINX_CONF = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/requests.log combined;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type application/octet-stream;
  log_format connections '$connection $connection_requests $status';
  access_log {folder}/connections.log connections;
  server {{
    listen 127.0.0.1:{port} {listen};
    root {folder}/root;
    {locations}
  }}
}}
"""

HAPROXY_CONF = """
defaults
  mode {mode}
  timeout connect 20s
  timeout client 20s
  timeout server 20s
listen relay
  bind 127.0.0.1:{port} {bind}
  {more}
  server behind 127.0.0.1:{target} {server}
"""

# Where the distribution puts modules, which a Node from elsewhere does not know.
NODE_MODULES = {"NODE_PATH": "/usr/share/nodejs"}

# Answers what it got: a digest and the size of the body for POST and PUT, the request line's parts for the rest.
NODE_SERVER = """
const http = require('http');
const { createHash } = require('crypto');
http.createServer((req, res) => {
  const hash = createHash('sha256');
  let size = 0;
  req.on('data', (part) => { hash.update(part); size += part.length; });
  req.on('end', () => {
    const answer = JSON.stringify({ method: req.method, url: req.url, headers: req.headers,
                                    size, sha256: hash.digest('hex') });
    res.setHeader('Content-Type', 'application/json');
    if (req.url === '/chunked') { res.write(answer.slice(0, 10)); res.end(answer.slice(10)); } else { res.end(answer); }
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
"""


class Peer:
    def __init__(self, command, port, folder, env=None):
        self.port = port
        self.folder = folder
        self.log = open(folder / "output.log", "wb")  # pylint: disable=consider-using-with  # as long as the process
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT,
                                        env={**os.environ, **(env or {})})
        wait_until(lambda: self.process.poll() is not None or accepts(("127.0.0.1", port)), f"{command[0]} listening")
        assert self.process.returncode is None, (folder / "output.log").read_text()

    def route(self, more="", upstream=""):
        return (f'[upstream.peer]\nservers = ["127.0.0.1:{self.port}"]\n{upstream}\n'
                f'[[route]]\nupstream = "peer"\n{more}\n')

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.log.close()


def start_nginx(folder, locations="", listen=""):
    """nginx serving the files in folder/root."""
    port = free_port()
    (folder / "root").mkdir(parents=True)
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX_CONF.format(folder=folder, port=port, locations=locations, user=user, listen=listen))
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    return Peer([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")],
                port, folder)


def start_node(folder, script=NODE_SERVER, env=None):
    port = free_port()
    folder.mkdir(parents=True)
    (folder / "server.js").write_text(script)
    return Peer(["node", str(folder / "server.js"), str(port)], port, folder, {**NODE_MODULES, **(env or {})})


def start_haproxy(folder, target, *, server="", bind="", mode="tcp", more=""):
    """HAProxy in front of the port `target`; the rest is added to its lines."""
    port = free_port()
    folder.mkdir(parents=True)
    (folder / "haproxy.cfg").write_text(
        HAPROXY_CONF.format(port=port, target=target, server=server, bind=bind, mode=mode, more=more))
    haproxy = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
    return Peer([haproxy, "-db", "-f", str(folder / "haproxy.cfg")], port, folder)
