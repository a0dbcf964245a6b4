"""The load on the web server: eight clients at once, through a reload and a change of workers, to its graceful end.

    web_client.py PID        the server's process; its socket is web.sock in the working folder

Prints every answer's status and digest in the order of the requests, whatever order they came in.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

SOCKET = "web.sock"
CLIENTS = 8
REQUESTS = 600
SIGNALS = [signal.SIGTTIN, signal.SIGHUP, signal.SIGTTOU]  # one worker more, all workers anew, one worker less
START_SECONDS_MAX = 60
ANSWER_SECONDS_MAX = 60


class Connection(http.client.HTTPConnection):
    """HTTP through a socket that is a file."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_SECONDS_MAX)
        self.sock.connect(SOCKET)


def ask(number: int) -> str:
    method, path, body, headers = request_of(number)
    connection = Connection("localhost")
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        digest = hashlib.sha256(answer.read()).hexdigest()[:12]
    finally:
        connection.close()
    return f"{number} {method} {path} {answer.status} {answer.getheader('content-type')} {digest}"


def request_of(number: int) -> tuple[str, str, bytes, dict[str, str]]:
    rng = random.Random(number)
    if number % 40 == 39:
        return "GET", f"/peak/{number}", b"", {}
    match number % 6:
        case 0 | 1:
            return "GET", f"/page/{number}", b"", {}
        case 2:
            return "GET", f"/query/{number}", b"", {}
        case 3:
            body = json.dumps({f"key {each}": rng.random() for each in range(200)}).encode()
            return "POST", "/json", body, {"content-type": "application/json"}
        case 4:
            return "POST", "/upload", rng.randbytes(rng.randint(1, 300_000)), {}
        case _:
            return "GET", rng.choice([f"/stream/{number}", f"/failure/{number}", f"/nowhere/{number}"]), b"", {}


def wait_for_server() -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            ask(0)
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the server does not answer")


def main() -> None:
    server = int(sys.argv[1])
    wait_for_server()
    with ThreadPoolExecutor(CLIENTS) as clients:
        for part, sent in enumerate([*SIGNALS, signal.SIGTERM]):
            for line in clients.map(ask, range(part * REQUESTS, (part + 1) * REQUESTS)):
                print(line)
            os.kill(server, sent)


if __name__ == "__main__":
    main()
