"""What the server counts of itself."""

import uuid
from collections import defaultdict
from datetime import datetime, timezone

import config as configs


class Requests:
    def __init__(self):
        self._id = str(uuid.uuid4())
        self._startup = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._counts = defaultdict(lambda: defaultdict(lambda: [0, 0.0]))

    def count(self, route, status, seconds):
        entry = self._counts[route][str(status)]
        entry[0] += 1
        entry[1] += seconds

    def telemetry(self, storage, version):
        responses = {
            route: {
                status: {"count": count, "avg_duration_micros": 1e6 * seconds / count}
                for status, (count, seconds) in statuses.items()
            }
            for route, statuses in list(self._counts.items())
        }
        return {
            "id": self._id,
            "app": {"name": "qdrant", "version": version, "startup": self._startup},
            "collections": {"number_of_collections": len(storage.collections)},
            "cluster": {"enabled": False, "resharding_enabled": False},
            "requests": {"rest": {"responses": responses}, "grpc": {"responses": {}}},
            "quota": {"config": {"enabled": False}, "exceeded": {"resident_memory": None, "disk_usage": None}},
        }


def prometheus(storage, version):
    vectors, excluded = [], []
    for name, collection in sorted(storage.collections.items()):
        dense = configs.dense_vectors(collection.config)
        for vector in sorted([*dense, *collection.config["params"].get("sparse_vectors", {})]):
            count = sum(vector in point["vectors"] for point in collection.points.values())
            vectors.append((f'{{collection="{name}",vector="{vector}"}}', count))
            if vector in dense:
                excluded.append((f'{{id="{name}",vector="{vector}"}}', 0))
    gauges = [
        ("app_info", "information about qdrant server", [(f'{{name="qdrant",version="{version}"}}', 1)]),
        ("app_status_recovery_mode", "features enabled in qdrant server", [("", 0)]),
        ("collections_total", "number of collections", [("", len(storage.collections))]),
        ("collections_vector_total", "total number of vectors in all collections", [("", sum(n for _, n in vectors))]),
        ("collection_vectors", "amount of vectors grouped by vector name", vectors),
        ("collection_indexed_only_excluded_points", "amount of points excluded in indexed_only requests", excluded),
        ("collection_active_replicas_min", "minimum number of active replicas across all shards", [("", 1)]),
        ("collection_active_replicas_max", "maximum number of active replicas across all shards", [("", 1)]),
    ]
    return "".join(
        f"# HELP {gauge} {meaning}\n# TYPE {gauge} gauge\n" + "".join(f"{gauge}{labels} {value}\n" for labels, value in values)
        for gauge, meaning, values in gauges
    )
