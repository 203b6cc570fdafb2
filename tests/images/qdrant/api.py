"""The routes: what is answered to which request."""

import os
import uuid

import body as bodies
import config as configs
from errors import no_collection
from metrics import prometheus

VERSION = "1.19.0"


class File:
    """An answer that is a file's content."""

    def __init__(self, path):
        self.path = path


class Api:
    def __init__(self, storage, requests, settings):
        self.storage = storage
        self.requests = requests
        self.settings = settings

    def root(self, request):
        return {"title": "qdrant - vector search engine", "version": VERSION}

    def healthz(self, request):
        return "healthz check passed"

    def readyz(self, request):
        return "all shards are ready"

    def livez(self, request):
        return "livez check passed"

    def telemetry(self, request):
        return self.requests.telemetry(self.storage, VERSION)

    def metrics(self, request):
        return prometheus(self.storage, VERSION)

    def cluster(self, request):
        if not self.settings["distributed"]:
            return {"status": "disabled"}
        peer = self.storage.peer
        return {
            "status": "enabled",
            "peer_id": peer,
            "peers": {str(peer): {"uri": "http://qdrant-1:6335/"}, str(peer + 1): {"uri": "http://qdrant-2:6335/"}},
            "raft_info": {"term": 1, "commit": 1, "pending_operations": 0, "leader": peer, "role": "Leader", "is_voter": True},
            "consensus_thread_status": {"consensus_thread_status": "working", "last_update": "2026-11-23T13:06:17.230Z"},
            "message_send_failures": {},
        }

    def collections(self, request):
        return {"collections": [{"name": name} for name in sorted(self.storage.collections)]}

    def create_collection(self, request, name):
        body, length = request.json()
        self.storage.create(name, configs.create(body, length))
        return True

    def update_collection(self, request, name):
        collection = self.storage.get(name)
        collection.reconfigure(configs.update(collection.config, request.json()[0]))
        return True

    def collection(self, request, name):
        return self.storage.get(name).info()

    def delete_collection(self, request, name):
        return self.storage.delete(name)

    def collection_cluster(self, request, name):
        points = len(self.storage.get(name).points)
        return {
            "peer_id": self.storage.peer,
            "shard_count": 1,
            "local_shards": [{"shard_id": 0, "points_count": points, "state": "Active"}],
            "remote_shards": [],
            "shard_transfers": [],
        }

    def aliases(self, request, name=None):
        return {
            "aliases": [
                {"alias_name": alias, "collection_name": target}
                for alias, target in sorted(self.storage.aliases.items())
                if name in (None, target)
            ]
        }

    def change_aliases(self, request):
        self.storage.change_aliases(request.json()[0]["actions"])
        return True

    def put_index(self, request, name):
        body = request.json()[0]
        return self.storage.get(name).put_index(body["field_name"], body["field_schema"])

    def delete_index(self, request, name, field):
        return self.storage.get(name).delete_index(field)

    def upsert(self, request, name):
        return self.storage.get(name).upsert(request.json()[0])

    def delete_points(self, request, name):
        return self.storage.get(name).delete(request.json()[0])

    def set_payload(self, request, name):
        return self.storage.get(name).set_payload(request.json()[0], replace=False)

    def overwrite_payload(self, request, name):
        return self.storage.get(name).set_payload(request.json()[0], replace=True)

    def count(self, request, name):
        return {"count": len(self.storage.get(name).points)}

    def scroll(self, request, name):
        return self.storage.get(name).scroll(request.json()[0])

    def retrieve(self, request, name):
        return self.storage.get(name).retrieve(request.json()[0])

    def query(self, request, name):
        return self.storage.get(name).query(request.json()[0])

    def snapshots(self, request, name=None):
        self._known(name)
        return self.storage.snapshots(name)

    def make_snapshot(self, request, name=None):
        self._known(name)
        return self.storage.make_snapshot(name)

    def download_snapshot(self, request, name, file):
        self._known(name)
        return File(self.storage.snapshot_path(file, name))

    def delete_snapshot(self, request, name, file):
        self._known(name)
        self.storage.delete_snapshot(file, name)
        return True

    def download_full_snapshot(self, request, file):
        return File(self.storage.snapshot_path(file))

    def delete_full_snapshot(self, request, file):
        self.storage.delete_snapshot(file)
        return True

    def upload_snapshot(self, request, name):
        path = os.path.join(self.storage.temporary, str(uuid.uuid4()))
        try:
            bodies.save_upload(request.headers, request.rfile, path)
            with request.server.lock:
                self.storage.restore(name, path, request.query.get("checksum"))
        finally:
            if os.path.exists(path):
                os.unlink(path)
        return True

    def _known(self, name):
        if name is not None and name not in self.storage.collections:
            raise no_collection(name)


# Method, path, handler. A path's parameters are named as the server's telemetry names them.
ROUTES = [
    ("GET", "/", Api.root),
    ("GET", "/healthz", Api.healthz),
    ("GET", "/readyz", Api.readyz),
    ("GET", "/livez", Api.livez),
    ("GET", "/telemetry", Api.telemetry),
    ("GET", "/metrics", Api.metrics),
    ("GET", "/cluster", Api.cluster),
    ("GET", "/aliases", Api.aliases),
    ("GET", "/collections", Api.collections),
    ("POST", "/collections/aliases", Api.change_aliases),
    ("PUT", "/collections/{collection_name}", Api.create_collection),
    ("PATCH", "/collections/{collection_name}", Api.update_collection),
    ("GET", "/collections/{collection_name}", Api.collection),
    ("DELETE", "/collections/{collection_name}", Api.delete_collection),
    ("GET", "/collections/{collection_name}/cluster", Api.collection_cluster),
    ("GET", "/collections/{collection_name}/aliases", Api.aliases),
    ("PUT", "/collections/{collection_name}/index", Api.put_index),
    ("DELETE", "/collections/{collection_name}/index/{field_name}", Api.delete_index),
    ("PUT", "/collections/{collection_name}/points", Api.upsert),
    ("POST", "/collections/{collection_name}/points", Api.retrieve),
    ("POST", "/collections/{collection_name}/points/delete", Api.delete_points),
    ("POST", "/collections/{collection_name}/points/payload", Api.set_payload),
    ("PUT", "/collections/{collection_name}/points/payload", Api.overwrite_payload),
    ("POST", "/collections/{collection_name}/points/count", Api.count),
    ("POST", "/collections/{collection_name}/points/scroll", Api.scroll),
    ("POST", "/collections/{collection_name}/points/query", Api.query),
    ("GET", "/collections/{collection_name}/snapshots", Api.snapshots),
    ("POST", "/collections/{collection_name}/snapshots", Api.make_snapshot),
    ("POST", "/collections/{collection_name}/snapshots/upload", Api.upload_snapshot),
    ("GET", "/collections/{collection_name}/snapshots/{snapshot_name}", Api.download_snapshot),
    ("DELETE", "/collections/{collection_name}/snapshots/{snapshot_name}", Api.delete_snapshot),
    ("GET", "/snapshots", Api.snapshots),
    ("POST", "/snapshots", Api.make_snapshot),
    ("GET", "/snapshots/{snapshot_name}", Api.download_full_snapshot),
    ("DELETE", "/snapshots/{snapshot_name}", Api.delete_full_snapshot),
]
