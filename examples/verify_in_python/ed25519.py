"""Ed25519 signatures (RFC 8032), checked in plain Python: slow, a few milliseconds each, and of public things only."""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493  # the order of the base point
D = -121665 * pow(121666, P - 2, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)


def verify(public_key, message, signature):
    """Whether these 64 bytes are a signature of the message by the key of 32 bytes."""
    key = _decode(public_key)
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or key is None or s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(digest, "little") % L
    # R = s B - k A, compared as it is encoded.
    return _encode(_double_multiple(s, BASE, k, _negative(key))) == signature[:32]


# Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x y = T/Z: extended coordinates, section 5.1.4.


def _add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _double_multiple(s, p, k, q):
    """s p + k q, bit by bit."""
    both = _add(p, q)
    total = (0, 1, 1, 0)
    for bit in range(max(s.bit_length(), k.bit_length()) - 1, -1, -1):
        total = _add(total, total)
        which = (s >> bit & 1, k >> bit & 1)
        if which != (0, 0):
            total = _add(total, both if which == (1, 1) else p if which == (1, 0) else q)
    return total


def _negative(p):
    return P - p[0], p[1], p[2], P - p[3]


def _encode(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decode(data):
    """The point of 32 bytes, or None: section 5.1.3."""
    if len(data) != 32:
        return None
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * SQRT_MINUS_1 % P
    if x * x % P != square or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = _decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
