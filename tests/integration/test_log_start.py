"""A group's first start, when everything is late.

Members come one after the other and stand still again and again, so that votes and greetings
cross: who has voted has a past, and others that have none may take themselves for members that
have forgotten theirs. A leader must come of it all the same, and what is said is kept.
"""
import os
import random
import time
import unittest

from logs import ROOM, Cluster, Line, pause, resume
from pando import wait_until

STARTS = int(os.environ.get("STARTS", "12"))
SEED = int(os.environ.get("SEED", "1"))


def stumble(cluster, rng, seconds):
    """Members stand still for a moment, at random."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        node = rng.choice(cluster.nodes)
        if node.process is None:
            continue
        if node.paused:
            resume(node)
        elif rng.random() < 0.6:
            pause(node)
        time.sleep(rng.uniform(0, 0.04))
    for node in cluster.nodes:
        resume(node)


class Start(unittest.TestCase):
    def test_a_leader_comes_of_a_first_start_that_stumbles(self):
        recovered = 0
        for turn in range(STARTS):
            rng = random.Random(f"{SEED} {turn}")
            with Cluster(5) as cluster:
                for node in rng.sample(cluster.nodes, 5):
                    node.start(wait=False)
                    time.sleep(rng.uniform(0, 0.15))
                stumble(cluster, rng, 2)
                cluster.await_leader(10)
                line = Line(cluster.leader())
                wait_until(lambda: line.ask("log.append", room=ROOM, text="first")["seq"] >= 1, 10, "it takes")
                line.close()
                texts = cluster.transcripts()
                self.assertTrue(all("first" in t for t in texts.values()), texts)
                wait_until(lambda: not any(n.status()["repairing"] for n in cluster.nodes), 20,
                           lambda: f"all are well: {cluster.describe()}")
                recovered += sum("Nobody in this group has anything" in n.output() for n in cluster.nodes)
        print(f"starts {STARTS}, {recovered} times a member found that nobody had anything")


if __name__ == "__main__":
    unittest.main()
