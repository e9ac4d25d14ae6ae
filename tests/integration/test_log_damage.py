"""Flipped bits and a full disk under one member of a log.

Damage: while a member is down, bits of its journal flip. It must not show, vote with or lead from
what is wrong: it says which file is damaged, keeps what is sound, gets the rest from the others, and
votes again. A member whose folder is gone, or that comes back from a backup, does the same. With two of
three in doubt nobody leads, and they say why.
Full: one member's disk, then everybody's, is full. Nothing acknowledged is lost, what cannot be
taken is refused in words, and it goes on when space returns, without a restart.
"""
import glob
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
import unittest

from logs import PAGE, ROOM, TROUBLE, Amounts, Cluster, Line, Load, conclude, transcript
from pando import Node, NodeError, World, wait_until

FLIPS = int(os.environ.get("FLIPS", "60"))
SEED = int(os.environ.get("SEED", "1"))


def segments(node):
    return sorted(p for p in glob.glob(os.path.join(node.data, "spaces", "*", "journal", "*.seg"))
                  if not os.path.basename(p).startswith("damaged-"))


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


def lines_of(path):
    with open(path, encoding="utf-8") as lines:
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
    return [(m["seq_no"], m["text"]) for m in whole]


class Repair(unittest.TestCase):
    """What a member has lost comes back from the others."""

    def heal(self, cluster, node, seconds=20):
        """It is well: a voter that holds what the others hold."""
        def well():
            s, lead = node.status(), cluster.leader()
            if s is None or lead is None or s["repairing"]:
                return False
            standing = {m["id"]: m["standing"] for m in lead.log("members")["members"]}
            return standing[node.member] == "voter"
        wait_until(well, seconds, lambda: f"{node.name} is well: {cluster.describe()}\n{node.output()[-1500:]}")

    def follows(self, cluster, node):
        """It takes part: a message that is said now arrives there."""
        wait_until(lambda: cluster.leader() is not None, 10, "a leader")
        text = f"mark {time.monotonic_ns()}"
        line = Line(cluster.leader())
        number = line.ask("log.append", room=ROOM, text=text)["seq"]
        line.close()
        wait_until(lambda: (node.status() or {"messages": 0})["messages"] >= number, 15,
                   lambda: f"{node.name} follows: {cluster.describe()}")
        got = node.log("read", room=ROOM, limit=1, **{"from": number})["messages"][0]["text"]
        self.assertEqual(got, text)

    def filled(self, cluster, appends=200):
        """A cluster with a history, and what it is."""
        with Load(cluster, SEED, writers=3) as load:
            load.flows(30, appends)
            first = conclude(cluster, load)
        self.assertEqual(first.breaches, [])
        wait_until(lambda: all(commit_is_written(n) for n in cluster.nodes), 10, "nothing more is written")
        return transcript(cluster.nodes[0], cluster.nodes[0].log("read", room=ROOM)["last"])

    def hurt(self, node, rng):
        """A bit flips where records are."""
        path = max(segments(node), key=used_bytes)
        flip(path, rng.randrange(600, used_bytes(path) - 100), rng.randrange(8))

    def test_flipped_bits_are_repaired(self):
        rng = random.Random(SEED)
        repaired = 0
        with Cluster(3).start() as cluster:
            truth = self.filled(cluster, 300)
            for turn in range(FLIPS):
                victim = rng.choice(cluster.nodes)  # the leader, too
                victim.kill()
                path = rng.choice(segments(victim))
                offset, bit = rng.randrange(used_bytes(path)), rng.randrange(8)
                if turn % 4 == 0:
                    offset = rng.randrange(600)  # heads
                if turn % 4 == 1:
                    offset = rng.randrange(os.path.getsize(path))  # mostly behind the end
                where = len(victim.output())
                flip(path, offset, bit)
                victim.start(wait=False)
                wait_until(lambda: victim.status() is not None, 20,
                           lambda: f"{victim.name} starts (bit {bit} of byte {offset}): {victim.output()[where:]}")
                shown = victim.log("read", room=ROOM, limit=PAGE)
                known = dict(enumerate(truth, 1))
                for m in shown["messages"]:
                    self.assertEqual(m["text"], known.get(m["seq"], m["text"]), "it shows what was never said")
                self.heal(cluster, victim)
                self.follows(cluster, victim)
                said = victim.output()[where:]
                if "was damaged at offset" in said:
                    repaired += 1
                    self.assertRegex(said, r"[0-9a-f]{16}\.seg was damaged at offset \d+")
                    self.assertIn("Repaired: everything up to entry", said)
            for name, texts in cluster.transcripts().items():
                self.assertEqual(texts[:len(truth)], truth, name)
                self.assertNotIn(None, texts, name)
            aside = [f for n in cluster.nodes for f in glob.glob(
                os.path.join(n.data, "spaces", "*", "journal", "damaged-*"))]
        print(f"flips {FLIPS}: {repaired} repaired, {FLIPS - repaired} changed nothing")
        self.assertGreater(repaired, FLIPS // 3, "the flips hit nothing")
        self.assertLess(repaired, FLIPS, "no flip fell behind the end")
        self.assertLess(len(aside), 60, "what is set aside grows without end")

    def test_damage_under_load(self):
        """Members are killed, damaged and started while clients write; nothing acknowledged is lost."""
        rng = random.Random(SEED)
        with Cluster(3).start() as cluster:
            with Load(cluster, SEED, writers=3) as load:
                load.flows(30, 50)
                for _ in range(8):
                    victim = rng.choice(cluster.nodes)
                    victim.kill()
                    self.hurt(victim, rng)
                    victim.start(wait=False)
                    wait_until(lambda: victim.status() is not None, 20, "it starts")
                    self.heal(cluster, victim)
                    load.flows(30, 20)
                outcome = conclude(cluster, load)
        print(f"damage under load: {outcome}")
        self.assertEqual(outcome.breaches, [])
        self.assertGreater(outcome.acked, 100)

    def hurt_running(self, node):
        """Bits flip in entries that it does not have in memory any more."""
        path = segments(node)[0]
        for offset in range(20000, min(used_bytes(path), 900000), 40000):
            flip(path, offset, 1)

    def mends_itself(self, cluster, node, truth, where):
        """It is well again, in the same process, and has what all have."""
        wait_until(lambda: "was damaged at offset" in node.output()[where:], 30,
                   lambda: f"{node.name} mends its journal: {cluster.describe()}\n{node.output()[-800:]}")
        self.heal(cluster, node, 30)
        self.assertEqual(transcript(node, 100), truth)

    def test_damage_that_a_read_meets_is_mended_without_a_restart(self):
        """In a follower, then in the leader, while clients write: nothing acknowledged is lost."""
        with tempfile.TemporaryDirectory() as logs, \
                Cluster(3, flags=["--chat-dir", logs]) as cluster:
            for node in cluster.nodes:
                node.settings["name"] = node.name
            cluster.start()
            known = {n.name: n.process.pid for n in cluster.nodes}
            with Load(cluster, SEED, writers=6, pad=15000) as load:
                load.flows(60, 900)
                truth = transcript(cluster.nodes[0], 100)
                for is_leader in (False, True):
                    wait_until(lambda: cluster.leader() is not None, 20, "a leader")
                    lead = cluster.leader()
                    victim = lead if is_leader else next(n for n in cluster.nodes if n is not lead)
                    where = len(victim.output())
                    self.hurt_running(victim)
                    try:
                        shown = victim.log("read", room=ROOM, limit=100, **{"from": 1})["messages"]
                    except (NodeError, *TROUBLE):
                        shown = []
                    for m in shown:
                        self.assertEqual(m["text"], truth[m["seq"] - 1])
                    self.mends_itself(cluster, victim, truth, where)
                    self.assertIn("space 'proof' is open again", victim.output()[where:])
                    load.flows(30, 20)
                outcome = conclude(cluster, load)
            self.assertEqual(outcome.breaches, [])
            for node in cluster.nodes:
                self.assertEqual(node.process.pid, known[node.name])
                self.assertIsNone(node.process.poll())
            texts = list(cluster.transcripts().values())
            self.assertTrue(all(t == texts[0] for t in texts))
            for node in cluster.nodes:
                self.follows(cluster, node)
                path = os.path.join(logs, f"{node.name}_messages.jsonl")
                end = len(texts[0])
                wait_until(lambda: lines_of(path)[:end] == list(enumerate(texts[0], 1)), 20,
                           f"the transcript of {node.name} is whole, and tells nothing twice")
        print(f"damage met by reads: {outcome}")

    def test_damage_that_a_catch_up_meets_is_mended_without_a_restart(self):
        """A member whose folder is empty is fed by a leader that finds its own journal damaged."""
        with Cluster(5).start() as cluster:
            with Load(cluster, SEED, writers=6, pad=15000) as load:
                load.flows(60, 900)  # more than a member keeps in memory
                first = conclude(cluster, load)
            self.assertEqual(first.breaches, [])
            truth = transcript(cluster.nodes[0], 100)
            wait_until(lambda: cluster.leader() is not None, 10, "a leader")
            lead = cluster.leader()
            wiped = next(n for n in cluster.nodes if n is not lead)
            where = len(lead.output())
            wiped.kill()
            shutil.rmtree(os.path.join(wiped.data, "spaces"))
            self.hurt_running(lead)
            wiped.start(wait=False)
            self.mends_itself(cluster, lead, truth, where)
            self.heal(cluster, wiped, 30)
            texts = cluster.transcripts()
            self.assertTrue(all(t == texts[lead.name] for t in texts.values()))
            self.assertEqual(texts[lead.name][:100], truth)
            self.assertEqual(lead.output()[where:].count("Repaired: everything up to entry"), 1)

    def test_two_of_three_are_damaged(self):
        rng = random.Random(SEED)
        with Cluster(3).start() as cluster:
            truth = self.filled(cluster)
            for node in cluster.nodes:
                node.kill()
            for node in cluster.nodes[1:]:
                self.hurt(node, rng)
            for node in cluster.nodes:
                node.start(wait=False)
            wait_until(lambda: all("2 of 3 voters have lost data" in (n.status() or {"why": ""})["why"]
                                   for n in cluster.nodes), 20, lambda: f"they say why: {cluster.describe()}")
            self.assertIsNone(cluster.leader())
            line = Line(cluster.nodes[0])
            with self.assertRaisesRegex(NodeError, "have lost data.*restore backups.*pando log recover"):
                line.ask("log.append", room=ROOM, text="not taken", timeout_ms=4000)
            line.ask("log.recover", members=[1, 2, 3], unsafe=True)  # by the operator's decision
            line.close()
            for node in cluster.nodes:
                self.heal(cluster, node)
            for texts in cluster.transcripts().values():
                self.assertEqual(texts[:len(truth)], truth)

    def test_all_come_from_backups(self):
        """A disaster: nobody knows what was acknowledged since. The operator says that this is it."""
        with Cluster(3).start() as cluster:
            truth = self.filled(cluster)
            for node in cluster.nodes:
                backup = os.path.join(cluster.world.root, f"backup-{node.name}")
                done = subprocess.run([node.argv()[0], "backup", backup, "--data", node.data],
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
            for node in cluster.nodes:
                node.kill()
                shutil.rmtree(node.data)
                done = subprocess.run([node.argv()[0], "restore",
                                       os.path.join(cluster.world.root, f"backup-{node.name}"), "--data", node.data],
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
            for node in cluster.nodes:
                node.start(wait=False)
            wait_until(lambda: all("3 of 3 voters have lost data" in (n.status() or {"why": ""})["why"]
                                   for n in cluster.nodes), 20, lambda: f"they say why: {cluster.describe()}")
            best = max(cluster.nodes, key=lambda n: n.status()["last_index"])
            line = Line(best)
            line.ask("log.recover", members=[1, 2, 3], unsafe=True)
            line.close()
            for node in cluster.nodes:
                self.heal(cluster, node)
            for texts in cluster.transcripts().values():
                self.assertEqual(texts[:len(truth)], truth)

    def test_the_only_voter_refuses(self):
        rng = random.Random(SEED)
        with Cluster(1).start() as cluster:
            self.filled(cluster)
            node = cluster.nodes[0]
            node.kill()
            self.hurt(node, rng)
            for _ in range(2):
                where = len(node.output())
                node.start(wait=False)
                wait_until(lambda: "the group's only voter" in node.output()[where:], 20,
                           lambda: f"it says why: {node.output()[where:]}")
                self.assertIn("restore a backup, or remove the space and join it again\n", node.output()[where:])
                with self.assertRaises((NodeError, *TROUBLE)):
                    node.log("status")
                if node.process.poll() is None:
                    node.kill()

    def test_a_lost_folder_does_not_vote(self):
        """n1 and n3 have acknowledged what n2 lacks; n1's folder goes; n3 is away: n1 and n2 must wait."""
        with Cluster(3).start() as cluster:
            one, two, three = cluster.nodes
            self.filled(cluster)
            two.kill()
            wait_until(lambda: cluster.leader() is not None, 10, "a leader")
            line = Line(one)
            last = line.ask("log.append", room=ROOM, text="two lacks this")["seq"]
            line.close()
            for node in (one, three):
                node.kill()
            self.wipe(one)
            where = len(one.output())
            one.start(wait=False)
            two.start(wait=False)
            wait_until(lambda: "knows of a history" in one.output()[where:], 20,
                       lambda: f"it notices: {one.output()[where:]}")
            wait_until(lambda: "and waits for a leader" in (one.status() or {"why": ""})["why"], 10,
                       lambda: f"it says why: {cluster.describe()}")
            time.sleep(3)  # some elections' worth of time in which nothing may happen
            self.assertIsNone(cluster.leader(), "a leader that lacks what was acknowledged")
            three.start(wait=False)
            self.heal(cluster, one)
            self.assertEqual(transcript(one, last)[-1], "two lacks this")
            self.follows(cluster, one)

    def wipe(self, node):
        """The space's folder is deleted; the node keeps its key."""
        for folder in glob.glob(os.path.join(node.data, "spaces", "*")):
            shutil.rmtree(folder)

    def test_a_backup_does_not_vote(self):
        """The same with a member that comes back from an old backup."""
        with Cluster(3).start() as cluster:
            one, two, three = cluster.nodes
            self.filled(cluster)
            backup = os.path.join(cluster.world.root, "backup")
            done = subprocess.run([one.argv()[0], "backup", backup, "--data", one.data],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            two.kill()
            wait_until(lambda: cluster.leader() is not None, 10, "a leader")
            line = Line(one)
            last = line.ask("log.append", room=ROOM, text="two lacks this")["seq"]
            line.close()
            for node in (one, three):
                node.kill()
            shutil.rmtree(one.data)
            done = subprocess.run([one.argv()[0], "restore", backup, "--data", one.data],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            one.start(wait=False)
            two.start(wait=False)
            wait_until(lambda: "restored from a backup" in (one.status() or {"why": ""})["why"], 20,
                       lambda: f"it says why: {cluster.describe()}")
            time.sleep(3)
            self.assertIsNone(cluster.leader(), "a leader that lacks what was acknowledged")
            three.start(wait=False)
            self.heal(cluster, one)
            self.assertEqual(transcript(one, last)[-1], "two lacks this")
            self.follows(cluster, one)


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
