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
