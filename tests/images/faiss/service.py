#!/usr/bin/python3
"""Owns FAISS index files: NAME.index, NAME.ids.json (one id for each vector), manifest.json and documents/.

GET    /health                 {"status", "faiss", "indexes"}
GET    /indexes                by name: dimension, vectors, metric, type, whether it has unsaved changes
PUT    /indexes/NAME           {"dim": 384, "factory": "Flat", "metric": "l2" | "ip"}
POST   /indexes/NAME/add       {"ids": [...], "vectors": [[...]]}
POST   /indexes/NAME/search    {"vectors": [[...]], "k": 5}: {"ids", "distances"}
POST   /indexes/NAME/save      write to disk; ?atomic=0 in place, as careless applications do
DELETE /indexes/NAME
PUT    /documents/NAME         the body as a file; NAME is percent-encoded, any text but a path
DELETE /documents
POST   /reload                 forget what is in memory, read the directory again

What was not saved is saved at the end (SIGTERM).
"""
import json
import os
import shutil
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import faiss
import numpy

DATA = os.environ.get("FAISS_DATA", "/data")
DOCUMENTS = os.path.join(DATA, "documents")
LOCK = threading.RLock()


class Index:
    def __init__(self, index, ids, dirty):
        self.index, self.ids, self.dirty = index, ids, dirty


INDEXES: dict[str, Index] = {}


def path(name, suffix):
    return os.path.join(DATA, name + suffix)


def replace(target, write):
    """After a power cut the file is the old one or the new one, whole."""
    write(target + ".tmp")
    descriptor = os.open(target + ".tmp", os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    os.replace(target + ".tmp", target)


def write_json(value):
    def write(target):
        with open(target, "w", encoding="utf-8") as file:
            json.dump(value, file)

    return write


def save(name, atomic=True):
    held = INDEXES[name]
    if atomic:
        replace(path(name, ".index"), lambda target: faiss.write_index(held.index, target))
        replace(path(name, ".ids.json"), write_json(held.ids))
    else:
        faiss.write_index(held.index, path(name, ".index"))
        write_json(held.ids)(path(name, ".ids.json"))
    held.dirty = False
    save_manifest()


def save_manifest():
    if INDEXES:
        facts = {name: {"ntotal": int(held.index.ntotal), "dim": int(held.index.d)} for name, held in INDEXES.items()}
        replace(path("manifest", ".json"), write_json(facts))
    elif os.path.exists(path("manifest", ".json")):
        os.remove(path("manifest", ".json"))


def load():
    INDEXES.clear()
    for file in sorted(os.listdir(DATA)):
        name, suffix = os.path.splitext(file)
        if suffix != ".index":
            continue
        try:
            index = faiss.read_index(path(name, ".index"))
            with open(path(name, ".ids.json"), encoding="utf-8") as ids_file:
                ids = json.load(ids_file)
            if len(ids) != index.ntotal:
                raise ValueError(f"{len(ids)} ids for {index.ntotal} vectors")
            INDEXES[name] = Index(index, ids, False)
        except Exception as error:  # pylint: disable=broad-except
            print(f"cannot load {file}: {error}", file=sys.stderr)


def describe(held):
    index = held.index
    return {
        "dim": index.d,
        "ntotal": index.ntotal,
        "metric": index.metric_type,
        "type": type(index).__name__,
        "dirty": held.dirty,
    }


def add(held, body):
    vectors = numpy.asarray(body["vectors"], dtype="float32")
    if vectors.ndim != 2 or vectors.shape[1] != held.index.d or len(body["ids"]) != len(vectors):
        return 400, {"error": "the shape of the vectors is wrong"}
    if not held.index.is_trained:
        held.index.train(vectors)
    held.index.add(vectors)
    held.ids.extend(body["ids"])
    held.dirty = True
    return 200, {"ntotal": held.index.ntotal}


def search(held, body):
    distances, found = held.index.search(numpy.asarray(body["vectors"], dtype="float32"), int(body.get("k", 5)))
    ids = [[held.ids[at] if at >= 0 else None for at in row] for row in found]
    return 200, {"ids": ids, "distances": distances.tolist()}


def answer(method, parts, query, raw):
    """The status and the content of the answer to a request."""
    if parts[:1] == ["documents"]:
        return answer_documents(method, parts[1:], raw)
    body = json.loads(raw) if raw else {}
    if (method, parts) == ("GET", ["health"]):
        return 200, {"status": "ok", "faiss": faiss.__version__, "indexes": sorted(INDEXES)}
    if (method, parts) == ("GET", ["indexes"]):
        return 200, {name: describe(held) for name, held in INDEXES.items()}
    if (method, parts) == ("POST", ["reload"]):
        load()
        return 200, {"indexes": sorted(INDEXES)}
    if len(parts) < 2 or parts[0] != "indexes":
        return 404, {"error": "there is nothing of that name"}
    name, act = parts[1], parts[2] if len(parts) > 2 else ""
    if not name.replace("-", "").replace("_", "").isalnum():
        return 400, {"error": "an index cannot have this name"}
    if method == "PUT":
        metric = faiss.METRIC_INNER_PRODUCT if body.get("metric") == "ip" else faiss.METRIC_L2
        INDEXES[name] = Index(faiss.index_factory(int(body["dim"]), body.get("factory", "Flat"), metric), [], True)
        save(name)
        return 201, {"name": name}
    if name not in INDEXES:
        return 404, {"error": "there is no such index"}
    if method == "DELETE":
        del INDEXES[name]
        for suffix in (".index", ".ids.json"):
            if os.path.exists(path(name, suffix)):
                os.remove(path(name, suffix))
        save_manifest()
        return 200, {}
    if (method, act) == ("POST", "add"):
        return add(INDEXES[name], body)
    if (method, act) == ("POST", "search"):
        return search(INDEXES[name], body)
    if (method, act) == ("POST", "save"):
        save(name, query.get("atomic", ["1"])[0] != "0")
        return 200, {"saved": name}
    return 404, {"error": "there is nothing of that name"}


def answer_documents(method, parts, raw):
    if method == "DELETE" and not parts:
        shutil.rmtree(DOCUMENTS, ignore_errors=True)
        return 200, {}
    name = unquote(parts[0]) if len(parts) == 1 else ""
    if method != "PUT" or name in ("", ".", "..") or "/" in name or "\0" in name:
        return 400, {"error": "a document cannot have this name"}
    os.makedirs(DOCUMENTS, exist_ok=True)
    with open(os.path.join(DOCUMENTS, name), "wb") as file:
        file.write(raw)
    return 201, {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_request(self):
        url = urlsplit(self.path)
        parts = [part for part in url.path.split("/") if part]
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length) if length else b""
        try:
            with LOCK:
                code, content = answer(self.command, parts, parse_qs(url.query), raw)
        except Exception as error:  # pylint: disable=broad-except
            code, content = 500, {"error": f"{type(error).__name__}: {error}"}
        encoded = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    do_GET = do_POST = do_PUT = do_DELETE = handle_request


def main():
    load()
    server = ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8000"))), Handler)

    def stop(*_):
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever()
    with LOCK:
        for name, held in list(INDEXES.items()):
            if held.dirty:
                save(name)


if __name__ == "__main__":
    main()
