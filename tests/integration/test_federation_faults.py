"""Federated instances under load while the server is killed, stopped for a while, cut off or
paused: afterwards counts and hashes are equal, and no delta is missing that anybody was told is
stored. Three instances: a server, and two clients that know only the server.
"""
import os
import random
import signal
import time
import unittest

import netns
from pando import Node, NodeError, World, wait_until
from test_delta import Writer, equal, ids_of, state, with_space

KILLS = int(os.environ.get("FED_KILLS", "6"))
PAUSE = float(os.environ.get("FED_PAUSE", "10"))  # seconds that the server stands still
CUT = float(os.environ.get("FED_CUT", "30"))      # seconds without a network
SEED = int(os.environ.get("SEED", "1"))


class Instance(Node):
    """A node at an address of its own, maybe inside of a network namespace."""

    def __init__(self, root, name, within=(), listen="127.0.0.1"):
        super().__init__(root, name)
        self.within, self.listen = list(within), listen

    def argv(self):
        argv = super().argv()
        argv[argv.index("--listen") + 1] = self.listen
        return self.within + argv + ["--http-listen", self.listen]

    def url(self):
        return f"ws://{self.listen}:{self.port}/federation"


class Federation:
    """The three instances; everybody writes until `conclude`."""

    def __init__(self, world, yard=None):
        places = [(yard.within(m), yard.address(m)) for m in (1, 2, 3)] if yard else [((), "127.0.0.1")] * 3
        names = ("server", "client-a", "client-b")
        self.nodes = [Instance(world.root, n, *p) for n, p in zip(names, places)]
        world.nodes += self.nodes
        self.server, self.clients = self.nodes[0], self.nodes[1:]
        with_space(self.server, systemId="server")
        link = {"url": self.server.url(), "reconnect": {"maxAttempts": 0, "initialDelay": 100, "maxDelay": 1000}}
        for c in self.clients:
            with_space(c, systemId=c.name, links=[link])
        wait_until(lambda: len(self.server.ask("fed.links")["links"]) == 2, 20, "both are linked")
        self.writers = [Writer(n) for n in self.nodes]
        for w in self.writers:
            w.start()
        self.grows(10)

    def acked(self):
        return sum(len(w.acked) for w in self.writers)

    def grows(self, by, seconds=30):
        want = self.acked() + by
        wait_until(lambda: self.acked() >= want, seconds, "deltas are acknowledged")

    def conclude(self, seconds=120):
        """Writing ends; what all of them hold then. Returns how many deltas."""
        self.grows(10)
        for w in self.writers:
            w.halt.set()
        for w in self.writers:
            w.join(30)
        equal(self.nodes, seconds, "after the fault")
        acked = {i for w in self.writers for i in w.acked}
        held = ids_of(self.server)
        missing = acked - held
        assert not missing, f"{len(missing)} acknowledged deltas are missing, as {sorted(missing)[:3]}"
        assert state(self.server)["deltas"] == len(held), "the hash counts what a query gives"
        return len(acked)


class Faults(unittest.TestCase):
    def test_kill_9_of_the_server_under_load(self):
        rng = random.Random(SEED)
        with World() as world:
            fed = Federation(world)
            for _ in range(KILLS):
                time.sleep(rng.uniform(0.1, 0.6))
                fed.server.kill()
                time.sleep(rng.uniform(0, 0.3))
                fed.server.start()
            acked = fed.conclude()
        print(f"kills {KILLS} of the server under load, {acked} deltas acknowledged, none missing")

    def test_kill_9_of_a_client_under_load(self):
        rng = random.Random(SEED)
        with World() as world:
            fed = Federation(world)
            for _ in range(KILLS):
                time.sleep(rng.uniform(0.1, 0.4))
                victim = rng.choice(fed.clients)
                victim.kill()
                victim.start()
            acked = fed.conclude()
        print(f"kills {KILLS} of clients under load, {acked} deltas acknowledged, none missing")

    def test_the_server_stands_still_under_load(self):
        with World() as world:
            fed = Federation(world)
            fed.server.process.send_signal(signal.SIGSTOP)
            begin = time.monotonic()
            fed.grows(50)  # the clients go on alone
            time.sleep(max(0.0, PAUSE - (time.monotonic() - begin)))
            fed.server.process.send_signal(signal.SIGCONT)
            acked = fed.conclude()
        print(f"pauses 1 of {PAUSE:.0f} s, {acked} deltas acknowledged, none missing")

    def test_a_link_is_paused_by_a_person_under_load(self):
        with World() as world:
            fed = Federation(world)
            client = fed.clients[0]
            link = client.ask("fed.links")["links"][0]["id"]
            client.ask("fed.pause", id=link)
            wait_until(lambda: client.ask("fed.link", id=link)["status"] == "paused", 10, "paused")
            before = client.ask("fed.link", id=link)["stats"]["deltasSent"]
            fed.grows(50)
            self.assertEqual(client.ask("fed.link", id=link)["stats"]["deltasSent"], before)
            client.ask("fed.resume", id=link)
            acked = fed.conclude()
        print(f"pauses 1 of a link, {acked} deltas acknowledged, none missing")

    @unittest.skipIf(netns.missing(), netns.missing())
    def test_the_network_is_cut_under_load(self):
        with netns.Yard(3) as yard, World() as world:
            fed = Federation(world, yard)
            yard.split([1], [2], [3])
            begin = time.monotonic()
            fed.grows(50)
            before = [state(n) for n in fed.nodes]
            self.assertEqual(len({s["hash"] for s in before}), 3, "everybody goes on alone")
            time.sleep(max(0.0, CUT - (time.monotonic() - begin)))
            yard.heal()
            acked = fed.conclude()
        print(f"cuts 1 of {CUT:.0f} s, {acked} deltas acknowledged, none missing")


if __name__ == "__main__":
    unittest.main()
