"""Compares what pm4py finds in exported logs with what follows from the events themselves.

Usage: pm4py_compare.py FOLDER DATA. FOLDER has events.ndjson and <activity>.xes and .ocel; DATA has the labels
and the answers that another program computed from the raw source.
"""

import csv
import json
import os
import statistics
import sys
from collections import Counter, defaultdict
from datetime import datetime, timezone

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
    variants = Counter(sequence(events, activity, label) for events in found.values())
    lasted = [seconds(e[-1]["occurred_at"]) - seconds(e[0]["occurred_at"]) for e in found.values()]
    return len(found), sum(map(len, found.values())), variants, statistics.median(lasted)


def mined(log):
    """The same, as pm4py finds it."""
    import pm4py

    cases = log["case:concept:name"].nunique()
    lasted = statistics.median(pm4py.get_all_case_durations(log))
    return cases, len(log), Counter(pm4py.get_variants(log)), lasted


def main(folder, data):
    import pm4py

    with open(f"{data}/{NAME}.labels.csv", encoding="utf-8") as rows:
        label = {int(row["id"]): row["label"] for row in csv.DictReader(rows) if row["field"] == "ticket_status"}
    with open(f"{data}/expected_{NAME}.json", encoding="utf-8") as text:
        expected = json.load(text)
    found = tickets(folder)
    failed = False
    for activity in ("step", "ticket-status"):
        ours = computed(found, activity, label)
        ocel = pm4py.read_ocel2_json(f"{folder}/{activity}.ocel")
        flat = pm4py.ocel_flattening(ocel, "ticket")
        logs = {
            "xes": pm4py.read_xes(f"{folder}/{activity}.xes"),
            # Its rows are by time; pm4py counts variants of rows that are by case.
            "ocel": pm4py.format_dataframe(flat),
        }
        for form, log in logs.items():
            theirs = mined(log)
            same = ours[:3] == theirs[:3] and abs(ours[3] - theirs[3]) < 0.01
            failed |= not same
            for who, figures in (("log", ours), ("pm4py", theirs)):
                cases, events, variants, lasted = figures
                print(
                    f"{form:4} {activity:13} {who:5} {cases} cases, {events} events, "
                    f"{len(variants)} variants, median duration {lasted:.3f} s"
                )
            for variant, count in list((theirs[2] - ours[2]).items())[:3]:
                print(f"  {count} more in pm4py: {variant}")
    totals = expected["totals"]
    raw = (totals["tickets"], totals["events"])
    lasted = expected["throughput_first_to_last_event_seconds"]["median"]
    if raw != ours[:2] or abs(lasted - ours[3]) >= 0.01:
        print(f"the raw source has {raw[0]} cases, {raw[1]} events, median duration {lasted} s")
        failed = True
    sys.exit("pm4py finds other figures than the log has" if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
