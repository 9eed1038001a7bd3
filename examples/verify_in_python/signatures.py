"""Keys and signed notes as C2SP signed-note has them, and who may have signed what with Ed25519."""

import base64
import binascii
import hashlib
import re

import ed25519

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None  # Then every signature is checked all the same, by ed25519.py.

LOG, WITNESS = 1, 4  # the types of a log's key and of a witness's
# No white space as Unicode has it, no plus.
NAME = r"[^+\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
ORIGIN = re.compile(r"[A-Za-z0-9._/-]{1,200}")
VKEY = re.compile(rf"({NAME})\+([0-9a-f]{{8}})\+(.*)", re.DOTALL)
SIGNATURE_LINE = re.compile(rf"\u2014 ({NAME}) ([^ ]+)")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
MAX_NOTE_UNITS = 1_000_000
MAX_SIGNATURES = 100


def verify_ed25519(public_key, message, signature):
    """Whether a signature is right. By `cryptography` where it is installed, for that is much faster."""
    if Ed25519PublicKey is None:
        return ed25519.verify(public_key, message, signature)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


def from_base64(text):
    """The bytes of a text that is base64 in its one form; None for any other."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


class Key:
    """A public key with the name it goes by. ValueError when the text is not one of the wanted type."""

    def __init__(self, vkey, wanted=LOG):
        found = VKEY.fullmatch(vkey)
        data = found and from_base64(found[3])
        if not data or len(data) != 33 or data[0] != wanted:
            raise ValueError("no verifier key: it must be name+hash+base64 of an Ed25519 key")
        self.name, self.hash = found[1], found[2]
        self.id = f"{self.name}+{self.hash}"
        self.vkey = vkey
        self._public_key = data[1:]
        if hashlib.sha256(utf8(f"{self.name}\n") + data).hexdigest()[:8] != self.hash:
            raise ValueError("the hash of the verifier key is not that of its name and key")

    def verifies(self, message, signature):
        return verify_ed25519(self._public_key, message, signature)


class Note:
    """A text, with its last LF, and the signature lines under it: (name, key hash, signature) each. ValueError when it is none."""

    def __init__(self, note):
        text, separator, lines = note.rpartition("\n\n")
        signed = lines[:-1].split("\n")
        if utf16_length(note) > MAX_NOTE_UNITS or CONTROL.search(note) or not separator or not lines.endswith("\n"):
            raise ValueError("no signed note: a text, an empty line, and signature lines that end with LF")
        if len(signed) > MAX_SIGNATURES:
            raise ValueError("too many signatures")
        self.text = text + "\n"
        self.data = self.text.encode("utf-8")  # ValueError for a lone surrogate
        self.signatures = [read_signature(line) for line in signed]

    def signatures_of(self, key):
        return [signature for name, key_hash, signature in self.signatures if (name, key_hash) == (key.name, key.hash)]

    def is_signed_by(self, key):
        """Whether it has signatures of a key, and each of them is right."""
        found = self.signatures_of(key)
        return bool(found) and all(key.verifies(self.data, signature) for signature in found)

    def cosigned_at(self, witness):
        """When a witness cosigned it (C2SP tlog-cosignature), in unix seconds; None unless each of its lines is right."""
        times = [cosignature_time(self.text, signature, witness) for signature in self.signatures_of(witness)]
        return None if not times or None in times else times[-1]


def read_signature(line):
    found = SIGNATURE_LINE.fullmatch(line)
    data = found and from_base64(found[2])
    if not data or len(data) <= 4:
        raise ValueError("no signature line: an em dash, a name, and base64 of the key's hash and a signature")
    return found[1], data[:4].hex(), data[4:]


def cosignature_time(text, signature, witness):
    seconds = int.from_bytes(signature[:8], "big")
    if len(signature) <= 8 or not 0 < seconds < 2**53:
        return None
    message = f"cosignature/v1\ntime {seconds}\n{text}".encode("utf-8")
    return seconds if witness.verifies(message, signature[8:]) else None


def utf8(text):
    """UTF-8 of any text. A lone surrogate is U+FFFD, as it is in most languages."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode("utf-8")


def utf16_length(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
