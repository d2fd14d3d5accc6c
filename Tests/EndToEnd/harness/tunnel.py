"""A client whose TCP runs in this process, over a tun device: the test says what it acknowledges, and when.

A kernel's TCP acknowledges what arrives by itself; a network that loses the last acknowledgements, or a host that fails
between two segments, can only be played by a TCP of one's own.
"""

import contextlib
import ctypes
import fcntl
import os
import random
import select
import socket
import struct
import time

# Of documentation (RFC 5737), in a namespace that has no other network.
HERE, PEER, MASK = "192.0.2.1", "192.0.2.2", "255.255.255.252"
PEER_PORT = 40_000

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x1, 0x1000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
SIOCSIFADDR, SIOCSIFNETMASK = 0x8916, 0x891C

# Of a connection, as /proc/net/tcp writes it (include/net/tcp_states.h).
FIN_WAIT1 = "04"

FIN, SYN, RST, PSH, ACK = 0x1, 0x2, 0x4, 0x8, 0x10


class NoTunnel(Exception):
    """No tun device can be made here; says why."""


@contextlib.contextmanager
def tunnel():
    """A tun device with `HERE` on this side; gives its descriptor, whose packets are those of the network of `PEER`.

    While it is open the calling thread, and each process that it starts, is in a network namespace of its own with
    loopback and the device: whatever addresses the machine's own network has, nothing of it is touched.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if libc.unshare(CLONE_NEWNET) != 0:
        os.close(before)
        raise NoTunnel(f"unshare: {os.strerror(ctypes.get_errno())}")
    device = None
    try:
        try:
            _bring_up(b"lo")
            device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            answer = fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"kstun%d", IFF_TUN | IFF_NO_PI))
            name = answer[:16].rstrip(b"\0")
            _configure(SIOCSIFADDR, name, HERE)
            _configure(SIOCSIFNETMASK, name, MASK)
            _bring_up(name)
        except OSError as error:
            raise NoTunnel(str(error)) from error
        yield device
    finally:
        if device is not None:
            os.close(device)
        if libc.setns(before, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(before)


def _configure(request, name, address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        packed = struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(sock, request, packed)


def _bring_up(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sH22x", name, 0))
        flags = struct.unpack("16sH22x", answer)[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH22x", name, flags | IFF_UP))


class TunnelConnection:
    """One connection from `PEER` to a port of `HERE`. Takes what comes in order, and answers only while it is read.

    `received` is all that has arrived. With `acknowledges` off nothing of what still arrives is acknowledged, with
    `acknowledges_end` off everything but the server's FIN. The server's kernel sends one segment more, and while that is
    not acknowledged no other.
    """

    def __init__(self, device, port):
        self.device, self.port = device, port
        self.received = bytearray()
        self.has_ended = False
        self.was_reset = False
        self.acknowledges = self.acknowledges_end = True
        self._acknowledged = 0  # of what the server sent behind its SYN, its FIN counted as one
        self._first = None  # the number of the server's first byte
        self._next = random.randrange(2**32)
        self._send(SYN)
        self._next += 1
        self._read_until(lambda: self._first is not None, "the handshake")
        self.acknowledge()

    def send(self, data):
        self._send(ACK | PSH, data)
        self._next += len(data)

    def read_until(self, text):
        """Until `text` is part of what has arrived."""
        self._read_until(lambda: text in self.received, f"{text!r} in {bytes(self.received)!r}")

    def read_to_end(self):
        """Until the server's FIN is there."""
        self._read_until(lambda: self.has_ended, f"the end behind {bytes(self.received)!r}")

    def acknowledge(self):
        """All that has arrived."""
        self._acknowledged = len(self.received) + (1 if self.has_ended and self.acknowledges_end else 0)
        self._send(ACK)

    def finish(self):
        """A FIN, which acknowledges what was acknowledged before and nothing else."""
        self._send(FIN | ACK)
        self._next += 1

    def reset(self):
        self._send(RST)

    def server_state(self):
        """The server's end of the connection, as its kernel has it; None where that has forgotten it."""
        ends = [f"{int.from_bytes(socket.inet_aton(host), 'little'):08X}:{port:04X}"
                for host, port in ((HERE, self.port), (PEER, PEER_PORT))]
        with open("/proc/thread-self/net/tcp") as table:
            rows = [line.split() for line in table]
        return next((row[3] for row in rows if row[1:3] == ends), None)

    def _read_until(self, holds, why, within=20.0):
        deadline = time.monotonic() + within
        while not holds():
            left = deadline - time.monotonic()
            assert left > 0 and not self.was_reset, f"reset {self.was_reset}, not within {within} s: {why}"
            if select.select([self.device], [], [], left)[0]:
                self._take(os.read(self.device, 65536))

    def _take(self, packet):
        if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
            return  # the kernel looks for IPv6 routers on a new device
        segment = packet[(packet[0] & 15) * 4:struct.unpack_from("!H", packet, 2)[0]]
        source, target, number = struct.unpack_from("!HHI", segment)
        flags, data = segment[13], segment[(segment[12] >> 4) * 4:]
        if (source, target) != (self.port, PEER_PORT):
            return
        if flags & RST:
            self.was_reset = True
        elif flags & SYN:
            self._first = (number + 1) % 2**32
        else:
            self._take_data((number - self._first) % 2**32, data, flags & FIN)

    def _take_data(self, offset, data, is_last):
        have = len(self.received)
        if offset > have:
            return  # comes again
        self.received += data[have - offset:]
        if is_last and offset + len(data) == len(self.received):
            self.has_ended = True
        if self.acknowledges and (data or is_last):
            self.acknowledge()

    def _send(self, flags, data=b""):
        acknowledged = (self._first + self._acknowledged) % 2**32 if self._first is not None and flags & ACK else 0
        addresses = socket.inet_aton(PEER) + socket.inet_aton(HERE)
        header = struct.pack(
            "!HHIIBBHHH", PEER_PORT, self.port, self._next % 2**32, acknowledged, 5 << 4, flags, 65535, 0, 0)
        pseudo = addresses + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(header) + len(data))
        segment = header[:16] + struct.pack("!H", _checksum(pseudo + header + data)) + header[18:] + data
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, socket.IPPROTO_TCP, 0) + addresses
        os.write(self.device, ip[:10] + struct.pack("!H", _checksum(ip)) + ip[12:] + segment)


def _checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
