"""Points: how they are checked, kept and compared."""

import math
import uuid

import config as configs
from errors import Refusal, wrong_input
from number import single


def point_id(value):
    if type(value) is int and 0 <= value < 1 << 64:
        return value
    if isinstance(value, str):
        try:
            return str(uuid.UUID(value))
        except ValueError:
            pass
    raise Refusal(400, f"Format error in JSON body: value {value} is not a valid point ID, valid values are either an unsigned integer or a UUID")


def order(identity):
    """Numbers come before UUIDs."""
    return (1, identity) if isinstance(identity, str) else (0, identity)


def stored(point, config):
    """A point as it will be kept: vectors by name, in float32, cosine ones normalised."""
    given = point.get("vector", {})
    named = given if isinstance(given, dict) else {"": given}
    dense = configs.dense_vectors(config)
    sparse = config["params"].get("sparse_vectors", {})
    vectors = {}
    for name, vector in named.items():
        if name in dense:
            vectors[name] = _dense(vector, dense[name])
        elif name in sparse:
            pairs = sorted(zip(vector["indices"], vector["values"]))
            vectors[name] = {"indices": [index for index, _ in pairs], "values": [single(value) for _, value in pairs]}
        else:
            raise wrong_input(f"Not existing vector name error: {name}")
    return {"id": point_id(point.get("id")), "payload": point.get("payload") or {}, "vectors": vectors}


def _dense(vector, params):
    if params.get("multivector_config"):
        return [_row(row, params) for row in vector]
    return _row(vector, params)


def _row(row, params):
    if len(row) != params["size"]:
        raise wrong_input(f"Vector dimension error: expected dim: {params['size']}, got {len(row)}")
    length = math.sqrt(sum(value * value for value in row)) if params["distance"] == "Cosine" else 1.0
    # What is normalised already is kept to the bit, as it has to be for an export to come back.
    if length == 0 or abs(length * length - 1.0) <= 1e-6:
        length = 1.0
    return [single(value / length) for value in row]


def shown(point, with_payload, with_vector):
    answer = {"id": point["id"]}
    if with_payload:
        answer["payload"] = point["payload"]
    if with_vector:
        vectors = point["vectors"]
        answer["vector"] = vectors[""] if list(vectors) == [""] else vectors
    return answer


def score(one, other, params):
    """How near two vectors are, and whether more is nearer."""
    if isinstance(one, dict):
        weights = dict(zip(other["indices"], other["values"]))
        return sum(value * weights.get(index, 0.0) for index, value in zip(one["indices"], one["values"]))
    if one and isinstance(one[0], list):
        return sum(max(score(row, candidate, params) for candidate in other) for row in one)
    distance = params["distance"]
    if distance == "Euclid":
        return -math.dist(one, other)
    if distance == "Manhattan":
        return -sum(abs(a - b) for a, b in zip(one, other))
    return sum(a * b for a, b in zip(one, other))
