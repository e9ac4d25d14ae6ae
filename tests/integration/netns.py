"""A small network for nodes that can be cut: namespaces, one bridge, packet filters.

Everything is made inside namespaces of this process's own and is gone with them; no interface,
address or rule of the machine is touched. Cuts are made where packets arrive, so each direction
of each pair is cut by itself, and nobody is told: as if the cable were.
"""
import itertools
import os
import shutil
import subprocess

counter = itertools.count(1)


def run(*argv, text=None):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise OSError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


class Yard:
    """Namespaces for members 1..size; node m has the address 10.77.0.m."""

    def __init__(self, size):
        self.tag = f"pando-{os.getpid()}-{next(counter)}"
        self.hub = self.tag + "-hub"
        self.members = list(range(1, size + 1))
        self.made = []

    def name(self, member):
        return f"{self.tag}-n{member}"

    @staticmethod
    def address(member):
        return f"10.77.0.{member}"

    def __enter__(self):
        try:
            self.make(self.hub)
            run("ip", "-n", self.hub, "link", "add", "br0", "type", "bridge")
            run("ip", "-n", self.hub, "link", "set", "br0", "up")
            for m in self.members:
                self.plug(m)
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self, name):
        run("ip", "netns", "add", name)
        self.made.append(name)
        run("ip", "-n", name, "link", "set", "lo", "up")

    def plug(self, m):
        name, port = self.name(m), f"p{m}"
        self.make(name)
        run("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", self.hub)
        run("ip", "-n", name, "addr", "add", self.address(m) + "/24", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        run("ip", "-n", self.hub, "link", "set", port, "master", "br0", "up")

    def __exit__(self, *error):
        for name in self.made:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=60)
        self.made = []

    def within(self, member):
        return ["ip", "netns", "exec", self.name(member)]

    def cut(self, deaf, loss=0):
        """What holds from now on: `deaf` maps a member to those whose packets do not reach it.
        Of 100 packets `loss` are lost everywhere."""
        for m in self.members:
            rules = ["flush ruleset", "table inet cut {", "chain in {", "type filter hook input priority 0;"]
            sources = sorted(deaf.get(m, ()))
            if sources:
                rules.append("ip saddr { %s } drop;" % ", ".join(map(self.address, sources)))
            if loss > 0:
                rules.append(f'iifname "eth0" numgen random mod 100 < {loss} drop;')
            rules += ["}", "}"]
            run(*self.within(m), "nft", "-f", "-", text="\n".join(rules) + "\n")

    def heal(self):
        self.cut({})

    def unplug(self, member):
        run("ip", "-n", self.name(member), "link", "set", "eth0", "down")

    def replug(self, member):
        run("ip", "-n", self.name(member), "link", "set", "eth0", "up")

    def split(self, *groups):
        """Groups that do not hear each other; a member may stand in several of them."""
        hears = {m: set() for m in self.members}
        for group in groups:
            for m in group:
                hears[m] |= set(group)
        self.cut({m: set(self.members) - hears[m] - {m} for m in self.members})


def missing():
    """Why no such network can be made here; empty when it can."""
    for tool in ("ip", "nft"):
        if shutil.which(tool) is None:
            return f"there is no '{tool}' (packages iproute2, nftables)"
    try:
        with Yard(2) as yard:
            yard.split([1], [2])
            yard.cut({}, loss=10)
            yard.heal()
    except (OSError, subprocess.SubprocessError) as e:
        return f"network namespaces cannot be made or filtered: {e}"
    return ""
