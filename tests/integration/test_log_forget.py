"""Members forget old entries, and who lacks them is sent a snapshot, under kills.

With room for little, a follower is away until the others have forgotten what it lacks; it comes
back by a snapshot, is killed at times while it takes it, and must end with the same sequence, the
same sessions and the same numbers. What the nodes forget a recorder has read before.
"""
import os
import random
import time
import unittest

from logs import ROOM, Cluster, Load, conclude
from pando import wait_until

ROUNDS = int(os.environ.get("FORGET_ROUNDS", "4"))
SEED = int(os.environ.get("SEED", "1"))


def ends(node):
    answer = node.log("read", room=ROOM, limit=1)
    return answer["first"], answer["last"]


class LogForget(unittest.TestCase):
    def away(self, cluster, load, rng):
        """A follower misses what the others forget; how many kills that took."""
        cluster.await_leader(10)
        leader = cluster.leader()
        node = rng.choice([n for n in cluster.nodes if n is not leader])
        node.kill()
        others = [n for n in cluster.nodes if n is not node]
        last = max(ends(n)[1] for n in others) + 200  # more than it can have had
        wait_until(lambda: load.failures() or all(ends(n)[0] > last + 1 for n in others), 60,
                   lambda: f"the others forget {last}: {[ends(n) for n in others]}")
        load.raise_failures()
        node.start(wait=False)
        kills = 1
        for _ in range(rng.randrange(3)):
            time.sleep(rng.uniform(0.05, 0.4))
            node.kill()
            node.start(wait=False)
            kills += 1
        if rng.random() < 0.5:
            leader = cluster.leader()
            if leader is not None:
                leader.kill()
                leader.start(wait=False)
                kills += 1
        wait_until(node.answers, 30, f"{node.name} answers")
        behind = load.acknowledged()
        wait_until(lambda: (node.status() or {"messages": 0})["messages"] >= behind, 30,
                   lambda: f"{node.name} is brought up to date: {cluster.describe()}")
        self.assertGreater(ends(node)[0], last + 1, "it came back without a snapshot")
        return kills

    def test_who_was_away_too_long_comes_back(self):
        rng = random.Random(SEED)
        kills = 0
        with Cluster(3, {"keep_bytes": 2000000, "demote": False}).start() as cluster, \
                Load(cluster, SEED, writers=3, shots=1, pad=5000, record=True) as load:
            load.flows(20, 50)
            for _ in range(ROUNDS):
                kills += self.away(cluster, load, rng)
            cluster.revive()
            load.flows(20, 20)
            outcome = conclude(cluster, load)
            forgotten = min(ends(n)[0] for n in cluster.nodes) - 1
        print(f"snapshots to {ROUNDS} members that were away, kills {kills}, {forgotten} forgotten: {outcome}")
        self.assertEqual(outcome.breaches, [])
        self.assertGreater(forgotten, 0)
        self.assertGreater(outcome.acked, 100 * ROUNDS)


if __name__ == "__main__":
    unittest.main()
