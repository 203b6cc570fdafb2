"""All collections, aliases and snapshots of a server, in the directories of the official image."""

import os
import random
import shutil
import time
import urllib.parse
import uuid

import config as configs
import snapshot
from collection import Collection
from errors import Refusal, no_collection, no_snapshot, wrong_input
from number import parse, render


class Storage:
    def __init__(self, storage, snapshots):
        self.collections_directory = os.path.join(storage, "collections")
        self.temporary = os.path.join(storage, "tmp")
        self.snapshots_directory = snapshots
        self._aliases_file = os.path.join(storage, "aliases", "data.json")
        self._peer_file = os.path.join(storage, "raft_state.json")
        shutil.rmtree(self.temporary, ignore_errors=True)
        for directory in (self.collections_directory, self.temporary, snapshots, os.path.dirname(self._aliases_file)):
            os.makedirs(directory, exist_ok=True)
        self.peer = _kept(self._peer_file, lambda: {"peer_id": random.getrandbits(52)})["peer_id"]
        self.aliases = _kept(self._aliases_file, dict)
        self.collections = {}
        for entry in sorted(os.listdir(self.collections_directory)):
            path = os.path.join(self.collections_directory, entry)
            if entry.endswith((".new", ".old")):
                shutil.rmtree(path)
            else:
                self.collections[urllib.parse.unquote(entry)] = Collection.open(path)

    def get(self, name):
        found = self.collections.get(self.aliases.get(name, name))
        if found is None:
            raise no_collection(name)
        return found

    def create(self, name, config, **content):
        configs.check_name(name)
        if name in self.collections:
            raise Refusal(409, f"Wrong input: Collection `{name}` already exists!")
        if name in self.aliases:
            raise wrong_input(f"Can't create collection with name {name}. Alias with the same name already exists")
        self.collections[name] = Collection.create(self._directory(name), config, **content)

    def delete(self, name):
        """Its snapshots stay: they may be all that is left of it."""
        collection = self.collections.pop(name, None)
        if collection is None:
            return False
        collection.close()
        retired = f"{collection.directory}.old"
        os.rename(collection.directory, retired)
        shutil.rmtree(retired)
        self._set_aliases({alias: target for alias, target in self.aliases.items() if target != name})
        return True

    def change_aliases(self, actions):
        aliases = dict(self.aliases)
        for action in actions:
            if "create_alias" in action:
                alias, target = action["create_alias"]["alias_name"], action["create_alias"]["collection_name"]
                if target not in self.collections:
                    raise no_collection(target)
                if alias in self.collections:
                    raise Refusal(409, f"Wrong input: Collection `{alias}` already exists!")
                aliases[alias] = target
            elif "delete_alias" in action:
                aliases.pop(action["delete_alias"]["alias_name"], None)
            else:
                rename = action["rename_alias"]
                aliases[rename["new_alias_name"]] = aliases.pop(rename["old_alias_name"])
        self._set_aliases(aliases)

    def _set_aliases(self, aliases):
        self.aliases = aliases
        _write(self._aliases_file, aliases)

    def snapshots(self, name=None):
        """Those of a collection, or of the whole storage."""
        directory = self._snapshots_of(name)
        files = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
        return [_describe(directory, file) for file in files if file.endswith(".snapshot")]

    def snapshot_path(self, file, name=None):
        path = os.path.join(self._snapshots_of(name), os.path.basename(file))
        if not os.path.isfile(path):
            raise no_snapshot(file)
        return path

    def make_snapshot(self, name=None):
        moment = time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime())
        file = f"full-snapshot-{moment}.snapshot" if name is None else f"{name}-{self.peer}-{moment}.snapshot"
        directory = self._snapshots_of(name)
        os.makedirs(directory, exist_ok=True)
        staged = os.path.join(self.temporary, str(uuid.uuid4()))
        if name is None:
            checksum = snapshot.write_full(staged, self.collections, self.peer)
        else:
            checksum = snapshot.write(staged, self.collections[name], self.peer)
        with open(os.path.join(directory, f"{file}.checksum"), "w", encoding="utf-8") as beside:
            beside.write(checksum)
        os.replace(staged, os.path.join(directory, file))
        return _describe(directory, file)

    def delete_snapshot(self, file, name=None):
        path = self.snapshot_path(file, name)
        os.unlink(path)
        os.unlink(f"{path}.checksum")

    def restore(self, name, path, checksum):
        """All of it is read and checked before anything changes."""
        actual = snapshot.sha256(path)
        if checksum is not None and checksum != actual:
            raise Refusal(400, f"Checksum mismatch: expected {actual}, actual {checksum}")
        target = f"/qdrant/storage/tmp/col-{name}-recovery-{uuid.uuid4().hex[:6]}"
        config, indexes, points = snapshot.read(path, target)
        operation = max((point["version"] for point in points), default=0)
        existing = self.collections.get(name)
        if existing is None:
            return self.create(name, config, indexes=indexes, points=points, operation=operation)
        mine, theirs = existing.config["params"]["vectors"], config["params"]["vectors"]
        if mine != theirs:
            raise wrong_input(
                "Snapshot is not compatible with existing collection: "
                f"Collection vectors: {configs.describe(mine)} Snapshot Vectors: {configs.describe(theirs)}"
            )
        existing.close()
        retired = f"{existing.directory}.old"
        os.rename(existing.directory, retired)
        self.collections[name] = Collection.create(
            existing.directory, existing.config, indexes=indexes, points=points, operation=operation
        )
        shutil.rmtree(retired)

    def _directory(self, name):
        return os.path.join(self.collections_directory, urllib.parse.quote(name, safe="").replace(".", "%2E"))

    def _snapshots_of(self, name):
        if name is None:
            return self.snapshots_directory
        return os.path.join(self.snapshots_directory, urllib.parse.quote(name, safe="").replace(".", "%2E"))


def _describe(directory, file):
    path = os.path.join(directory, file)
    created = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(os.path.getmtime(path)))
    with open(f"{path}.checksum", encoding="utf-8") as beside:
        return {"name": file, "creation_time": created, "size": os.path.getsize(path), "checksum": beside.read()}


def _kept(path, default):
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            return parse(file.read())
    value = default()
    _write(path, value)
    return value


def _write(path, value):
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(render(value))
    os.replace(f"{path}.new", path)
