"""LZ-UTF8, read: written from the description of lzutf8's format, apart from what is tested."""


def decompress(data):
    text = bytearray()
    at = 0
    while at < len(data):
        lead = data[at]
        if lead < 0xC0 or data[at + 1] >= 0x80:
            text.append(lead)
            at += 1
            continue
        size = 2 if lead < 0xE0 else 3
        distance = int.from_bytes(data[at + 1:at + size], "big")
        for _ in range(lead & 0x1F):
            text.append(text[-distance])
        at += size
    return bytes(text)


def compress(data):
    """Of ASCII: what stands in the 127 bytes before is pointed to."""
    out = bytearray()
    at = 0
    while at < len(data):
        matches = ((length(data, at, distance), distance) for distance in range(1, min(at, 127) + 1))
        size, distance = max(matches, default=(0, 0))
        if size >= 4:
            out += bytes([0xC0 | size, distance])
        else:
            size = 1
            out.append(data[at])
        at += size
    return bytes(out)


def length(data, at, distance):
    """How many bytes, 31 at most, are there that stand so far before too."""
    size = 0
    while size < 31 and at + size < len(data) and data[at + size] == data[at + size - distance]:
        size += 1
    return size
