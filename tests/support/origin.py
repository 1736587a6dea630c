"""Starts and steers an origin: origin_server.py in a process of its own, or nginx."""
from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import types
from typing import Any

from http_client import get
from line_process import LineProcess
from polling import wait_until
from ports import free_port


class Origin:
    """Serves from its construction on."""

    def __init__(self, name: str, **behaviour: Any):
        self.name = name
        self.port = free_port()
        self._behaviour = behaviour
        self.start()

    def start(self) -> None:
        """Again, at the same port."""
        self._process = LineProcess("origin_server.py", "--name", self.name, "--port", str(self.port))
        assert self._process.read().listening == self.port
        if self._behaviour:
            self.set(**self._behaviour)

    def set(self, **behaviour: Any) -> None:
        """Fields of origin_server.Behaviour."""
        self._behaviour.update(behaviour)
        self._process.ask(json.dumps({"set": behaviour}))

    def counts(self) -> types.SimpleNamespace:
        """origin_server.Counts."""
        return self._process.ask("{}")

    def die(self) -> None:
        """At once, resetting its connections."""
        self._process.kill()

    stop = die


_NGINX_CONF = """
daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
  server {{
    listen 127.0.0.1:{port}{tls};
    root {root}/files;
    gzip on; gzip_min_length 1; gzip_types text/plain; gzip_proxied any;
    location /put/ {{ return 200 "nothing kept"; }}
  }}
}}
"""


class Nginx:
    """nginx that serves the files of `root`/files; through TLS with a certificate and its key."""

    def __init__(self, root: pathlib.Path, certificate: pathlib.Path | None = None, key: pathlib.Path | None = None):
        self.port = free_port()
        self.files = root / "files"
        self.files.mkdir(parents=True)
        conf = root / "nginx.conf"
        tls = f" ssl; ssl_certificate {certificate}; ssl_certificate_key {key}" if certificate else ""
        conf.write_text(_NGINX_CONF.format(root=root, port=self.port, tls=tls))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self._process = subprocess.Popen([program, "-c", str(conf), "-e", str(root / "error.log")])
        wait_until(self._answers, "nginx listens")

    def _answers(self) -> bool:
        try:
            return get(self.port, "/").status > 0
        except ConnectionRefusedError:
            return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
