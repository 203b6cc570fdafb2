"""One collection: its points in memory, and on disk a log that is read back at the start."""

import bisect
import os

import config as configs
from errors import Refusal, not_found, wrong_input
from number import parse, render, single
from point import order, point_id, score, shown, stored


class Collection:
    def __init__(self, directory):
        self.directory = directory
        self.config = {}
        self.indexes = {}
        self.points = {}
        self.operation = 0
        self._sorted = None
        self._log = None

    @classmethod
    def create(cls, directory, config, indexes=None, points=(), operation=0):
        """Everything is on disk before the directory has its name."""
        staged = f"{directory}.new"
        os.makedirs(staged)
        _write(os.path.join(staged, "config.json"), config)
        _write(os.path.join(staged, "payload_index.json"), {"schema": indexes or {}})
        with open(os.path.join(staged, "log.jsonl"), "w", encoding="utf-8", newline="\n") as log:
            log.write(render({"put": list(points), "operation": operation}) + "\n")
        os.rename(staged, directory)
        return cls.open(directory)

    @classmethod
    def open(cls, directory):
        collection = cls(directory)
        with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
            collection.config = parse(file.read())
        with open(os.path.join(directory, "payload_index.json"), encoding="utf-8") as file:
            collection.indexes = parse(file.read())["schema"]
        path = os.path.join(directory, "log.jsonl")
        with open(path, encoding="utf-8", newline="\n") as log:
            # A last line without an end was never acknowledged.
            lines = [line for line in log if line.endswith("\n")]
        os.truncate(path, sum(len(line.encode()) for line in lines))
        for line in lines:
            collection._apply(parse(line))
        collection._log = open(path, "a", encoding="utf-8", newline="\n")
        return collection

    def close(self):
        self._log.close()

    def _apply(self, change):
        for point in change.get("put", ()):
            self.points[point["id"]] = point
        for identity in change.get("delete", ()):
            self.points.pop(identity, None)
        self.operation = change["operation"]
        self._sorted = None

    def _change(self, change, steps=1):
        change["operation"] = self.operation + steps
        self._log.write(render(change) + "\n")
        self._log.flush()
        self._apply(change)
        return {"operation_id": self.operation, "status": "completed"}

    def upsert(self, body):
        given = body["points"] if "points" in body else _unbatch(body["batch"])
        points = [stored(point, self.config) for point in given]
        return self._change({"put": [point | {"version": self.operation + 1} for point in points]})

    def delete(self, body):
        return self._change({"delete": [point_id(value) for value in _chosen(body)]})

    def set_payload(self, body, replace):
        changed = []
        for identity in map(point_id, _chosen(body)):
            if identity in self.points:
                point = self.points[identity]
                payload = body["payload"] if replace else point["payload"] | body["payload"]
                changed.append(point | {"payload": payload, "version": self.operation + 1})
        return self._change({"put": changed})

    def put_index(self, field, schema):
        self.indexes[field] = {"is_principal": None} | schema if isinstance(schema, dict) else schema
        _write(os.path.join(self.directory, "payload_index.json"), {"schema": self.indexes})
        return self._change({}, steps=2)

    def delete_index(self, field):
        self.indexes.pop(field, None)
        _write(os.path.join(self.directory, "payload_index.json"), {"schema": self.indexes})
        return self._change({})

    def reconfigure(self, config):
        self.config = config
        _write(os.path.join(self.directory, "config.json"), config)

    def ids(self):
        if self._sorted is None:
            self._sorted = sorted(self.points, key=order)
        return self._sorted

    def scroll(self, body):
        ids = self.ids()
        offset = body.get("offset")
        start = 0 if offset is None else bisect.bisect_left(ids, order(point_id(offset)), key=order)
        limit = body.get("limit", 10)
        if limit < 1:
            raise Refusal(422, "Validation error in JSON body: [limit: value 0 invalid, must be 1 or larger]")
        page = [
            shown(self.points[identity], body.get("with_payload", True), body.get("with_vector", False))
            for identity in ids[start : start + limit]
        ]
        return {"points": page, "next_page_offset": ids[start + limit] if start + limit < len(ids) else None}

    def retrieve(self, body):
        found = [self.points.get(point_id(value)) for value in body["ids"]]
        return [shown(point, body.get("with_payload", True), body.get("with_vector", False)) for point in found if point]

    def query(self, body):
        """Every point is looked at: exact, whatever was asked for."""
        name = body.get("using") or ""
        dense = configs.dense_vectors(self.config)
        if name not in dense and name not in self.config["params"].get("sparse_vectors", {}):
            raise wrong_input(f"Not existing vector name error: {name}")
        query = body.get("query")
        query = query.get("nearest") if isinstance(query, dict) and "nearest" in query else query
        itself = None
        if isinstance(query, (int, str)):
            itself = point_id(query)
            if name not in self.points.get(itself, {"vectors": {}})["vectors"]:
                raise not_found(f"No point with id {itself} found")
            query = self.points[itself]["vectors"][name]
        params = dense.get(name)
        found = [
            (score(query, point["vectors"][name], params), point)
            for identity, point in self.points.items()
            if identity != itself and name in point["vectors"]
        ]
        found.sort(key=lambda pair: (-pair[0], order(pair[1]["id"])))
        return {
            "points": [
                {"id": point["id"], "version": point["version"], "score": single(abs(value) if value == 0 or _is_distance(params) else value)}
                | ({"payload": point["payload"]} if body.get("with_payload") else {})
                for value, point in found[: body.get("limit", 10)]
            ]
        }

    def info(self):
        sparse = self.config["params"].get("sparse_vectors", {})
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": sum(name in point["vectors"] for point in self.points.values() for name in sparse),
            "points_count": len(self.points),
            "segments_count": self.config["optimizer_config"]["default_segment_number"] or 2,
            "config": self.config,
            "payload_schema": {field: self._index_info(field, schema) for field, schema in self.indexes.items()},
            "update_queue": {"length": 0},
        }

    def _index_info(self, field, schema):
        points = sum(_has_field(point["payload"], field) for point in self.points.values())
        if isinstance(schema, dict):
            return {"data_type": schema["type"], "params": schema, "points": points}
        return {"data_type": schema, "points": points}


def _is_distance(params):
    return params is not None and params["distance"] in ("Euclid", "Manhattan")


def _has_field(payload, field):
    for key in field.split("."):
        if not isinstance(payload, dict) or key not in payload:
            return False
        payload = payload[key]
    return payload not in (None, [])


def _chosen(body):
    if "points" not in body:
        raise wrong_input("the stand-in chooses points by their ids only, not by filters")
    return body["points"]


def _unbatch(batch):
    payloads = batch.get("payloads") or [None] * len(batch["ids"])
    vectors = batch["vectors"]
    rows = vectors if isinstance(vectors, list) else [
        {name: column[row] for name, column in vectors.items()} for row in range(len(batch["ids"]))
    ]
    return [{"id": i, "vector": v, "payload": p} for i, v, p in zip(batch["ids"], rows, payloads)]


def _write(path, value):
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(render(value))
    os.replace(f"{path}.new", path)
