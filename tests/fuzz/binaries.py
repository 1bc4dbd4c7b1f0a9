"""Mutations of bytes: cuts, flips, insertions, repetitions."""

from random import Random


def mutated(content: bytes, random: Random) -> tuple[bytes, str]:
    """Other bytes, and in words what was done to them."""
    size = len(content)
    place = random.randrange(size + 1)
    length = min(random.choice((1, 2, 4, 16, 256, 4096)), size - place)
    what = random.choice(("cut", "flip", "zero", "insert", "remove", "repeat", "replace", "empty"))
    if what == "cut":
        return content[:place], f"cut after {place} of {size} bytes"
    if what == "flip":
        changed = bytearray(content)
        places = [random.randrange(size) for _ in range(random.choice((1, 1, 8, 64)))] if size else []
        for one in places:
            changed[one] ^= 1 << random.randrange(8)
        return bytes(changed), f"bits flipped in the bytes {places[:5]} of {size}"
    if what == "zero":
        return content[:place] + bytes(length) + content[place + length :], f"{length} bytes from {place} on zeroed"
    if what == "insert":
        inserted = random.randbytes(random.choice((1, 3, 100)))
        return content[:place] + inserted + content[place:], f"{len(inserted)} bytes inserted at {place}"
    if what == "remove":
        return content[:place] + content[place + length :], f"{length} bytes removed at {place}"
    if what == "repeat":
        return content + content[place:], f"the bytes from {place} on repeated"
    if what == "replace":
        return random.randbytes(random.choice((1, 20, 1000))), "random bytes"
    return b"", "empty"
