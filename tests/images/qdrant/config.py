"""The configuration of a collection: what a request may leave out, and what is refused."""

from errors import Refusal, wrong_input

DISTANCES = ("Cosine", "Euclid", "Dot", "Manhattan")

HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0, "on_disk": False}
OPTIMIZER = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": 10000,
    "flush_interval_sec": 5,
    "max_optimization_threads": None,
    "prevent_unoptimized": None,
}
WAL = {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1}
PARAMS = {"shard_number": 1, "replication_factor": 1, "write_consistency_factor": 1, "on_disk_payload": True}
FORBIDDEN_IN_NAMES = '<>:"/\\|?*\0\x1f'


def is_vector_params(params):
    return isinstance(params, dict) and type(params.get("size")) is int and params["size"] > 0 and params.get("distance") in DISTANCES


def is_single(vectors):
    return "size" in vectors or "distance" in vectors


def create(body, length):
    """A collection's configuration from the request that creates it."""
    vectors = body.get("vectors", {})
    each = [vectors] if is_single(vectors) else vectors.values()
    if not all(is_vector_params(params) for params in each):
        problem = "data did not match any variant of untagged enum VectorsConfig"
        raise Refusal(400, f"Format error in JSON body: {problem} at line 1 column {length}")
    params = {"vectors": vectors} | {key: _given(body, key, default) for key, default in PARAMS.items()}
    if body.get("sparse_vectors"):
        params["sparse_vectors"] = body["sparse_vectors"]
    config = {
        "params": params,
        "hnsw_config": HNSW | _stated(body.get("hnsw_config")),
        "optimizer_config": OPTIMIZER | _stated(body.get("optimizers_config")),
        "wal_config": WAL | _stated(body.get("wal_config")),
        "quantization_config": body.get("quantization_config"),
    }
    return config | {key: body[key] for key in ("strict_mode_config", "metadata") if body.get(key) is not None}


def update(config, body):
    changed = dict(config)
    for section, key in (("hnsw_config", "hnsw_config"), ("optimizer_config", "optimizers_config"), ("params", "params")):
        changed[section] = config[section] | _stated(body.get(key))
    for key in ("metadata", "strict_mode_config", "quantization_config"):
        if body.get(key) is not None:
            changed[key] = body[key]
    return changed


def check_name(name):
    if name == "" or len(name) > 255 or any(character in FORBIDDEN_IN_NAMES for character in name):
        raise wrong_input(f"Invalid collection name `{name}`")


def dense_vectors(config):
    """By name; the one without a name is named by the empty string."""
    vectors = config["params"]["vectors"]
    return {"": vectors} if is_single(vectors) else vectors


def describe(vectors):
    """As the server's error messages show them."""
    if is_single(vectors):
        return f"Single({_describe_one(vectors)})"
    named = ", ".join(f'"{name}": {_describe_one(params)}' for name, params in vectors.items())
    return f"Multi({{{named}}})"


def _describe_one(params):
    optional = ("hnsw_config", "quantization_config", "on_disk", "memory", "datatype", "multivector_config")
    rest = ", ".join(f"{key}: {'None' if params.get(key) is None else f'Some({params[key]})'}" for key in optional)
    return f"VectorParams {{ size: {params['size']}, distance: {params['distance']}, {rest} }}"


def _given(body, key, default):
    return default if body.get(key) is None else body[key]


def _stated(section):
    return {key: value for key, value in (section or {}).items() if value is not None}
