"""The server of the page: on 127.0.0.1 alone, with a token that each path begins with.

A page that somebody else serves can make a browser send requests here. It does not know the token; a name of its own
that it points at 127.0.0.1 is not the Host that we answer to; and no header of ours lets it read what comes back.
"""

from __future__ import annotations

import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

from quire.errors import InvalidOption
from quire.web.site import Reply, Site, failure

LOOPBACK: Final = "127.0.0.1"
_TOKEN_BYTES: Final = 24
_WAIT_SECONDS: Final = 30
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Server(ThreadingHTTPServer):
    """Serves one page.

    Args:
        site: what it answers.
        port: 0: any that is free.

    Raises:
        InvalidOption: the port is taken, or may not be had.
    """

    daemon_threads = True

    def __init__(self, site: Site, port: int = 0) -> None:
        self.site = site
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise InvalidOption(f"cannot listen on port {port}: {error.strerror}; give another --port") from None
        self.hosts = {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}/{self.token}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away amid an answer is no error to tell."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "quire"
    sys_version = ""
    timeout = _WAIT_SECONDS

    def do_GET(self) -> None:
        self._reply(self._refusal() or self.server.site.get(self._path(), urlsplit(self.path).query))

    def do_POST(self) -> None:
        self.close_connection = True  # whatever is sent along is not read
        self._reply(self._refusal() or self._foreign_origin() or self.server.site.post(self._path()))

    def _path(self) -> str:
        return urlsplit(self.path).path.removeprefix(f"/{self.server.token}/")

    def _refusal(self) -> Reply | None:
        """Unless the request names us and has the token."""
        if self.headers.get("Host", "") not in self.server.hosts:
            return failure(403, "this server answers to the address that quire view printed, and to no other name")
        token = self.path.removeprefix("/").partition("/")[0]
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            return failure(403, "the token is missing or wrong; open the address that quire view printed")
        return None

    def _foreign_origin(self) -> Reply | None:
        """What changes something comes from our own page."""
        origin = self.headers.get("Origin", "")
        if origin.removeprefix("http://") not in self.server.hosts:
            return failure(403, "only the page itself may ask for this")
        return None

    def _reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """The terminal is for what the command says."""
