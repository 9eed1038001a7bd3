"""The entries of a log of logs, and which of its keys is active where."""

from canonical import canonical, is_canonical, parse
from forms import count, flag, hex64, list_of, members, time
from lines import Fault
from signatures import ORIGIN, Key, from_base64, utf16_length

MAX_TEXT = 2_000


def text(value):
    return type(value) is str and 0 < utf16_length(value) <= MAX_TEXT


def string(value):
    return type(value) is str


def exactly(value):
    return lambda other: type(other) is type(value) and other == value


def _signed(number, kind, **forms):
    signature = members(key=string, signature=string)
    signatures = list_of(signature)
    forms["signatures"] = lambda value: signatures(value) and len(value) == number
    return members(v=exactly(1), kind=exactly(kind), **forms)


KINDS = {
    "head": members(
        v=exactly(1), kind=exactly("head"), session_id=text, agent_identity=text, user_sha256=hex64, started=time,
        ts=time, seq=count, hash=hex64, ended=flag,
    ),
    "key_added": _signed(1, "key_added", at=time, key=text),
    "key_rotated": _signed(2, "key_rotated", at=time, **{"from": text, "to": text}),
    "key_revoked": _signed(1, "key_revoked", at=time, key=text, reason=text),
    "erasure": _signed(1, "erasure", at=time, session_id=text, reason=text, blobs=count, bytes=count),
}  # fmt: skip


def read_entry(line):
    """The entry that a line is. ValueError when it is none; nothing is said of its signatures."""
    try:
        entry = parse(line.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    kind = entry.get("kind") if type(entry) is dict else None
    if type(kind) is not str or kind not in KINDS or not KINDS[kind](entry) or not is_canonical(entry, line):
        raise ValueError("no entry: of no known kind, not of its form, or not canonical")
    return entry


def is_signed_by(entry, key):
    """Whether a key's signatures under an entry, one at least, are right."""
    unsigned = {name: value for name, value in entry.items() if name != "signatures"}
    message = ("aegrail-entry/v1\n" + canonical(unsigned)).encode("utf-8")
    found = [from_base64(item["signature"]) for item in entry["signatures"] if item["key"] == key.id]
    return bool(found) and all(data is not None and key.verifies(message, data) for data in found)


class KnownKey:
    """A key of a log, and its time: by position in the tree, never by a clock."""

    def __init__(self, key, index):
        self.key = key
        self.added = index  # the entry that made it the active one: it signs trees larger than this
        self.rotated = None  # the entry that made another the active one
        self.revoked = None  # the entry that revoked it


class KeyHistory:
    """Fed with all entries in order. What does not follow changes nothing, but counts."""

    def __init__(self):
        self.keys = []
        self.size = 0

    def take(self, entry):
        """Returns a Fault or None. An entry is None where a line is none."""
        fault = self._judge(entry) if entry else None
        self.size += 1
        return fault

    def check_note(self, note, size):
        """What is wrong with who signed a checkpoint of the first `size` entries."""
        active = next((known for known in reversed(self.keys) if known.added < size), None)
        signers = [known for known in self.keys if note.signatures_of(known.key)]
        if any(not note.is_signed_by(known.key) for known in signers):
            return Fault("bad_signature", "a signature of one of the log's keys is not one of this text")
        if active in signers:
            return None
        if not signers or signers[0].added >= size:
            return Fault("unknown_key", "it is signed by none of the keys that the log has there")
        return _past(signers[0], size)

    def _judge(self, entry):
        kind = entry["kind"]
        if kind == "key_added":
            return self._add(entry)
        if not self.keys:
            return Fault("bad_key_statement", "the log's first entry is not key_added")
        if kind == "key_rotated":
            return self._rotate(entry)
        if kind == "key_revoked":
            return self._revoke(entry)
        return self._check_signer(entry) if kind == "erasure" else None

    def _add(self, entry):
        key = _key_of(entry["key"])
        if self.keys or key is None:
            return Fault("bad_key_statement", "a second key_added, or one of no key")
        return _signed_by(entry, [key]) or self._activate(key)

    def _rotate(self, entry):
        now, key = self.keys[-1].key, _key_of(entry["to"])
        if entry["from"] != now.vkey or key is None or key.name != now.name:
            return Fault("bad_key_statement", "key_rotated is not from the active key to another one of its name")
        if any(known.key.id == key.id for known in self.keys):
            return Fault("bad_key_statement", "key_rotated goes back to an earlier key")
        return _signed_by(entry, [now, key]) or self._activate(key)

    def _revoke(self, entry):
        now = self.keys[-1].key
        found = next((known for known in self.keys if known.key.vkey == entry["key"]), None)
        if entry["key"] == now.vkey or found is None or found.revoked is not None:
            return Fault("bad_key_statement", "key_revoked is of the active key, of no key, or of one that is revoked")
        fault = _signed_by(entry, [now])
        if fault is None:
            found.revoked = self.size
        return fault

    def _check_signer(self, entry):
        """An erasure must be signed by the active key."""
        signer = entry["signatures"][0]["key"]
        found = next((known for known in self.keys if known.key.id == signer), None)
        if found is None:
            return Fault("unknown_key", "it is signed by a key that the log does not have")
        fault = _signed_by(entry, [found.key])
        return fault or (None if found is self.keys[-1] else _past(found, self.size))

    def _activate(self, key):
        if self.keys:
            self.keys[-1].rotated = self.size
        self.keys.append(KnownKey(key, self.size))


def _past(known, size):
    if known.revoked is not None and known.revoked < size:
        return Fault("revoked_key", f"{known.key.id} was revoked by the entry {known.revoked}")
    return Fault("expired_key", f"{known.key.id} was rotated away by the entry {known.rotated}")


def _signed_by(entry, keys):
    """An entry must have just the signatures of these keys, in their order."""
    if [item["key"] for item in entry["signatures"]] != [key.id for key in keys]:
        return Fault("bad_entry_signature", f"{entry['kind']} is not signed by just the keys that must sign it")
    if not all(is_signed_by(entry, key) for key in keys):
        return Fault("bad_entry_signature", f"a signature is not one of this {entry['kind']}")
    return None


def _key_of(vkey):
    try:
        key = Key(vkey)
    except ValueError:
        return None
    return key if ORIGIN.fullmatch(key.name) else None
