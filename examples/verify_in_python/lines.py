"""The lines of a file, and what can be wrong with them before anybody reads what they say."""

import hashlib

MAX_LINE_BYTES = 16 * 1024 * 1024


class Fault(Exception):
    """Something that is wrong: the fault's name in docs/AUDIT.md, and what it means here."""

    def __init__(self, name, why):
        super().__init__(why)
        self.name = name


class Measured:
    """A binary stream, whose length and SHA-256 are taken as it is read."""

    def __init__(self, stream):
        self._stream = stream
        self._hash = hashlib.sha256()
        self.bytes = 0

    def readline(self, limit):
        line = self._stream.readline(limit)
        self._hash.update(line)
        self.bytes += len(line)
        return line

    def sha256(self):
        return self._hash.hexdigest()

    def close(self):
        self._stream.close()


def read_lines(stream, on_fault, on_end=lambda: None):
    """Yields number and bytes of each line, without its LF, never more than one of them in memory.

    What can't be a line is left out, and told: on_fault(number, fault). on_end is called at the end of the file.
    """
    number = 0
    while True:
        number += 1
        line = stream.readline(MAX_LINE_BYTES + 1)
        if not line.endswith(b"\n") and len(line) > MAX_LINE_BYTES:
            on_fault(number, Fault("too_long", "longer than 16 MiB"))
            if not _skip_line(stream):
                on_end()
                return
        elif not line.endswith(b"\n"):
            on_end()
            if line:
                on_fault(number, Fault("no_newline", "no newline at its end"))
            return
        elif not _is_utf8(line):
            on_fault(number, Fault("not_utf8", "bytes that are not UTF-8"))
        else:
            yield number, line[:-1]


def _skip_line(stream):
    """Whether the line that is being read has an end."""
    while True:
        part = stream.readline(MAX_LINE_BYTES)
        if part.endswith(b"\n"):
            return True
        if part == b"":
            return False


def _is_utf8(line):
    try:
        line.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False
