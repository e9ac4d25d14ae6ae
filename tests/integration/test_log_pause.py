"""Processes that stand still for 0.1 to 5 s and go on as if nothing had happened.

What a leader believes when it wakes up is old: others may lead, and have taken messages. It must
neither take one itself, nor answer a linear read from what it knows.
"""
import os
import random
import time
import unittest

from logs import ROOM, Amounts, Cluster, Line, Load, conclude, pause, resume
from pando import PATIENCE, NodeError

SECONDS = float(os.environ.get("PAUSE_SECONDS", "18"))
SEED = int(os.environ.get("SEED", "1"))
ENOUGH = Amounts(int(20 * SECONDS), int(20 * SECONDS), 0)  # less would prove too little


class LogPause(unittest.TestCase):
    def test_leaders_and_followers_stand_still(self):
        rng = random.Random(SEED)
        pauses = leaders = 0
        with Cluster(3).start() as cluster, \
                Load(cluster, SEED, writers=3, linear=2, patient=8, timeout_ms=600, patience=0.7) as load:
            load.flows(20, 50)
            until = {}  # node: when it goes on
            begin = time.monotonic()

            def enough():
                return pauses > SECONDS and leaders > SECONDS / 4 and load.amounts().covers(ENOUGH)
            # Processes stand still until enough was asked of them meanwhile.
            while time.monotonic() < begin + SECONDS or \
                    (not enough() and time.monotonic() < begin + (1 + 2 * PATIENCE) * SECONDS):
                leader = cluster.leader()
                node = leader if leader is not None and rng.random() < 0.7 else rng.choice(cluster.nodes)
                if not node.paused:
                    pause(node)
                    pauses += 1
                    leaders += node is leader
                    until[node] = time.monotonic() + rng.choice([0.1, 0.2, 0.4, 1, 5]) * rng.uniform(0.7, 1)
                step = time.monotonic() + rng.uniform(0.1, 0.8)
                while time.monotonic() < step:
                    for n in cluster.nodes:
                        if n.paused and time.monotonic() > until[n]:
                            resume(n)
                    time.sleep(0.01)
            cluster.revive()
            cluster.await_leader(10)
            load.flows(20, 50)
            outcome = conclude(cluster, load)
        print(f"pauses {pauses}, of leaders {leaders}: {outcome}")
        self.assertEqual(outcome.breaches, [])
        self.assertTrue(enough(), f"pauses, writes or reads are too few: {load.amounts()}")

    def test_a_read_under_way_is_answered_by_the_next_leader(self):
        """It was asked of a leader that stands still, by a member that then follows another one."""
        with Cluster(3).start() as cluster:
            cluster.nodes[0].log("append", room=ROOM, text="one")
            refusals = []
            for _ in range(5):  # an election that takes longer than a read waits proves nothing
                leader = None
                while leader is None:
                    leader = cluster.leader()
                line = Line(next(n for n in cluster.nodes if n is not leader), 20 * PATIENCE)
                pause(leader)
                try:
                    answer = line.ask("log.read", room=ROOM, limit=1, linear=True)
                    self.assertEqual(answer["messages"][0]["text"], "one")
                    return
                except NodeError as e:
                    refusals.append(str(e))
                finally:
                    line.close()
                    cluster.revive()
                    cluster.await_unity(20)
            self.fail(f"refused each time: {refusals}")


if __name__ == "__main__":
    unittest.main()
