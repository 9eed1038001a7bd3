#!/usr/bin/env python3
"""Checks this verifier against the vectors of test/vectors: every log, the canonical form, the hashes.

    python3 vectors.py FOLDER
"""

import hashlib
import json
import pathlib
import sys

from canonical import canonical, parse
from verify import is_canonical, verify


def check_logs(folder):
    for vector in json.loads((folder / "vectors.json").read_text("utf-8")):
        with open(folder / vector["file"], "rb") as stream:
            found = verify(stream)
        # `why` is for people, and everyone's own.
        wrong = {key: found.get(key) for key in vector if key not in ("file", "why") and found.get(key) != vector[key]}
        yield vector["file"], wrong


def check_canonical(folder):
    vectors = json.loads((folder / "canonical.json").read_text("utf-8"))
    for vector in vectors["canonical"]:
        text = canonical(parse(vector["input"]))
        is_right = text == vector["canonical"] and hashlib.sha256(text.encode("utf-8")).hexdigest() == vector["sha256"]
        yield vector["name"], {} if is_right else {"canonical": text}
    for vector in vectors["texts"]:
        found = is_canonical(parse(vector["text"]), vector["text"].encode("utf-8"))
        yield vector["text"], {} if found == vector["canonical"] else {"canonical": found}


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[1])
    results = [*check_logs(folder), *check_canonical(folder)]
    for name, wrong in results:
        if wrong:
            print(f"{name}: found {json.dumps(wrong)}")
    failed = sum(1 for _, wrong in results if wrong)
    print(f"{len(results)} vectors, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
