"""Networks that fall apart while clients write and read a log, and what holds after the heal.

Each scenario is a cluster of its own inside network namespaces, four at a time. While it lasts,
a scenario says whether messages must flow (some majority hears each other), and after it:
a leader within 3 s of the heal, one order, no acknowledged message lost, equal transcripts.
"""
import concurrent.futures
import multiprocessing
import os
import random
import time
import traceback
import unittest

import netns
from logs import Amounts, Cluster, Load, conclude
from pando import PATIENCE, wait_until

SEED = int(os.environ.get("SEED", "1"))
ROUNDS = int(os.environ.get("CUT_ROUNDS", "2"))   # cuts and heals of each scenario
AT_ONCE = int(os.environ.get("CUT_JOBS", "4"))
ONLY = os.environ.get("CUTS", "").split()
APART = float(os.environ.get("CUT_APART", "53"))  # seconds of the longest cut
LEADER_WITHIN = 3.0 * PATIENCE  # seconds after a heal
WHILE_CUT = 3  # linear reads that are answered while messages flow in spite of a cut
EACH_ROUND = Amounts(40, 20, 20)  # what a cut and its heal have to be seen by


class Scene:
    """What a scenario works with: the cluster, the load, the network, and who leads."""

    def __init__(self, cluster, load, yard, rng):
        self.cluster, self.load, self.yard, self.rng = cluster, load, yard, rng

    def roles(self):
        """The leader's number and the others', shuffled."""
        self.cluster.await_leader(10)
        leader = None
        while leader is None:
            leader = self.cluster.leader()
        others = [m for m in self.yard.members if m != leader.member]
        self.rng.shuffle(others)
        return leader.member, others

    def flows(self, more=15, seconds=10):
        """Messages flow although the network is cut, and linear reads are answered."""
        self.load.flows(seconds, more, linear=WHILE_CUT)

    def lasts(self, seconds):
        """Nothing is claimed meanwhile but safety."""
        time.sleep(seconds)

    def commits(self):
        return [n.log("status")["commit"] for n in self.cluster.nodes]

    def refused(self, member, seconds=8):
        """A node that sees too few others says so to whoever asks it."""
        node = self.cluster.nodes[member - 1]

        def says_why():
            said = node.status()
            return said is not None and not said["quorum"] and said["why"] != ""
        wait_until(says_why, seconds, lambda: f"{node.name} is cut off and says why, not {node.status()}")


def halves(s):
    """The leader falls into the minority."""
    leader, others = s.roles()
    s.yard.split([leader, others[0]], others[1:])
    s.flows(30)
    s.refused(leader)


def majority_keeps_leader(s):
    """The leader stays with a majority; the others come back with what they believe."""
    leader, others = s.roles()
    s.yard.split([leader] + others[:2], others[2:])
    s.flows(30)
    s.lasts(1.5)


def leader_alone(s):
    leader, others = s.roles()
    s.yard.split([leader], others)
    s.flows(30)
    s.refused(leader)


def follower_alone(s):
    leader, others = s.roles()
    s.yard.split([leader] + others[1:], [others[0]])
    s.flows(30)
    s.refused(others[0])


def leader_deaf(s):
    """It is heard and hears nobody: nothing can be acknowledged through it."""
    leader, others = s.roles()
    s.yard.cut({leader: others})
    s.flows(30)


def leader_mute(s):
    """It hears and is not heard."""
    leader, others = s.roles()
    s.yard.cut({m: [leader] for m in others})
    s.flows(30)


def follower_deaf(s):
    """One that hears nobody must not unseat the leader that all others hear."""
    leader, others = s.roles()
    s.yard.cut({others[0]: [leader] + others[1:]})
    s.flows(30)
    s.lasts(1)


def bridge(s):
    """Two groups that only one member in the middle sees both of."""
    leader, others = s.roles()
    s.yard.split([leader, others[0], others[1]], [others[1], others[2], others[3]])
    s.flows(30)
    s.lasts(1)


def leader_at_one(s):
    """Of three, the leader and one follower do not hear each other; the third hears both."""
    leader, others = s.roles()
    s.yard.split([leader, others[0]], others)
    s.flows(30)


def ring(s):
    """Each hears its two neighbours only: three of five, so whoever leads has a quorum."""
    leader, others = s.roles()
    circle = [leader] + others
    s.yard.split(*[[circle[i], circle[(i + 1) % 5]] for i in range(5)])
    s.lasts(3)


def star(s):
    """Only one member hears a majority, and it did not lead."""
    leader, others = s.roles()
    middle = others[0]
    s.yard.split(*[[middle, m] for m in [leader] + others[1:]])
    s.flows(30)


def flapping(s):
    """The leader is away and back every 200 ms, whoever it is."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        leader = s.cluster.leader()
        victim = leader.member if leader is not None else s.rng.choice(s.yard.members)
        s.yard.split([victim], [m for m in s.yard.members if m != victim])
        time.sleep(0.2)
        s.yard.heal()
        time.sleep(0.2)


def rolling(s):
    """The majority moves, without a heal between: what one majority took the next must know."""
    leader, others = s.roles()
    circle = [leader] + others
    for turn in range(4):
        now = circle[turn:] + circle[:turn]
        s.yard.split(now[:3], now[3:])
        s.flows(10)


def shattered(s):
    """Everybody alone: nothing is taken, everybody says why."""
    s.yard.split(*[[m] for m in s.yard.members])
    for m in s.yard.members:
        s.refused(m)
    before = s.commits()
    s.lasts(1)
    if s.commits() != before:
        raise AssertionError(f"nodes that see nobody committed: {before}, later {s.commits()}")


def unplugged(s):
    """The leader's interface goes down: its own sends fail, and it knows."""
    leader, others = s.roles()
    s.yard.unplug(leader)
    s.flows(30)
    s.refused(leader)


def lossy(s):
    """Of 100 packets 8 are lost, everywhere; then the leader is cut off, too."""
    leader, others = s.roles()
    s.yard.cut({}, loss=8)
    s.flows(30, 15)
    s.yard.cut({leader: others, **{m: [leader] for m in others}}, loss=8)
    s.flows(15, 15)


def killed_apart(s):
    """The minority is killed while it is cut off, and starts again on its own."""
    leader, others = s.roles()
    s.yard.split([leader, others[0]], others[1:])
    s.flows(15)
    for m in (leader, others[0]):
        node = s.cluster.nodes[m - 1]
        node.kill()
        node.start(wait=False)
    s.flows(15)


def demoted(s):
    """Silent voters are demoted after 1 s, so the quorum shrinks: then the majority falls apart,
    and those who were away come back to a group that has decided without them."""
    leader, others = s.roles()
    s.yard.split([leader] + others[:2], others[2:])
    s.flows(15)
    s.lasts(2.5)
    s.flows(15)
    s.yard.split([leader, others[0]], [others[1]] + others[2:])
    s.lasts(1.5)


def restarted_apart(s):
    """Everybody is killed and starts alone: after the heal all links have to be dialled anew, by
    nodes whose dials have failed for a while."""
    s.yard.split(*[[m] for m in s.yard.members])
    for node in s.cluster.nodes:
        node.kill()
        node.start(wait=False)
    for node in s.cluster.nodes:
        s.refused(node.member)
    s.lasts(APART)


THREE = {restarted_apart, leader_at_one, unplugged, shattered}
SETTINGS = {demoted: {"demote_ms": 1000}, rolling: {"demote": False}}
SCENARIOS = [restarted_apart, halves, majority_keeps_leader, leader_alone, follower_alone, leader_deaf,
             leader_mute, follower_deaf, bridge, leader_at_one, ring, star, flapping, rolling, shattered, unplugged,
             lossy, killed_apart, demoted]
ONCE = {restarted_apart}


def place_in(yard):
    def place(node):
        node.within = yard.within(node.member)
        node.listen = yard.address(node.member)
    return place


def heal(s):
    """The network is whole. How long until a majority agrees on a leader, until messages flow, and
    until everybody follows that leader."""
    for m in s.yard.members:
        s.yard.replug(m)
    s.yard.heal()
    begin = time.monotonic()
    s.cluster.await_leader(20)
    led = time.monotonic() - begin
    s.load.flows(20, 5)
    flowing = time.monotonic() - begin
    s.cluster.await_unity(60)
    return led, flowing, time.monotonic() - begin


def play(name):
    """One scenario in a process of its own; a dict, or the text of what went wrong."""
    scenario = globals()[name]
    rng = random.Random(f"{SEED} {name}")
    size = 3 if scenario in THREE else 5
    begin = time.monotonic()
    heals = []
    try:
        with netns.Yard(size) as yard, \
                Cluster(size, SETTINGS.get(scenario), place=place_in(yard)).start() as cluster, \
                Load(cluster, f"{SEED} {name}", writers=2, patient=2, pace=0.004, timeout_ms=700, patience=2) as load:
            s = Scene(cluster, load, yard, rng)
            for _ in range(1 if scenario in ONCE else ROUNDS):
                load.flows(20, 40)
                goal = load.amounts() + EACH_ROUND
                scenario(s)
                heals.append(heal(s))
                load.reaches(goal, 30)
            load.flows(20, 100)
            outcome = conclude(cluster, load)
            term = max(n.log("status")["term"] for n in cluster.nodes)
        led, flowing, united = (max(h[i] for h in heals) for i in range(3))
        return {"breaches": outcome.breaches, "led": led,
                "text": f"cuts {name}: {time.monotonic() - begin:.0f} s; after the heal a leader in {led:.2f} s, "
                        f"messages in {flowing:.2f} s, all in {united:.2f} s; term {term}; {outcome}"}
    except Exception:
        return {"error": traceback.format_exc()}


class LogCut(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = netns.missing()
        if reason:
            print(f"cuts are skipped: {reason}")
            raise unittest.SkipTest(reason)
        names = [s.__name__ for s in SCENARIOS if not ONLY or s.__name__ in ONLY]
        with concurrent.futures.ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("fork")) as pool:
            cls.results = dict(zip(names, pool.map(play, names)))


def judge(name):
    def test(self):
        result = self.results.get(name)
        if result is None:
            self.skipTest("not among CUTS")
        if "error" in result:
            self.fail(result["error"])
        print(result["text"])
        self.assertEqual(result["breaches"], [])
        self.assertLess(result["led"], LEADER_WITHIN, result["text"])
    return test


for scene in SCENARIOS:
    setattr(LogCut, f"test_{scene.__name__}", judge(scene.__name__))


if __name__ == "__main__":
    unittest.main()
