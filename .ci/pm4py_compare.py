"""Compares what pm4py finds in exported logs with what follows from the events themselves, ticket by ticket.

Usage: pm4py_compare.py FOLDER DATA. FOLDER has events.ndjson and <activity>.xes and .ocel; DATA has the labels
and the answers that another program computed from the raw source.

First it damages a small part of the logs, in each of the ways of DAMAGES, and sees that it notices: a comparison that
cannot fail says nothing.
"""

import csv
import json
import os
import re
import statistics
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

os.environ.setdefault("PM4PY_SHOW_PROGRESS_BAR", "False")

NAME = "uci_incidents_3500"
NOISE = ("id", "last_changed")
NOISE_STARTS = ("read_", "first_read_", "time_spent_", "real_time_", "dbi_")
RANKED = ["status", "owned_by", "project_id", "priority", "category"]


def seconds(text):
    """Of an instant with seven digits, to the microsecond."""
    whole, _, digits = text.rstrip("Z").partition(".")
    at = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
    return at.timestamp() + int((digits + "000000")[:6]) / 1_000_000


def tickets(folder):
    """The events of each ticket in their order; in these none is repeated and all have values."""
    found = defaultdict(list)
    with open(f"{folder}/events.ndjson", encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            found[str(event["primary_key"])].append(event)
    for events in found.values():
        events.sort(key=lambda event: event["occurred_at"])
    return found


def step(event, before, label):
    """The activity `step` of an event, from what the ticket held before it."""
    if before is None:
        return "created"
    declared, now = set(event["body"]["Changes"]), event["body"]["FieldValues"]
    moved = {field for field in now if before.get(field) != now[field]}
    changed = moved | (declared - now.keys())
    changed = {f for f in changed if f not in NOISE and not f.startswith(NOISE_STARTS)}
    if "status" in changed:
        was, became = before["status"], now["status"]
        if was == 4 and became != 5:
            return "restored"
        if was == 2 and became in (0, 1, 3):
            return "reopened"
        words = {5: "merged", 4: "deleted", 2: "closed", 3: "postponed"}
        if became in words:
            return words[became]
    if "ticket_status" in changed:
        return label[now["ticket_status"]]
    rank = lambda field: RANKED.index(field) if field in RANKED else len(RANKED)
    names = sorted(changed, key=lambda field: (rank(field), field))
    return f"{names[0]} changed" if names else "changed"


def sequence(events, activity, label):
    """The activities of a ticket."""
    if activity == "ticket-status":
        return tuple(label[event["body"]["FieldValues"]["ticket_status"]] for event in events)
    befores = [None] + [event["body"]["FieldValues"] for event in events]
    return tuple(step(event, before, label) for event, before in zip(events, befores))


def computed(found, activity, label):
    """Of each ticket its activities in order, and how long it lasted."""
    logged = {}
    for ticket, events in found.items():
        lasted = seconds(events[-1]["occurred_at"]) - seconds(events[0]["occurred_at"])
        logged[ticket] = (sequence(events, activity, label), lasted)
    return logged


def read(path):
    """What pm4py reads, as a row for each event."""
    import pm4py

    if path.endswith(".xes"):
        return pm4py.read_xes(path)
    flat = pm4py.ocel_flattening(pm4py.read_ocel2_json(path), "ticket")
    # Its rows are by time; pm4py counts variants of rows that are by case.
    return pm4py.format_dataframe(flat)


def mined(log):
    """The same as `computed`, as pm4py has it."""
    cases = defaultdict(list)
    columns = ("case:concept:name", "concept:name", "time:timestamp")
    for case, activity, at in zip(*(log[column] for column in columns)):
        cases[str(case).removeprefix("ticket:")].append((activity, at))
    logged = {}
    for case, rows in cases.items():
        lasted = (rows[-1][1] - rows[0][1]).total_seconds()
        logged[case] = (tuple(activity for activity, _ in rows), lasted)
    return logged


def figures(logged):
    """Cases, events, how often each variant, and the median duration."""
    sequences = [sequence for sequence, _ in logged.values()]
    lasted = statistics.median(lasted for _, lasted in logged.values())
    return len(logged), sum(map(len, sequences)), Counter(sequences), lasted


def mined_figures(log):
    """The same, as pm4py counts them itself."""
    import pm4py

    cases = log["case:concept:name"].nunique()
    lasted = statistics.median(pm4py.get_all_case_durations(log))
    return cases, len(log), Counter(pm4py.get_variants(log)), lasted


def differences(ours, log):
    """What pm4py has otherwise than it should, in words; none if it is the same."""
    theirs = mined(log)
    told = [f"the ticket {ticket} is missing" for ticket in ours.keys() - theirs.keys()]
    told += [f"there is no ticket {ticket}" for ticket in theirs.keys() - ours.keys()]
    for ticket in ours.keys() & theirs.keys():
        (sequence, lasted), (mined_sequence, mined_lasted) = ours[ticket], theirs[ticket]
        if sequence != mined_sequence:
            told.append(f"the ticket {ticket} is {mined_sequence} instead of {sequence}")
        if abs(lasted - mined_lasted) >= 0.01:
            told.append(f"the ticket {ticket} lasted {mined_lasted} s instead of {lasted} s")
    count, mined_count = figures(ours), mined_figures(log)
    if count[:3] != mined_count[:3] or abs(count[3] - mined_count[3]) >= 0.01:
        told.append("pm4py counts other figures")
    return sorted(told)


# What is done to the first ticket's last event, or to the first ticket.
DAMAGES = ("an event is dropped", "a ticket is renamed", "an activity is renamed", "an event is a second late")


def second_later(instant):
    at = datetime.fromisoformat(instant.replace("Z", "+00:00")) + timedelta(seconds=1)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def damaged_xes(path, kept, damage):
    """The first `kept` traces of a log, damaged."""
    with open(path, encoding="utf-8") as text:
        head, *traces = text.read().split("<trace>\n", kept + 1)[: kept + 1]
    first, event, last = traces[0].rpartition("<event>\n")
    if damage == "an event is dropped":
        event, last = "", last.partition("</event>\n")[2]
    elif damage == "a ticket is renamed":
        first = re.sub('value="[^"]*"', 'value="999999"', first, count=1)
    elif damage == "an activity is renamed":
        last = re.sub('value="[^"]*"', 'value="otherwise"', last, count=1)
    elif damage == "an event is a second late":
        key = 'key="time:timestamp" value="'
        before, key, rest = last.partition(key)
        instant, quote, rest = rest.partition('"')
        last = before + key + second_later(instant) + quote + rest
    traces[0] = first + event + last
    return "<trace>\n".join([head, *traces]) + "</log>\n"


def damaged_ocel(path, kept, damage):
    """The events of the first `kept` tickets of a log, damaged."""
    with open(path, encoding="utf-8") as text:
        log = json.load(text)
    ids = [it["id"] for it in log["objects"] if it["type"] == "ticket"][:kept]
    tickets = {ticket: [] for ticket in ids}
    for event in log["events"]:
        for related in event["relationships"]:
            tickets.get(related["objectId"], []).append(event)
    log["objects"] = [it for it in log["objects"] if it["type"] != "ticket" or it["id"] in tickets]
    last = tickets[ids[0]][-1]
    if damage == "an event is dropped":
        tickets[ids[0]].remove(last)
    elif damage == "an activity is renamed":
        last["type"] = next(it["name"] for it in log["eventTypes"] if it["name"] != last["type"])
    elif damage == "an event is a second late":
        last["time"] = second_later(last["time"])
    log["events"] = [event for events in tickets.values() for event in events]
    text = json.dumps(log)
    if damage == "a ticket is renamed":
        text = text.replace(f'"{ids[0]}"', '"ticket:999999"')
    return text


def notices_damage(folder, found, label, kept=40):
    """That each damage to a part of a log is told, and that nothing is told without any."""
    noticed = True
    for form, damaged in (("xes", damaged_xes), ("ocel", damaged_ocel)):
        for damage in (None, *DAMAGES):
            path = f"{folder}/damaged.{form}"
            with open(path, "w", encoding="utf-8") as text:
                text.write(damaged(f"{folder}/step.{form}", kept, damage))
            log = read(path)
            # The export writes tickets by their number.
            part = dict(sorted(found.items(), key=lambda item: int(item[0]))[:kept])
            told = differences(computed(part, "step", label), log)
            if bool(told) != bool(damage):
                print(f"{form}: of {kept} tickets where {damage or 'nothing is damaged'}: {told or 'nothing is told'}")
                noticed = False
    return noticed


def main(folder, data):
    with open(f"{data}/{NAME}.labels.csv", encoding="utf-8") as rows:
        label = {int(row["id"]): row["label"] for row in csv.DictReader(rows) if row["field"] == "ticket_status"}
    with open(f"{data}/expected_{NAME}.json", encoding="utf-8") as text:
        expected = json.load(text)
    found = tickets(folder)
    if not notices_damage(folder, found, label):
        sys.exit("the comparison does not notice what is damaged")
    print(f"{2 * len(DAMAGES)} damaged logs are told from whole ones")
    failed = False
    for activity in ("step", "ticket-status"):
        ours = computed(found, activity, label)
        for form in ("xes", "ocel"):
            told = differences(ours, read(f"{folder}/{activity}.{form}"))
            failed |= bool(told)
            cases, events, variants, lasted = figures(ours)
            print(
                f"{form:4} {activity:13} {cases} cases, {events} events, {len(variants)} variants, "
                f"median duration {lasted:.3f} s: {'the same' if not told else f'{len(told)} differences'}"
            )
            for difference in told[:3]:
                print(f"  {difference}")
    totals = expected["totals"]
    raw = (totals["tickets"], totals["events"])
    cases, events, _, lasted = figures(ours)
    raw_lasted = expected["throughput_first_to_last_event_seconds"]["median"]
    if raw != (cases, events) or abs(raw_lasted - lasted) >= 0.01:
        print(f"the raw source has {raw[0]} cases, {raw[1]} events, median duration {raw_lasted} s")
        failed = True
    sys.exit("pm4py finds something else than the log has" if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
