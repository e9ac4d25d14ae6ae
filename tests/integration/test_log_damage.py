"""Flipped bits and a full disk under one member of a log.

Damage: while a follower is down, bits of its journal flip. It must not show, vote with or lead from
what is wrong: either it refuses and says which file and what to do, or nothing that it shows is changed.
Full: one member's disk, then everybody's, is full. Nothing acknowledged is lost, what cannot be
taken is refused in words, and it goes on when space returns, without a restart.
"""
import glob
import os
import random
import subprocess
import time
import unittest

from logs import ROOM, TROUBLE, Amounts, Cluster, Line, Load, conclude, transcript
from pando import PATIENCE, Node, NodeError, World, wait_until

FLIPS = int(os.environ.get("FLIPS", "60"))
SEED = int(os.environ.get("SEED", "1"))


def segments(node):
    return sorted(glob.glob(os.path.join(node.data, "spaces", "*", "journal", "*.seg")))


def used_bytes(path):
    """Where the zeros at the end begin."""
    with open(path, "rb") as f:
        return len(f.read().rstrip(b"\0"))


def commit_is_written(node):
    """How far it is committed is written behind the last entry, some time later."""
    commit = node.log("status")["commit"]
    with open(segments(node)[-1], "rb") as f:
        return commit.to_bytes(8, "big") in f.read().rstrip(b"\0")[-80:]


def flip(path, offset, bit):
    with open(path, "r+b") as f:
        f.seek(offset)
        byte = f.read(1)[0]
        f.seek(offset)
        f.write(bytes([byte ^ (1 << bit)]))


class Damage(unittest.TestCase):
    def outcome_of_start(self, node, sound):
        """"refused" with a clear sentence, or "served": then nothing it shows is wrong."""
        node.start(wait=False)
        end = time.monotonic() + 20 * PATIENCE
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
        self.assertEqual(shown, transcript(sound, len(shown)), f"{node.name} shows what was never said")
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
            sound = next(n for n in cluster.nodes if n is not victim)
            wait_until(lambda: commit_is_written(victim), 10, "nothing more is written")
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
                result = self.outcome_of_start(victim, sound)
                seen[result] += 1
                if result != "served":
                    said = victim.output()[where:]
                    self.assertIn("damaged", said, f"bit {bit} of byte {offset}")
                    self.assertIn(os.path.basename(path), said, "the file is named")
                    self.assertIn("restore a backup, or remove the space and join it again\n", said, "what to do is said")
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


class SmallDisks:
    """A file system of a few MiB for each node's folder, and a file that takes what is left."""

    def __init__(self):
        self.mounted = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for folder in self.mounted:
            subprocess.run(["umount", "-l", folder], capture_output=True)

    def place(self, node):
        os.makedirs(node.data)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", node.data],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise OSError(done.stderr.strip())
        self.mounted.append(node.data)

    @staticmethod
    def filler(node):
        return os.path.join(node.data, "filler")

    def fill(self, node):
        with open(self.filler(node), "wb", 0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def free(self, node):
        os.unlink(self.filler(node))


def mounts():
    """Why no file system can be mounted here; empty when it can."""
    with SmallDisks() as disks, World() as world:
        try:
            disks.place(Node(world.root, "probe"))
        except OSError as e:
            return str(e)
    return ""


class Full(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = mounts()
        if reason:
            print(f"full disks are skipped: {reason}")
            raise unittest.SkipTest(reason)

    @staticmethod
    def say_full(cluster):
        return [n for n in cluster.nodes if n.status()["why"].startswith("the disk is full")]

    def fill_the_leaders(self, disks, cluster, load):
        full = cluster.leader()
        disks.fill(full)
        wait_until(lambda: (full.status() or {"why": ""})["why"].startswith("the disk is full"), 30,
                   lambda: f"the leader says that its disk is full: {cluster.describe()}")
        wait_until(lambda: cluster.leader() not in (None, full), 10,
                   lambda: f"another one leads: {cluster.describe()}")
        load.flows(20, 30)
        line = Line(full)
        self.addCleanup(line.close)
        with self.assertRaisesRegex(NodeError, "NOSPACE: the disk is full on this node"):
            line.ask("log.append", room=ROOM, text="not sent")
        disks.free(full)
        wait_until(lambda: full.status()["why"] == "", 10, "it takes messages again")
        behind = load.acknowledged()
        wait_until(lambda: full.status()["messages"] >= behind, 15,
                   lambda: f"{full.name} catches up to {behind}: {cluster.describe()}")

    def test_the_leaders_disk_is_full(self):
        with SmallDisks() as disks, Cluster(3, place=disks.place).start() as cluster:
            with Load(cluster, SEED, writers=2, pad=15000, tolerated=["NOSPACE"]) as load:
                for _ in range(2):
                    load.flows(30, 10)
                    cluster.await_leader(10)
                    self.fill_the_leaders(disks, cluster, load)
                load.reaches(Amounts(100, 10, 10), 30)
                outcome = conclude(cluster, load)
        print(f"full disk of the leader: {outcome}")
        self.assertEqual(outcome.breaches, [])

    def test_all_disks_are_full(self):
        with SmallDisks() as disks, Cluster(3, place=disks.place).start() as cluster:
            with Load(cluster, SEED, writers=2, pad=15000, timeout_ms=1000, tolerated=["NOSPACE"]) as load:
                load.flows(30, 10)
                for node in cluster.nodes:
                    disks.fill(node)
                wait_until(lambda: len(self.say_full(cluster)) > 1, 20,
                           lambda: f"a majority says that its disk is full: {cluster.describe()}")
                # The third may have room left in the segment that it had begun: it takes, and
                # cannot acknowledge.
                before = max(n.log("status")["commit"] for n in cluster.nodes)
                refused = {}
                for node in self.say_full(cluster):
                    line = Line(node)
                    self.addCleanup(line.close)
                    for _ in range(5):
                        try:
                            line.ask("log.append", room=ROOM, text="not sent", timeout_ms=1000)
                            self.fail(f"{node.name} acknowledged what no disk took")
                        except NodeError as e:
                            refused[e.status] = refused.get(e.status, 0) + 1
                self.assertGreater(refused.get("NOSPACE", 0), 9, f"refused as {refused}")
                after = max(n.log("status")["commit"] for n in cluster.nodes)
                self.assertEqual(before, after, "something was committed that no majority has on disk")
                for node in cluster.nodes:
                    disks.free(node)
                load.flows(20, 30, linear=10, local=10)
                outcome = conclude(cluster, load)
        print(f"full disks of all: refused as {refused}: {outcome}")
        self.assertEqual(outcome.breaches, [])


if __name__ == "__main__":
    unittest.main()
