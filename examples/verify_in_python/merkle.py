"""The Merkle tree of RFC 6962, section 2.1, grown leaf by leaf."""

import hashlib


class Tree:
    def __init__(self):
        self.size = 0
        self._peaks = []  # roots of the perfect trees that the leaves fall into, the largest first

    def append(self, data):
        node = hashlib.sha256(b"\x00" + data).digest()
        left = self.size
        while left % 2 == 1:
            node = hashlib.sha256(b"\x01" + self._peaks.pop() + node).digest()
            left //= 2
        self._peaks.append(node)
        self.size += 1

    def root(self):
        """In hex. Of no leaves it is the SHA-256 of nothing."""
        if not self._peaks:
            return hashlib.sha256(b"").hexdigest()
        *others, root = self._peaks
        for peak in reversed(others):
            root = hashlib.sha256(b"\x01" + peak + root).digest()
        return root.hex()
