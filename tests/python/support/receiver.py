"""A web server on a loopback address that keeps what it is sent."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Receiver:
    """A web server that keeps what it is sent; `answers` are its next status codes."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                code = receiver.answers.pop(0) if receiver.answers else 200
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if code == 200:
                    receiver.bodies.append(body)
                self.send_response(code)
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def events(self) -> list[str]:
        return [body["event"] for body in self.bodies]

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *arguments: object) -> None:
        self.server.shutdown()
        self.server.server_close()
