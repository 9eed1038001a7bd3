"""A bundle's folder and its manifest: which files there are, and whether they are those that were exported."""

import hashlib
import os
import re

from canonical import MAX_SAFE, canonical, parse
from forms import count, hex64, list_of, members, only_true, or_null, text, time
from lines import Fault, Measured, read_lines

NAME = "manifest.json"
TREE_FILES = ("checkpoints.jsonl", "entries.jsonl", "keys.txt")
CONTRACT = re.compile(r"contracts/([0-9a-f]{64})\.json")
MAX_MANIFEST_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64

FORM = members(
    v=count, format=text, created=time, aegrail_version=text, origin=or_null(text),
    query=members(session=[text], below=[only_true], since=[time], until=[time], agent=[text], user=[text]),
    files=list_of(members(name=text, bytes=count, sha256=hex64)),
    sessions=count, records=count, entries=count, checkpoints=count, hash=hex64,
)  # fmt: skip


class Bundle:
    """A folder, opened. `manifest` is None when there is none that can be gone by."""

    def __init__(self, root, findings):
        self._root = root
        self._findings = findings
        self._listed = dict(list_folder(root))
        self.manifest = self._read_manifest()
        self.files = {file["name"]: file for file in self.manifest["files"]} if self.manifest else {}
        if self.manifest:
            self._compare_listing()

    def lines(self, name, on_fault=None):
        """Number and bytes of a file's lines: none when it is not there. on_fault(number, fault) is told of what is no line."""
        stream = self._open(name)
        if stream is None:
            return

        def tell(number, fault):
            self._findings.found(fault, file=name, line=number)

        try:
            yield from read_lines(stream, on_fault or tell, lambda: self._compare(name, stream))
        finally:
            stream.close()

    def whole(self, name, most_bytes):
        """A small file as a whole. None when it is not there, or larger."""
        stream = self._open(name) if self._listed.get(name) is not None and self._listed[name] <= most_bytes else None
        if stream is None:
            return None
        data = b"".join(iter(lambda: stream.readline(1 << 20), b""))
        stream.close()
        self._compare(name, stream)
        return data

    def _open(self, name):
        if name not in self.files or self._listed.get(name) is None:
            return None
        return Measured(open(os.path.join(self._root, name), "rb"))

    def _read_manifest(self):
        if NAME not in self._listed:
            return self._refuse("no_manifest", "it is not there: a bundle is a folder that has one")
        size = self._listed[NAME]
        if size is None:
            return self._refuse("not_a_file", "it is no file")
        if size > MAX_MANIFEST_BYTES:
            return self._refuse("bad_manifest", "it is too large")
        with open(os.path.join(self._root, NAME), "rb") as stream:
            data = stream.read()
        try:
            manifest = read_json(data)
        except ValueError as error:
            return self._refuse("bad_manifest", str(error))
        why = form_problem(manifest)
        if why:
            return self._refuse("bad_manifest", why)
        why = whole_problem(manifest, data)
        if why:
            self._refuse("bad_manifest", why)
        return manifest

    def _refuse(self, fault, why):
        self._findings.found(Fault(fault, why), file=NAME, line=1)

    def _compare_listing(self):
        for name, size in self._listed.items():
            if name == NAME:
                continue
            if size is None:
                self._findings.found(Fault("not_a_file", "a link, a folder or a pipe: it is not read"), file=name[:200])
            elif name not in self.files:
                self._findings.found(Fault("extra_file", "the manifest does not name it"), file=name[:200])
        for name in self.files:
            if name not in self._listed:
                self._findings.found(Fault("missing_file", "the manifest names it, and it is not there"), file=name)

    def _compare(self, name, stream):
        file = self.files[name]
        if (stream.bytes, stream.sha256()) != (file["bytes"], file["sha256"]):
            self._findings.found(Fault("file_mismatch", "it is not the file that the manifest says"), file=name)


def list_folder(root, below=""):
    """What lies in a bundle's folder: (name, bytes), None in the place of bytes for what is no file."""
    with os.scandir(os.path.join(root, below)) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = below + entry.name
        if entry.is_dir(follow_symlinks=False) and name == "contracts":
            yield from list_folder(root, "contracts/")
        elif entry.is_file(follow_symlinks=False):
            yield name, entry.stat(follow_symlinks=False).st_size
        else:
            yield name, None


def read_json(data):
    """A document of JSON that every reader sees alike. ValueError when it is none."""
    try:
        value = parse(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    canonical(value, MAX_DEPTH).encode("utf-8")
    _refuse_ambiguous(value)
    return value


def _refuse_ambiguous(value):
    """Whole numbers beyond 2^53-1, which readers round, and the name `__proto__`, which some lose."""
    if type(value) is float and value.is_integer() and abs(value) > MAX_SAFE:
        raise ValueError("a whole number beyond 2^53-1")
    if type(value) is list:
        for item in value:
            _refuse_ambiguous(item)
    if type(value) is dict:
        if "__proto__" in value:
            raise ValueError("a name that is not allowed")
        for item in value.values():
            _refuse_ambiguous(item)


def form_problem(manifest):
    """Why nothing can be gone by in a manifest, or None."""
    if not FORM(manifest) or manifest["format"] != "aegrail-bundle" or manifest["v"] != 1:
        return "not the members of a manifest of version 1"
    if "below" in manifest["query"] and "session" not in manifest["query"]:
        return "it asks for sessions below one, and does not name it"
    names = [file["name"] for file in manifest["files"]]
    if not all(name == "records.jsonl" or name in TREE_FILES or CONTRACT.fullmatch(name) for name in names):
        return "it names a file that a bundle has not"
    if names != sorted(set(names)):
        return "a file is named twice, or they are not sorted"
    has_tree = manifest["origin"] is not None
    if "records.jsonl" not in names or any((name in names) != has_tree for name in TREE_FILES):
        return "it names not the files that a bundle must have"
    return None


def whole_problem(manifest, data):
    """What is wrong with a manifest that can be gone by, or None."""
    if canonical(manifest).encode("utf-8") + b"\n" != data:
        return "not in canonical form with one LF at its end"
    unhashed = {name: value for name, value in manifest.items() if name != "hash"}
    if hashlib.sha256(canonical(unhashed).encode("utf-8")).hexdigest() != manifest["hash"]:
        return "its hash is not that of the manifest"
    return None
