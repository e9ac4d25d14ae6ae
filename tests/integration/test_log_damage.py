"""Flipped bits under one member of a log.

While a follower is down, bits of its journal flip. It must not show, vote with or lead from what
is wrong: either it refuses and says which file and what to do, or nothing that it shows is changed.
"""
import glob
import os
import random
import time
import unittest

from logs import ROOM, TROUBLE, Cluster, Line, Load, conclude, transcript
from pando import NodeError, wait_until

FLIPS = int(os.environ.get("FLIPS", "60"))
SEED = int(os.environ.get("SEED", "1"))


def segments(node):
    return sorted(glob.glob(os.path.join(node.data, "spaces", "*", "journal", "*.seg")))


def used_bytes(path):
    """Where the zeros at the end begin."""
    with open(path, "rb") as f:
        return len(f.read().rstrip(b"\0"))


def flip(path, offset, bit):
    with open(path, "r+b") as f:
        f.seek(offset)
        byte = f.read(1)[0]
        f.seek(offset)
        f.write(bytes([byte ^ (1 << bit)]))


class Damage(unittest.TestCase):
    def outcome_of_start(self, node, truth):
        """"refused" with a clear sentence, or "served": then nothing it shows is wrong."""
        node.start(wait=False)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if node.process.poll() is not None:
                return "refused"
            try:
                node.log("status")
                break
            except NodeError:
                return "closed"  # the node runs, the space does not
            except TROUBLE:
                time.sleep(0.01)
        else:
            self.fail(f"{node.name} neither answers nor ends")
        shown = transcript(node, node.log("read", room=ROOM, limit=1)["last"])
        self.assertEqual(shown, truth[:len(shown)], f"{node.name} shows what was never said")
        return "served"

    def test_flipped_bits_are_never_served(self):
        rng = random.Random(SEED)
        seen = {"refused": 0, "closed": 0, "served": 0}
        with Cluster(3).start() as cluster:
            with Load(cluster, SEED, writers=3) as load:
                load.flows(30, 300)
                first = conclude(cluster, load)
            self.assertEqual(first.breaches, [])
            truth = transcript(cluster.nodes[0], cluster.nodes[0].log("read", room=ROOM)["last"])
            victim = next(n for n in cluster.nodes if n is not cluster.leader())
            time.sleep(0.6)  # how far it is committed is written half a second later
            for turn in range(FLIPS):
                victim.kill()
                path = rng.choice(segments(victim))
                offset, bit = rng.randrange(used_bytes(path)), rng.randrange(8)
                if turn % 4 == 0:
                    offset = rng.randrange(600)  # heads
                if turn % 4 == 1:
                    offset = rng.randrange(os.path.getsize(path))  # mostly behind the end
                where = len(victim.output())
                flip(path, offset, bit)
                result = self.outcome_of_start(victim, truth)
                seen[result] += 1
                if result != "served":
                    said = victim.output()[where:]
                    self.assertIn("damaged", said, f"bit {bit} of byte {offset}")
                    self.assertIn(os.path.basename(path), said, "the file is named")
                    self.assertIn("restore a backup or let peers repair it\n", said, "what to do is said")
                else:
                    self.follows(cluster, victim)
                if victim.process.poll() is None:
                    victim.kill()
                flip(path, offset, bit)
                victim.start()
                self.follows(cluster, victim)
            last = cluster.transcripts()
            for name, texts in last.items():
                self.assertEqual(texts[:len(truth)], truth, name)
        print(f"flips {FLIPS}: {seen['refused'] + seen['closed']} refused, {seen['served']} changed nothing")
        self.assertGreater(seen["served"], 0, "no flip fell behind the end")
        self.assertGreater(seen["refused"] + seen["closed"], FLIPS // 3, "the flips hit nothing")

    def follows(self, cluster, node):
        """It takes part: a message that is said now arrives there."""
        wait_until(lambda: cluster.leader() is not None, 10, "a leader")
        text = f"mark {time.monotonic_ns()}"
        line = Line(cluster.leader())
        number = line.ask("log.append", room=ROOM, text=text)["seq"]
        line.close()
        wait_until(lambda: node.log("read", room=ROOM, limit=1)["last"] >= number, 10,
                   lambda: f"{node.name} follows: {cluster.describe()}")
        got = node.log("read", room=ROOM, limit=1, **{"from": number})["messages"][0]["text"]
        self.assertEqual(got, text)


if __name__ == "__main__":
    unittest.main()
