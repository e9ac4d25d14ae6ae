"""Hostile peers at the federation port of a real node: each is refused with a typed error or a
close code, costs bounded memory, and the node goes on answering others meanwhile."""
import base64
import json
import os
import socket
import struct
import time
import unittest

from pando import PATIENCE, World
from test_delta import about, with_space

ROOM_MIB = 48  # RssAnon that all of a test's nonsense may add; messages are at most 8 MiB


class WebSocket:
    """A client that sends whatever it is told to, byte for byte."""

    def __init__(self, node):
        self.s = socket.create_connection(("127.0.0.1", node.port), timeout=20 * PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        self.s.sendall((f"GET /federation HTTP/1.1\r\nHost: localhost:{node.port}\r\nUpgrade: websocket\r\n"
                        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.s.recv(4096)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101"), head

    def frame(self, opcode, payload, fin=True, masked=True):
        head = bytes([(0x80 if fin else 0) | opcode])
        bit = 0x80 if masked else 0
        if len(payload) < 126:
            head += bytes([bit | len(payload)])
        elif len(payload) < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
        return head + (b"\0\0\0\0" if masked else b"") + payload

    def send(self, data):
        """False: the node has closed."""
        try:
            self.s.sendall(data)
            return True
        except OSError:
            return False

    def say(self, **message):
        return self.send(self.frame(1, json.dumps({"timestamp": 1, **message}).encode()))

    def hello(self):
        self.say(type="hello", systemId="hostile", protocol="rhizomedb-federation-v1",
                 config={"mode": "bidirectional", "initialSync": "none"})
        return self.until(lambda m: m.get("type") == "hello_ack")

    def _need(self, n):
        while len(self.buffer) < n:
            more = self.s.recv(65536)
            if not more:
                raise EOFError
            self.buffer += more

    def next(self):
        """(opcode, payload); (None, None) when the connection has ended."""
        try:
            self._need(2)
            n, at = self.buffer[1] & 127, 2
            if n == 126:
                self._need(4)
                n, at = struct.unpack(">H", self.buffer[2:4])[0], 4
            elif n == 127:
                self._need(10)
                n, at = struct.unpack(">Q", self.buffer[2:10])[0], 10
            self._need(at + n)
        except (EOFError, ConnectionError):
            return None, None
        opcode, payload = self.buffer[0] & 15, self.buffer[at:at + n]
        self.buffer = self.buffer[at + n:]
        return opcode, payload

    def until(self, wanted):
        """The message that is wanted; an AssertionError when the connection ends before."""
        while True:
            opcode, payload = self.next()
            if opcode == 1 and wanted(json.loads(payload)):
                return json.loads(payload)
            if opcode in (None, 8):
                raise AssertionError(f"closed: {payload}")

    def closed(self):
        """(the code with which the node closes, the errors that it said before)."""
        errors = []
        while True:
            opcode, payload = self.next()
            if opcode == 1 and json.loads(payload).get("type") == "error":
                errors.append(json.loads(payload)["code"])
            if opcode == 8:
                return struct.unpack(">H", payload[:2])[0], errors
            if opcode is None:
                return None, errors


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World().__enter__()
        cls.node = with_space(cls.world.node("server"), systemId="server")

    @classmethod
    def tearDownClass(cls):
        cls.world.__exit__(None, None, None)

    def setUp(self):
        self.sockets = []
        self.before = self.anon()
        self.count = self.node.ask("delta.stats")["totalDeltas"]

    def connect(self):
        self.sockets.append(WebSocket(self.node))
        return self.sockets[-1]

    def tearDown(self):
        """The node answers, takes an honest delta, and did not grow."""
        self.node.ask("delta.create", **about("o", "n", 1))
        self.assertEqual(self.node.ask("delta.stats")["totalDeltas"], self.count + 1)
        self.assertLess(self.anon() - self.before, ROOM_MIB << 10)
        for w in self.sockets:
            w.s.close()

    def anon(self):
        with open(f"/proc/{self.node.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

    def test_a_delta_before_hello_is_an_error(self):
        w = self.connect()
        w.say(type="delta", delta={})
        self.assertIn(w.next()[0], (1, 8))

    def test_another_protocol_is_refused(self):
        w = self.connect()
        w.say(type="hello", systemId="x", protocol="rhizomedb-federation-v9", config={})
        code, errors = w.closed()
        self.assertEqual((code, errors), (1002, ["PROTOCOL_MISMATCH"]))

    def test_a_message_in_one_byte_pieces_is_read(self):
        w = self.connect()
        w.hello()
        delta = about("o", "n", 2, id=f"pieces-{time.time_ns()}", timestamp=1700000000000, author="a", system="s")
        text = json.dumps({"type": "delta", "timestamp": 1, "delta": delta}).encode()
        for i in range(len(text)):
            w.send(w.frame(1 if i == 0 else 0, text[i:i + 1], fin=i + 1 == len(text)))
        self.assertEqual(w.until(lambda m: m.get("type") in ("delta_ack", "delta_nack", "error"))["type"], "delta_ack")
        self.count += 1

    def test_json_of_a_hundred_thousand_levels_is_an_error_and_in_the_end_closes(self):
        w = self.connect()
        w.hello()
        for _ in range(20):
            if not w.send(w.frame(1, b"[" * 100000)):
                break
        code, errors = w.closed()
        self.assertEqual(code, 1007)
        self.assertGreaterEqual(errors.count("MESSAGE_ERROR"), 15)

    def test_a_flood_of_pings_is_closed(self):
        w = self.connect()
        w.hello()
        ping = w.frame(9, b"") * 200
        for _ in range(500):
            if not w.send(ping):
                break
        self.assertIn(w.closed()[0], (1008, None))

    def test_an_oversize_message_is_refused_at_its_head(self):
        for size in (9 << 20, 1 << 40):
            w = self.connect()
            w.hello()
            w.send(bytes([0x81, 0xff]) + struct.pack(">Q", size) + b"\0\0\0\0" + b"[[[[")
            self.assertEqual(w.closed()[0], 1009, size)

    def test_bytes_without_a_mask_and_text_that_is_none_are_refused(self):
        for opcode, payload, masked, code in ((1, b"{}", False, 1002), (1, b"\xff\xfe", True, 1007),
                                              (2, b"{}", True, 1003)):
            w = self.connect()
            w.hello()
            w.send(w.frame(opcode, payload, masked=masked))
            self.assertEqual(w.closed()[0], code)

    def test_a_batch_nobody_asked_for_brings_nothing(self):
        w = self.connect()
        w.hello()
        delta = about("o", "n", 3, id="unasked", timestamp=1700000000000, author="a", system="s")
        for i in range(20):
            if not w.say(type="sync_batch", deltas=[delta], batchNumber=i, isLastBatch=False):
                break
        w.say(type="ping")
        w.s.settimeout(2)
        try:
            w.closed()
        except TimeoutError:
            pass
        self.assertEqual(self.node.ask("delta.stats")["totalDeltas"], self.count)

    def test_those_who_never_read_cost_little(self):
        """Each asks for everything, again and again, and takes nothing of it."""
        for i in range(0, 20000, 2000):
            self.node.ask("delta.create", deltas=[about("o", "text", "x" * 200, id=f"bulk-{i + k}-{time.time_ns()}")
                                                  for k in range(2000)])
        self.count += 20000
        readers = [self.connect() for _ in range(8)]
        for w in readers:
            w.hello()
            for _ in range(50):
                if not w.say(type="sync_request"):
                    break
        end = time.monotonic() + 5
        while time.monotonic() < end:
            self.node.ask("delta.stats")  # it answers all the while

    def test_half_a_handshake_and_nonsense_are_let_go(self):
        halves = []
        for text in (b"GET /federation HTTP/1.1\r\nUpgr", b"\x16\x03", b"{", b"\0" * 64):
            s = socket.create_connection(("127.0.0.1", self.node.port))
            s.sendall(text)
            halves.append(s)
        self.connect().hello()
        for s in halves:
            s.close()


if __name__ == "__main__":
    unittest.main()
