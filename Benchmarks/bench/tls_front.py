"""TLS before a server that speaks none, as AWS has it: nginx passes on what comes, and each answer as it comes."""

import shutil
import socket
import subprocess

from harness.certificates import Authority
from harness.waiting import eventually

from .http_load import free_ports

# Each takes two connections here.
CLIENTS = 2000


class TLSFront:
    def __init__(self, folder, port):
        """`folder`: an empty one of its own; `port`: the server's."""
        authority = Authority(folder)
        certificate, key = authority.sign("server", "DNS:localhost")
        [own] = free_ports(1)
        (folder / "nginx.conf").write_text(f"""
            daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
            worker_rlimit_nofile {3 * CLIENTS}; events {{ worker_connections {3 * CLIENTS}; }}
            http {{
                access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                server {{
                    listen 127.0.0.1:{own} ssl backlog={CLIENTS};
                    ssl_certificate {certificate}; ssl_certificate_key {key};
                    location / {{
                        proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1; proxy_set_header Host $http_host;
                        proxy_buffering off;
                    }}
                }}
            }}""")
        self.process = subprocess.Popen(
            [shutil.which("nginx") or "/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf"],
            stderr=subprocess.DEVNULL)
        self.url = f"https://localhost:{own}"
        self.trust = {"AWS_CA_BUNDLE": str(authority.certificate)}
        eventually(lambda: is_open(own), 10, why="nginx listens")

    def close(self):
        self.process.terminate()
        self.process.wait(10)


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
