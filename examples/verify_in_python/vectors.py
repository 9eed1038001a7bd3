#!/usr/bin/env python3
"""Checks this verifier against the vectors of test/vectors: logs, bundles, the canonical form, hashes and signatures.

    python3 vectors.py FOLDER
"""

import hashlib
import json
import os
import pathlib
import shutil
import sys
import tempfile

import ed25519
from bundle import verify_bundle
from canonical import canonical, is_canonical, parse
from checkpoints import read_kept
from findings import VERDICTS
from signatures import WITNESS, Key
from verify import verify

# RFC 8032, section 7.1: public key, message, signature.
ED25519_VECTORS = (
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf", hashlib.sha512(b"abc").hexdigest(),
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"),
)  # fmt: skip


def check_logs(folder):
    for vector in json.loads((folder / "vectors.json").read_text("utf-8")):
        with open(folder / vector["file"], "rb") as stream:
            found = verify(stream)
        # `why` is for people, and everyone's own.
        wrong = {key: found.get(key) for key in vector if key not in ("file", "why") and found.get(key) != vector[key]}
        yield vector["file"], wrong


def check_bundles(folder):
    for vector in json.loads((folder / "bundles.json").read_text("utf-8")):
        with tempfile.TemporaryDirectory() as whole:
            assemble(folder, vector, whole)
            keys = [Key(text) for text in vector["keys"]]
            witnesses = [Key(text, WITNESS) for text in vector["witnesses"]]
            kept = read_kept(str(folder / vector["checkpoint"])) if vector["checkpoint"] else []
            result = verify_bundle(whole, keys, kept, witnesses)
        found = {
            "ok": result["ok"],
            "verdicts": {name: result[name]["status"] for name in VERDICTS},
            "findings": [finding_row(finding, folder) for name in VERDICTS for finding in result[name]["findings"]],
        }
        wrong = {key: value for key, value in found.items() if not same(value, vector[key])}
        yield vector["bundle"], wrong


def assemble(folder, vector, whole):
    """A bundle is its own files, over those of its base."""
    if vector["base"]:
        shutil.copytree(folder / vector["base"], whole, dirs_exist_ok=True)
    for name in vector["without"]:
        os.remove(os.path.join(whole, name))
    if (folder / vector["bundle"]).is_dir():
        shutil.copytree(folder / vector["bundle"], whole, dirs_exist_ok=True)


def finding_row(finding, folder):
    row = {name: value for name, value in finding.items() if name != "why"}
    if "outside" in row:
        row["file"] = pathlib.Path(row["file"]).relative_to(folder).as_posix()
    return row


def same(found, expected):
    """In which order findings were met is everyone's own."""
    if type(found) is not list:
        return found == expected
    return sorted(map(json.dumps, map(sorted_row, found))) == sorted(map(json.dumps, map(sorted_row, expected)))


def sorted_row(row):
    return sorted(row.items())


def check_canonical(folder):
    vectors = json.loads((folder / "canonical.json").read_text("utf-8"))
    for vector in vectors["canonical"]:
        text = canonical(parse(vector["input"]))
        is_right = text == vector["canonical"] and hashlib.sha256(text.encode("utf-8")).hexdigest() == vector["sha256"]
        yield vector["name"], {} if is_right else {"canonical": text}
    for vector in vectors["texts"]:
        found = is_canonical(parse(vector["text"]), vector["text"].encode("utf-8"))
        yield vector["text"], {} if found == vector["canonical"] else {"canonical": found}


def check_ed25519():
    for key, message, signature in (map(bytes.fromhex, vector) for vector in ED25519_VECTORS):
        is_right = ed25519.verify(key, message, signature)
        others = [(key, message + b"\0", signature), *((key, message, flip(signature, at)) for at in (0, 31, 32, 63))]
        is_fooled = any(ed25519.verify(*other) for other in others) or ed25519.verify(flip(key, 5), message, signature)
        yield f"RFC 8032, key {key.hex()[:8]}", {} if is_right and not is_fooled else {"right": is_right, "fooled": is_fooled}


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[1])
    results = [*check_logs(folder), *check_bundles(folder), *check_canonical(folder), *check_ed25519()]
    for name, wrong in results:
        if wrong:
            print(f"{name}: found {json.dumps(wrong)}")
    failed = sum(1 for _, wrong in results if wrong)
    print(f"{len(results)} vectors, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
