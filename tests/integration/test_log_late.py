"""Entries that arrive before their predecessors: kept until the gap closes, delivered in order.

A follower sleeps while much is said, on a network that loses a few packets. When it wakes up it
is fed on the catch-up stream; new entries come on the live one, and overtake what a lost packet
holds up. The log says so in the seed's words: "Buffered out-of-order message seq_no=X (expected Y)".
"""
import os
import re
import time
import unittest

import netns
from logs import Cluster, Load, conclude, pause, resume
from pando import wait_until

SEED = int(os.environ.get("SEED", "1"))
LINE = re.compile(r"Buffered out-of-order message seq_no=(\d+) \(expected (\d+)\)")


class Late(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = netns.missing()
        if reason:
            print(f"late entries are skipped: {reason}")
            raise unittest.SkipTest(reason)

    @staticmethod
    def buffered(node):
        """Number and expected number of each line."""
        return [(int(m[1]), int(m[2])) for m in LINE.finditer(node.output())]

    def fall_behind(self, cluster, load):
        """A follower sleeps, wakes up, and catches up while messages flow on."""
        cluster.await_leader(20)
        node = next(n for n in cluster.nodes if n is not cluster.leader())
        pause(node)
        load.flows(60, 700)
        resume(node)
        end = time.monotonic() + 15
        while time.monotonic() < end and not self.buffered(node):
            time.sleep(0.1)
        return self.buffered(node)

    def test_what_comes_too_early_waits(self):
        with netns.Yard(3) as yard:
            def place(node):
                node.within = yard.within(node.member)
                node.listen = yard.address(node.member)
            with Cluster(3, {"demote": False}, place=place,
                         flags=["--log-level", "info,ordering=debug"]).start() as cluster:
                yard.cut({}, loss=4)
                with Load(cluster, SEED, writers=16, pad=4000) as load:
                    for turn in range(8):
                        lines = self.fall_behind(cluster, load)
                        if lines:
                            break
                    yard.heal()
                    outcome = conclude(cluster, load)
                self.assertTrue(lines, "nothing was overtaken in eight rounds")
                for number, expected in lines:
                    self.assertGreater(number, expected)
                for node in cluster.nodes:  # delivered each once, in order (a log leaves out lines in a flood)
                    wait_until(lambda n=node: n.status()["applied"] == n.status()["commit"], 20, "all is applied")
                    order = [int(n) for n in re.findall(r"Delivering seq_no=(\d+)", node.output())]
                    self.assertEqual(order, sorted(set(order)), node.name)
        print(f"late: {len(lines)} buffered in round {turn + 1}, the first {lines[0][0]} while {lines[0][1]} was "
              f"expected: {outcome}")
        self.assertEqual(outcome.breaches, [])


if __name__ == "__main__":
    unittest.main()
