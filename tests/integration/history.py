"""What clients saw of one room of a log, and whether one order explains all of it.

A history is made of appends and reads, each with the moment it was called and the moment it
was answered (of one clock that all clients share), and of the transcripts that the nodes
showed in the end. Appends are answered with numbers, so no order has to be searched for: the
numbers are the order, and each claim is checked exactly by sorting and one sweep, in
O(n log n).

  values     no value appears that was never sent; none appears twice; transcripts are equal
  numbers    each acknowledged append stands under its number, one append per number, no gaps
  real time  what was answered before a call is below it: an append gets a higher number than
             everything that any answer before its call told of, and a linear read sees all
             of it
  reads      each is a slice of the one sequence, and ends where it says; reads of one session
             (one client at one process of a node) never go back
  sessions   the counters of a client stand in the sequence as 1, 2, 3...

`check(history)` returns the breaches as sentences; none means that the history is sound.
"""
import gc
from operator import itemgetter
from typing import NamedTuple, Optional

SHOWN_MAX = 50  # breaches that are spelled out


class Append(NamedTuple):
    client: object  # a session with counters; None: none
    counter: int
    value: str
    call: int
    end: Optional[int]  # None: the outcome is not known
    number: Optional[int]


class Read(NamedTuple):
    session: object
    linear: bool
    call: int
    end: int
    last: int      # the newest number it told of; 0: none
    first: int     # number of values[0]
    values: list


class History:
    def __init__(self, appends=(), reads=(), transcripts=None):
        self.appends = list(appends)
        self.reads = list(reads)
        self.transcripts = dict(transcripts or {})  # name of a node: values from number 1 on

    def add(self, other):
        self.appends += other.appends
        self.reads += other.reads

    def acknowledged(self):
        return sum(a.end is not None for a in self.appends)


class Breaches(list):
    """Sentences, the first ones of each claim spelled out."""

    def __init__(self):
        super().__init__()
        self.counts = {}

    def say(self, claim, text):
        count = self.counts[claim] = self.counts.get(claim, 0) + 1
        if count <= SHOWN_MAX:
            self.append(f"{claim}: {text}")


def check_transcripts(history, out):
    """All nodes show the same sequence; it is returned (the longest one when they differ)."""
    names = sorted(history.transcripts)
    if not names:
        out.say("transcript", "no node showed one")
        return []
    longest = max(names, key=lambda n: len(history.transcripts[n]))
    sequence = history.transcripts[longest]
    for name in names:
        mine = history.transcripts[name]
        if mine == sequence:
            continue
        at = next((i for i, (a, b) in enumerate(zip(mine, sequence)) if a != b), len(mine))
        here = mine[at] if at < len(mine) else "nothing"
        out.say("transcript", f"{name} has {here!r} under {at + 1}, {longest} has {sequence[at]!r}")
    return sequence


def check_values(history, sequence, out):
    """Where each value stands; none twice, none from nowhere."""
    place = {}
    for number, value in enumerate(sequence, 1):
        if value is None:
            out.say("gap", f"nothing stands under {number}")
        elif place.setdefault(value, number) != number:
            out.say("twice", f"{value!r} stands under {place[value]} and under {number}")
    sent = set()
    for a in history.appends:
        if a.value in sent:
            out.say("history", f"{a.value!r} was sent by two calls: the clients are wrong")
        sent.add(a.value)
    for value in place:
        if value is not None and value not in sent:
            out.say("phantom", f"{value!r} under {place[value]} was never sent")
    return place


def check_numbers(history, sequence, place, out):
    taken = {}
    for a in history.appends:
        if a.end is None:
            continue
        if not isinstance(a.number, int) or a.number < 1:
            out.say("number", f"{a.value!r} was acknowledged as {a.number!r}")
            continue
        other = taken.setdefault(a.number, a.value)
        if other != a.value:
            out.say("number", f"{a.number} was given to {other!r} and to {a.value!r}")
        if a.end < a.call:
            out.say("history", f"{a.value!r} was answered before it was called")
        if place.get(a.value) is None:
            out.say("lost", f"{a.value!r} was acknowledged as {a.number} and is not there")
        elif a.number > len(sequence) or sequence[a.number - 1] != a.value:
            out.say("number", f"{a.value!r} was acknowledged as {a.number} and stands under "
                              f"{place[a.value]}")


def check_reads(history, sequence, out):
    latest = {}
    for r in sorted(history.reads, key=itemgetter(2)):
        end = r.first + len(r.values) - 1
        if r.values and (r.first < 1 or end > len(sequence) or
                         sequence[r.first - 1:end] != r.values):
            out.say("slice", f"{r.session} read {r.values[:3]!r}... from {r.first} on, which is no slice")
        if r.last > len(sequence):
            out.say("slice", f"{r.session} was told of number {r.last}, the sequence has {len(sequence)}")
        if end > r.last and r.values:
            out.say("slice", f"{r.session} was told that {r.last} is the last, and shown {end}")
        before = latest.get(r.session)
        if before is not None and before[0] <= r.call and before[1] > r.last:
            out.say("back", f"{r.session} saw {before[1]}, later {r.last}")
        if before is None or r.last >= before[1]:
            latest[r.session] = (r.end, r.last)


def check_real_time(history, place, out):
    """One sweep over calls and answers by time: `floor` is the highest number told so far."""
    calls, answers = [], []
    for a in history.appends:
        number = a.number if a.end is not None else place.get(a.value)
        if not isinstance(number, int):
            continue
        calls.append((a.call, number - 1, a))  # all before it must be below its number
        if a.end is not None:
            answers.append((a.end, number, a))
    for r in history.reads:
        if r.linear:
            calls.append((r.call, r.last, r))
        answers.append((r.end, r.last, r))
    calls.sort(key=itemgetter(0))
    answers.sort(key=itemgetter(0))
    floor, teller, at, total = 0, None, 0, len(answers)
    for moment, highest, op in calls:
        while at < total and answers[at][0] < moment:
            if answers[at][1] > floor:
                floor, teller = answers[at][1], answers[at][2]
            at += 1
        if floor > highest:
            if isinstance(op, Append):
                out.say("order", f"{op.value!r} got {highest + 1}, called after {floor} was told to "
                                 f"{describe(teller)}")
            else:
                out.say("stale", f"linear read of {op.session} saw {op.last}, called after {floor} was "
                                 f"told to {describe(teller)}")


def describe(op):
    return f"the append of {op.value!r}" if isinstance(op, Append) else f"{op.session}"


def check_sessions(history, place, out):
    """Who sends one after another sees them in this order, none left out."""
    sessions = {}
    for a in history.appends:
        if a.client is not None and a.value in place:
            sessions.setdefault(a.client, []).append((place[a.value], a.counter))
    for client, rows in sessions.items():
        rows.sort()
        for i, (number, counter) in enumerate(rows, 1):
            if counter != i:
                out.say("session", f"message {counter} of {client} stands under {number} as its "
                                   f"number {i}")
                break


def check(history):
    collects = gc.isenabled()
    gc.disable()  # millions of small tuples and no cycles: looking for some doubles the time
    try:
        return check_all(history)
    finally:
        if collects:
            gc.enable()


def check_all(history):
    out = Breaches()
    sequence = check_transcripts(history, out)
    place = check_values(history, sequence, out)
    check_numbers(history, sequence, place, out)
    check_reads(history, sequence, out)
    check_real_time(history, place, out)
    check_sessions(history, place, out)
    return out
