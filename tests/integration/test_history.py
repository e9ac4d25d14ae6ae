"""The checker is checked: intact histories pass, each mutated one is rejected for its reason."""
import random
import time
import unittest

from history import Append, History, Read, check

OPS = 20000


def make(seed, ops, clients=8, nodes=3, late=0.01):
    """A history as a correct cluster yields it: calls overlap, and each takes effect at one
    moment between its call and its answer. Some outcomes are not known, some of those happened."""
    rng = random.Random(seed)
    h = History()
    sequence = []
    counter = [0] * clients
    free_at = [0] * clients
    effects = []  # (moment, client, kind, call, end)
    for _ in range(ops):
        c = rng.randrange(clients)
        call = free_at[c] + rng.randrange(1, 20)
        moment = call + rng.randrange(1, 50)
        end = moment + rng.randrange(1, 50)
        free_at[c] = end
        effects.append((moment, c, rng.random(), call, end))
    effects.sort()
    shown = {}  # what a follower has applied
    for moment, c, kind, call, end in effects:
        if kind < 0.6:
            counter[c] += 1
            value = f"{c}:{counter[c]}"
            sequence.append(value)
            h.appends.append(Append(c, counter[c], value, call, end, len(sequence)))
        elif kind < 0.6 + late:
            value = f"once:{len(h.appends)}"
            if kind < 0.6 + late / 2:
                sequence.append(value)
            h.appends.append(Append(None, 0, value, call, None, None))
        else:
            linear = kind < 0.8
            node = rng.randrange(nodes)
            last = len(sequence)
            if not linear:
                last = max(shown.get((c, node), 0), last - rng.randrange(30))
                shown[c, node] = last
            first = max(1, last - rng.randrange(20))
            session = (c, "leader") if linear else (c, node)
            h.reads.append(Read(session, linear, call, end, last, first, sequence[first - 1:last]))
    h.transcripts = {f"n{i}": list(sequence) for i in range(nodes)}
    return h


def copy(h):
    return History(h.appends, h.reads, {n: list(t) for n, t in h.transcripts.items()})


def each(h, change):
    """The same change to every node's transcript."""
    for t in h.transcripts.values():
        change(t)


def acked(h, skip=0):
    """An acknowledged append from the middle."""
    known = [i for i, a in enumerate(h.appends) if a.end is not None]
    return known[len(known) // 2 + skip]


def pair(h):
    """Two acknowledged appends of two clients, the second called after the first was answered."""
    i = acked(h)
    a = h.appends[i]
    for j in range(i + 1, len(h.appends)):
        b = h.appends[j]
        if b.end is not None and b.client != a.client and b.call > a.end:
            return i, j
    raise AssertionError("no such pair")


def read_at(h, linear, long=1):
    known = [i for i, r in enumerate(h.reads) if r.linear == linear and len(r.values) >= long]
    return known[len(known) // 2]


def swap_on_all(h):
    i, j = pair(h)
    a, b = h.appends[i], h.appends[j]
    def change(t):
        t[a.number - 1], t[b.number - 1] = b.value, a.value
    each(h, change)


def swap_with_answers(h):
    """Consistent everywhere but with real time: only the sweep can see it."""
    swap_on_all(h)
    i, j = pair(h)
    a, b = h.appends[i], h.appends[j]
    h.appends[i], h.appends[j] = a._replace(number=b.number), b._replace(number=a.number)
    h.reads = []


def swap_on_one(h):
    t = h.transcripts["n1"]
    t[100], t[101] = t[101], t[100]


def lose_on_all(h):
    at = h.appends[acked(h)].number - 1
    each(h, lambda t: t.pop(at))


def lose_newest(h):
    each(h, lambda t: t.__delitem__(slice(-3, None)))


def lose_on_one(h):
    h.transcripts["n2"].pop()


def lose_middle_on_one(h):
    h.transcripts["n0"].pop(500)


def duplicate_on_all(h):
    value = h.appends[acked(h)].value
    each(h, lambda t: t.append(value))


def duplicate_unknown(h):
    value = next(a.value for a in h.appends if a.end is None and a.value in h.transcripts["n0"])
    each(h, lambda t: t.append(value))


def phantom(h):
    each(h, lambda t: t.append("nobody said this"))


def altered_text(h):
    at = h.appends[acked(h)].number - 1
    def change(t):
        t[at] += "?"
    each(h, change)


def altered_on_one(h):
    h.transcripts["n1"][700] = "other"


def gap(h):
    def change(t):
        t[300] = None
    each(h, change)


def number_twice(h):
    i, j = pair(h)
    h.appends[j] = h.appends[j]._replace(number=h.appends[i].number)


def number_wrong(h):
    i = acked(h)
    h.appends[i] = h.appends[i]._replace(number=h.appends[i].number + 1)


def number_missing(h):
    i = acked(h)
    h.appends[i] = h.appends[i]._replace(number=0)


def number_beyond(h):
    i = acked(h)
    h.appends[i] = h.appends[i]._replace(number=10 ** 9)


def stale_linear_read(h):
    i = read_at(h, True, 3)
    r = h.reads[i]
    back = max(a.number for a in h.appends if a.end is not None and a.end < r.call) - 1
    h.reads[i] = r._replace(last=back, first=back, values=[h.transcripts["n0"][back - 1]])


def linear_read_behind_a_read(h):
    """No append tells of it, only what somebody else was shown."""
    h.appends = [a._replace(end=None, number=None) for a in h.appends]
    stale_linear_read_of_reads(h)


def stale_linear_read_of_reads(h):
    linear = sorted((r for r in h.reads if r.linear), key=lambda r: r.call)
    seen = linear[len(linear) // 2]
    later = next(r for r in linear if r.call > seen.end)
    i = h.reads.index(later)
    h.reads[i] = later._replace(session="fresh", last=seen.last - 1, first=1, values=[])


def read_from_the_future(h):
    """A read is told of an append that was called after the read was answered."""
    i = read_at(h, False)
    r = h.reads[i]
    later = min((a for a in h.appends if a.end is not None and a.call > r.end), key=lambda a: a.call)
    h.reads[i] = r._replace(session="fresh", last=later.number, first=later.number,
                            values=[later.value])


def read_reordered(h):
    i = read_at(h, False, 2)
    h.reads[i] = h.reads[i]._replace(values=h.reads[i].values[::-1])


def read_with_a_hole(h):
    i = read_at(h, False, 3)
    values = list(h.reads[i].values)
    del values[1]
    h.reads[i] = h.reads[i]._replace(values=values)


def read_of_nothing_sent(h):
    i = read_at(h, True, 2)
    h.reads[i] = h.reads[i]._replace(values=h.reads[i].values[:-1] + ["ghost"])


def read_shifted(h):
    i = read_at(h, False, 2)
    h.reads[i] = h.reads[i]._replace(first=h.reads[i].first - 1)


def read_beyond(h):
    i = read_at(h, False)
    h.reads[i] = h.reads[i]._replace(last=len(h.transcripts["n0"]) + 1)


def read_past_its_last(h):
    i = read_at(h, False, 2)
    h.reads[i] = h.reads[i]._replace(last=h.reads[i].last - 1)


def read_goes_back(h):
    i = read_at(h, False)
    r = h.reads[i]
    before = max((x for x in h.reads if x.session == r.session and x.end <= r.call),
                 key=lambda x: x.end)
    h.reads[i] = r._replace(last=before.last - 1, first=1, values=[])


def session_reordered(h):
    """Two messages of one session change places; times are made to overlap, so that only the
    counters tell."""
    i = acked(h)
    j = next(k for k in range(i + 1, len(h.appends)) if h.appends[k].client == h.appends[i].client)
    a, b = h.appends[i], h.appends[j]
    def change(t):
        t[a.number - 1], t[b.number - 1] = b.value, a.value
    each(h, change)
    h.reads = []
    h.appends = [x._replace(call=0, end=None if x.end is None else 10 ** 9) for x in h.appends]
    h.appends[i] = h.appends[i]._replace(number=b.number)
    h.appends[j] = h.appends[j]._replace(number=a.number)


def session_with_a_hole(h):
    """A message of a session was skipped: its outcome is unknown, the next one is there."""
    i = acked(h)
    a = h.appends[i]
    at = a.number
    each(h, lambda t: t.pop(at - 1))
    h.reads = []
    h.appends = [x._replace(number=x.number - 1) if x.number is not None and x.number > at else x
                 for x in h.appends]
    h.appends[i] = a._replace(end=None, number=None)


def sent_twice(h):
    h.appends.append(h.appends[acked(h)])


def nothing_shown(h):
    h.transcripts = {}


MUTATIONS = [
    (swap_on_all, "number"), (swap_with_answers, "order"), (swap_on_one, "transcript"),
    (lose_on_all, "lost"), (lose_newest, "lost"), (lose_on_one, "transcript"),
    (lose_middle_on_one, "transcript"), (duplicate_on_all, "twice"), (duplicate_unknown, "twice"),
    (phantom, "phantom"), (altered_text, "phantom"), (altered_on_one, "transcript"), (gap, "gap"),
    (number_twice, "number"), (number_wrong, "number"), (number_missing, "number"),
    (number_beyond, "number"), (stale_linear_read, "stale"), (linear_read_behind_a_read, "stale"),
    (read_from_the_future, "order"), (read_reordered, "slice"), (read_with_a_hole, "slice"),
    (read_of_nothing_sent, "slice"), (read_shifted, "slice"), (read_beyond, "slice"),
    (read_past_its_last, "slice"), (read_goes_back, "back"), (session_reordered, "session"),
    (session_with_a_hole, "session"), (sent_twice, "history"), (nothing_shown, "transcript"),
]


def brute_force(h):
    """The same question by its definition, for small histories: every pair is looked at."""
    sequence = next(iter(h.transcripts.values()))
    place = {v: i for i, v in enumerate(sequence, 1)}
    told = [(a.end, a.number) for a in h.appends if a.end is not None] + \
           [(r.end, r.last) for r in h.reads]
    for a in h.appends:
        number = a.number if a.end is not None else place.get(a.value)
        if a.end is not None and place.get(a.value) != a.number:
            return False
        if number is not None and any(end < a.call and seen >= number for end, seen in told):
            return False
    for r in h.reads:
        if r.linear and any(end < r.call and seen > r.last for end, seen in told):
            return False
        if r.values != sequence[r.first - 1:r.first - 1 + len(r.values)]:
            return False
    return True


def scramble(h, rng):
    """Exchange the numbers of two appends, answers and transcripts alike, or move a read's end."""
    known = [i for i, a in enumerate(h.appends) if a.end is not None and a.number is not None]
    i, j = rng.sample(known, 2)
    a, b = h.appends[i], h.appends[j]
    h.appends[i], h.appends[j] = a._replace(number=b.number), b._replace(number=a.number)
    def change(t):
        t[a.number - 1], t[b.number - 1] = b.value, a.value
    each(h, change)
    h.reads = [r._replace(session=k, last=max(0, r.last - rng.randrange(3)), first=1, values=[])
               for k, r in enumerate(h.reads)]


class Checker(unittest.TestCase):
    def test_accepts_what_a_correct_cluster_yields(self):
        for seed in range(20):
            self.assertEqual(check(make(seed, 2000)), [], f"seed {seed}")

    def test_agrees_with_the_definition_on_small_histories(self):
        verdicts = {True: 0, False: 0}
        for seed in range(600):
            rng = random.Random(seed)
            h = make(seed, 14, clients=4, late=0.1)
            if h.acknowledged() < 2:
                continue
            if seed % 3 > 0:
                scramble(h, rng)
            h.appends = [a._replace(client=None) for a in h.appends]  # a claim of its own
            expected = brute_force(h)
            verdicts[expected] += 1
            self.assertEqual(not check(h), expected, f"seed {seed}: {check(h)[:3]}")
        self.assertGreater(verdicts[True], 100)
        self.assertGreater(verdicts[False], 100)

    def test_a_million_operations_take_seconds(self):
        """Ten times as many take some ten times as long; a square would be a hundred."""
        def seconds(count):
            h = make(1, count, clients=64)
            begin = time.process_time()
            self.assertEqual(check(h), [])
            return time.process_time() - begin
        few, many = seconds(100000), seconds(1000000)
        print(f"history 1000000 operations checked in {many:.1f} s")
        self.assertLess(many, 35 * few)


def rejects(mutation, claim):
    def test(self):
        h = copy(HISTORY)
        mutation(h)
        found = check(h)
        self.assertIn(claim, found.counts, f"found only {found[:5]}")
    return test


HISTORY = make(42, OPS)
for mutate, name in MUTATIONS:
    setattr(Checker, f"test_rejects_{mutate.__name__}", rejects(mutate, name))


if __name__ == "__main__":
    unittest.main()
