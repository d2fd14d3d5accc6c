"""A TCP proxy whose connections a test can cut, as a network does; it notes the heads of the requests that pass."""

import socket
import struct
import threading


class CuttingProxy:
    """`target` may change: connections that come later go there."""

    def __init__(self, port):
        self.target = port
        self.heads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._open = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:  # nobody is there for a while
                client.close()
                continue
            with self._lock:
                # Taken while the proxy went down: of those that `cut` cuts, this one would be missing.
                if listener is not self.listener:
                    self._reset(client, server)
                    return
                self._open.append((client, server))
            threading.Thread(target=self._carry, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(server, client, False), daemon=True).start()

    def _carry(self, source, target, is_request):
        try:
            while part := source.recv(65536):
                if is_request:
                    self.heads.append(part.decode(errors="replace"))
                target.sendall(part)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        """Resets every connection, in both directions."""
        with self._lock:
            pairs, self._open = self._open, []
        for pair in pairs:
            self._reset(*pair)

    @staticmethod
    def _reset(*socks):
        for sock in socks:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Wakes the thread that waits in it, and then resets.
            try:
                sock.shutdown(socket.SHUT_RD)
            except OSError:
                pass
            sock.close()

    def go_down(self):
        """Resets every connection, and refuses new ones until `come_back`."""
        self._stop_listening()
        self.cut()

    def _stop_listening(self):
        with self._lock:
            listener, self.listener = self.listener, None
        if listener is None:
            return
        # Wakes the thread that waits in it; without that the port stays open.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()

    def come_back(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def close(self):
        self._stop_listening()
        self.cut()
