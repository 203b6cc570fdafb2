"""
A stand-in for Qdrant, for tests on machines that cannot pull its image. It is not Qdrant: it answers as the server was recorded to
answer (tests/fixtures/qdrant), keeps what it is given over restarts, and searches by looking at every point. Every answer carries
the header `x-stand-in`, by which it can be told apart.
"""

import hmac
import os
import re
import shutil
import signal
import sys
import threading
import time
import urllib.parse
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import body as bodies
from api import Api, File, ROUTES
from errors import Refusal
from metrics import Requests
from number import render
from storage import Storage

OPEN_TO_ALL = {"/", "/healthz", "/readyz", "/livez"}


def _pattern(path):
    return re.compile(re.sub(r"\{\w+\}", "([^/]+)", path))


COMPILED = [(method, path, _pattern(path), handler) for method, path, handler in ROUTES]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _answer(self):
        started = time.monotonic()
        path, _, query = self.path.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query))
        self.body_read = False
        template, status = None, 404
        try:
            refused = self._refused(path)
            if refused is not None:
                return self._send(401, refused.encode(), None)
            template, handler, arguments = self._route(path)
            if handler is None:
                return self._send(404, b"", None)
            uploads = handler is Api.upload_snapshot
            if uploads:
                self.body_read = True
                result = handler(self.server.api, self, *arguments)
            else:
                self.parsed = self._read()
                with self.server.lock:
                    result = handler(self.server.api, self, *arguments)
            status = 200
            self._succeed(result, time.monotonic() - started, bare=path == "/")
        except Refusal as refusal:
            status = refusal.status
            self._fail(refusal, time.monotonic() - started)
        except ConnectionError:
            self.close_connection = True
        finally:
            if template is not None:
                self.server.requests.count(f"{self.command} {template}", status, time.monotonic() - started)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = _answer

    def json(self):
        return self.parsed

    def _read(self):
        self.body_read = True
        return bodies.json_of(self.headers, self.rfile)

    def _refused(self, path):
        key = self.server.api_key
        if key is None or path in OPEN_TO_ALL:
            return None
        given = self.headers.get("api-key") or (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if given == "":
            return "Must provide an API key or an Authorization bearer token"
        return None if hmac.compare_digest(given.encode("latin-1"), key.encode()) else "Invalid API key or JWT"

    def _route(self, path):
        template = None
        for method, known, pattern, handler in COMPILED:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            template = known
            if method == self.command:
                return known, handler, [urllib.parse.unquote(part) for part in match.groups()]
        return template, None, []

    def _succeed(self, result, seconds, bare):
        if isinstance(result, str):
            self._send(200, result.encode(), "text/plain; charset=utf-8")
        elif isinstance(result, File):
            self._send_file(result.path)
        else:
            answer = result if bare else {"result": result, "status": "ok", "time": seconds}
            self._send(200, render(answer).encode(), "application/json")

    def _fail(self, refusal, seconds):
        if self.command == "GET" and "/snapshots/" in self.path:
            return self._send(refusal.status, refusal.message.encode(), "text/plain; charset=utf-8")
        answer = {"status": {"error": refusal.message}, "time": seconds}
        self._send(refusal.status, render(answer).encode(), "application/json")

    def _head(self, status, length, content_type):
        self.send_response(status)
        if content_type is not None:
            self.send_header("content-type", content_type)
        self.send_header("content-length", str(length))
        self.send_header("x-stand-in", "qdrant")
        if not self.body_read and self.command != "GET":
            # What is left of the body would be taken for the next request.
            self.send_header("connection", "close")
            self.close_connection = True

    def _send(self, status, content, content_type):
        self._head(status, len(content), content_type)
        self.end_headers()
        self.wfile.write(content if self.command != "HEAD" else b"")

    def _send_file(self, path):
        with open(path, "rb") as file:
            stat = os.fstat(file.fileno())
            self._head(200, stat.st_size, "application/octet-stream")
            self.send_header("accept-ranges", "bytes")
            self.send_header("content-disposition", f'attachment; filename="{urllib.parse.quote(os.path.basename(path))}"')
            self.send_header("etag", f'"{stat.st_ino:x}:{stat.st_size:x}:{stat.st_mtime_ns:x}"')
            self.send_header("last-modified", formatdate(stat.st_mtime, usegmt=True))
            self.end_headers()
            shutil.copyfileobj(file, self.wfile, 256 * 1024)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def serve(port, storage, snapshots, api_key, distributed):
    server = Server(("", port), Handler)
    server.lock = threading.RLock()
    server.requests = Requests()
    server.api_key = api_key
    server.api = Api(Storage(storage, snapshots), server.requests, {"distributed": distributed})
    print(f"a stand-in for Qdrant listens on port {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    environment = os.environ.get
    serve(
        port=int(environment("QDRANT__SERVICE__HTTP_PORT", "6333")),
        storage=environment("QDRANT__STORAGE__STORAGE_PATH", "./storage"),
        snapshots=environment("QDRANT__STORAGE__SNAPSHOTS_PATH", "./snapshots"),
        api_key=environment("QDRANT__SERVICE__API_KEY") or None,
        distributed=environment("QDRANT__CLUSTER__ENABLED", "").lower() in ("1", "true"),
    )
