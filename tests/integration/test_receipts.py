"""Receipts between real nodes: a replay needs the very bytes, wherever they lie."""
import base64
import random
import unittest

from pando import World, command, equal, linked


def sleb(value):
    out = bytearray()
    while True:
        byte = value & 0x7f
        value >>= 7
        if (value == 0 and not byte & 0x40) or (value == -1 and byte & 0x40):
            out.append(byte)
            return bytes(out)
        out.append(byte | 0x80)


def tail_capsule(at, length):
    """A module with 512 KiB of memory whose output is `length` bytes at `at` of the memory."""
    body = b"\x00\x42" + sleb(length << 32 | at) + b"\x0b"
    code = b"\x01" + bytes([len(body)]) + body
    return (b"\x00asm\x01\x00\x00\x00" + b"\x01\x07\x01\x60\x02\x7f\x7f\x01\x7e" + b"\x03\x02\x01\x00"
            + b"\x05\x03\x01\x00\x08" + b"\x07\x10\x02\x06memory\x02\x00\x03run\x00\x00"
            + b"\x0a" + bytes([len(code)]) + code)


class LargeInputs(unittest.TestCase):
    def run_large(self, node):
        data = random.Random(7).randbytes(300 << 10)
        answer = node.ask("exec.run", capsule=base64.b64encode(tail_capsule(1024 + len(data) - 64, 64)).decode(),
                          input=base64.b64encode(data).decode())
        padding = "=" * (-len(answer["output"]) % 4)
        self.assertEqual(base64.b64decode(answer["output"] + padding), data[-64:])
        return answer["receipt_id"]

    def test_an_input_above_one_chunk_is_replayed_here_and_at_a_peer(self):
        with World() as world:
            a, b = world.pair()
            receipt = self.run_large(a)
            equal([a, b], 20)
            for node in (a, b):
                code, out, err = command("receipt", "verify", receipt, "--replay", "--data", node.data)
                self.assertEqual(code, 0, out + err)
                self.assertIn("Replay: output equal, fuel equal", out)

            # What was fetched was kept, with the way from the hash to it: no peer is needed.
            a.stop()
            b.stop()
            b.start()
            verdict = b.ask("receipt.verify", receipt=receipt, replay=True)
            self.assertTrue(verdict["replay"]["matches"], verdict)

    def test_an_input_that_is_nowhere_is_named(self):
        with World() as world:
            a = world.node("a", flags=["--exec-no-store"]).start()
            b = world.node("b", [a.address()]).start()
            linked(a, b)
            receipt = self.run_large(a)
            equal([a, b], 20)
            verdict = b.ask("receipt.verify", receipt=receipt, replay=True)
            self.assertTrue(verdict["signature_ok"])
            self.assertFalse(verdict["replay"]["ran"])
            self.assertIn("the capsule is not in the store", verdict["replay"]["text"])


if __name__ == "__main__":
    unittest.main()
