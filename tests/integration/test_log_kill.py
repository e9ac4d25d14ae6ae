"""kill -9 at random while clients write and read a log: one order, nothing acknowledged lost.

KILLS (200) are shared by a group of three and one of five. One node at a time, the leader, a
majority or everybody; some are killed again while they start.
"""
import os
import random
import time
import unittest

from logs import Amounts, Cluster, Load, conclude
from pando import wait_until

KILLS = int(os.environ.get("KILLS", "200"))
SEED = int(os.environ.get("SEED", "1"))


def victims(cluster, rng):
    dice = rng.random()
    leader = cluster.leader()
    if dice < 0.35 and leader is not None:
        return [leader]
    if dice < 0.70:
        return [rng.choice(cluster.nodes)]
    if dice < 0.93 and leader is not None:
        others = [n for n in cluster.nodes if n is not leader]
        return [leader] + rng.sample(others, len(cluster.nodes) // 2)
    if dice < 0.93:
        return rng.sample(cluster.nodes, len(cluster.nodes) // 2 + 1)
    return list(cluster.nodes)


class LogKill(unittest.TestCase):
    def attack(self, size, kills):
        rng = random.Random(SEED * 100 + size)
        killed = 0
        begin = time.monotonic()
        with Cluster(size).start() as cluster, Load(cluster, SEED, writers=4, linear=3) as load:
            load.flows(20, 50)
            while killed < kills:
                chosen = victims(cluster, rng)[:kills - killed]
                old = cluster.leader() if len(chosen) > 1 else None
                for node in chosen:  # at one moment
                    node.process.kill()
                for node in chosen:
                    node.kill()
                killed += len(chosen)
                time.sleep(rng.choice([0, 0, rng.uniform(0, 0.3)]))
                for node in chosen:
                    if node is not old:
                        node.start(wait=False)
                if old in chosen:
                    others = [n for n in cluster.nodes if n is not old]
                    if rng.random() < 0.7:  # they go on without it: what it alone had written is gone
                        for node in others:
                            wait_until(node.answers, 30, f"{node.name} answers")
                        cluster.await_leader(10)
                        load.flows(10, 3)
                    old.start(wait=False)
                # Sometimes the next ones are killed before anything recovered from these.
                if rng.random() < 0.75:
                    load.flows(30, rng.randrange(1, 60), linear=2, local=2)
            cluster.revive()
            cluster.await_leader(10)
            load.flows(20, 50)
            load.reaches(Amounts(8 * kills, 2 * kills, 4 * kills), 60)
            outcome = conclude(cluster, load)
            elections = max(n.log("status")["term"] for n in cluster.nodes)
        print(f"kills {killed} of {size} nodes in {time.monotonic() - begin:.0f} s, term {elections}: {outcome}")
        self.assertEqual(outcome.breaches, [])
        self.assertGreaterEqual(killed, kills)
        self.assertGreater(elections, kills / 20, "leaders were not among the killed")

    def test_three_nodes(self):
        self.attack(3, KILLS // 2)

    def test_five_nodes(self):
        self.attack(5, KILLS - KILLS // 2)


if __name__ == "__main__":
    unittest.main()
