"""kill -9 at random while events flow: no acknowledged event is lost, nodes end equal."""
import os
import random
import threading
import time
import unittest

from pando import PATIENCE, NodeError, World, equal, linked, wait_until

KILLS = int(os.environ.get("KILLS", "100"))


class Writer(threading.Thread):
    """Appends to one node as fast as it answers, and remembers what was acknowledged."""

    def __init__(self, node, stop):
        super().__init__()
        self.node = node
        self.halt = stop
        self.acked = []

    def run(self):
        number = 0
        import http.client
        import json
        from pando import UnixConnection
        while not self.halt.is_set():
            try:
                c = UnixConnection(os.path.join(self.node.data, "control.sock"), timeout=10 * PATIENCE)
                while not self.halt.is_set():
                    number += 1
                    c.request("POST", "/api/dag.append",
                              json.dumps({"kind": "data", "body": {"n": number, "by": self.node.name}}))
                    r = c.getresponse()
                    body = r.read()
                    if r.status == 200:
                        self.acked.append(json.loads(body)["id"])
                    time.sleep(0.002)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.01)


class Kill(unittest.TestCase):
    def test_no_acknowledged_event_is_lost(self):
        rng = random.Random(7)
        with World() as world:
            a, b = world.pair()
            stop = threading.Event()
            writers = [Writer(a, stop), Writer(b, stop)]
            for w in writers:
                w.start()
            try:
                for kill in range(KILLS):
                    time.sleep(rng.uniform(0.02, 0.25))
                    wait_until(lambda: sum(len(w.acked) for w in writers) > kill, 20,
                               "each kill comes after another acknowledgement")
                    victim = rng.choice([a, b])
                    victim.kill()
                    victim.start()
            finally:
                stop.set()
                for w in writers:
                    w.join()
            linked(a, b)
            equal([a, b], 60)
            acked = writers[0].acked + writers[1].acked
            for node in (a, b):
                for event in acked:
                    try:
                        node.ask("dag.show", id=event)
                    except NodeError as e:
                        self.fail(f"{node.name} lost acknowledged {event}: {e}")
            self.assertEqual(a.ask("dag.stats")["equivocations"], 0)
            print(f"kills {KILLS}, acknowledged events {len(acked)}, lost 0")


if __name__ == "__main__":
    unittest.main()
