"""What a schema cannot say, so that what is called valid is valid.

Cases that are wrong on purpose stay as they were made, and no operation and no check is left out."""

import base64
import hashlib
import hmac
import os
from datetime import datetime

import requests
import schemathesis

BASE = os.environ["TICKETLOG_URL"]
TOKEN = os.environ["TICKETLOG_TOKEN"]
SECRET = os.environ["TICKETLOG_SECRET"].encode()
SIGNATURE = "X-SuperOffice-Signature"


def is_valid(case):
    """Cases that are wrong on purpose stay as they are."""
    return case.meta is None or case.meta.generation.mode.is_positive


@schemathesis.auth().apply_to(path_regex="^/webhook")
class Signed:
    """The signature is over the bytes of the body, as SuperOffice makes it."""

    def get(self, case, context):
        return SECRET

    def set(self, case, data, context):
        if not is_valid(case):
            return
        request = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        digest = hmac.new(data, body, hashlib.sha256).digest()
        case.headers[SIGNATURE] = base64.b64encode(digest).decode()


@schemathesis.hook
def before_call(context, case, kwargs):
    if not is_valid(case):
        return
    if case.method == "PUT":
        for rows in case.body.values():
            rows[:] = once_each(rows)
    if case.path.endswith("/reports/{report}"):
        # Which parameters a report takes, and what for, only its file says.
        case.query = {name: value for name, value in (case.query or {}).items() if name in ("format", "stale")}
    mend(case)


def once_each(rows):
    """No row of a body may say something about what another row is about."""
    seen = set()
    for row in rows:
        parts = [("owner", row.get("owner")), ("actor", row.get("actor"))]
        if "list" in row:
            # Instants are the same in many spellings.
            parts = [(row["list"], row["id"])]
        subjects = {part for part in parts if part[1] is not None}
        if not subjects & seen:
            seen |= subjects
            yield row


def mend(case):
    """What parameters ask of each other."""
    query = case.query
    if not query:
        return
    if "from_value" in query or "to_value" in query:
        # A value needs a field; in one that has labels a text is a label, and must be there.
        query["field"] = ["x_free"]
    if "from" in query and "to" in query:
        put_in_order(query)
    if str(query.get("order", "")).endswith("last"):
        query.pop("as_of", None)
        query.pop("known_at", None)
    for name, values in query.items():
        # Of fields 100 values can be asked for, and a head is read up to 8 KiB.
        if isinstance(values, list):
            query[name] = values[:3]
    if query.get("format", "json") != "json" or "Accept" in (case.headers or {}):
        query.pop("cursor", None)
    elif "cursor" in query:
        follow(case)


def put_in_order(query):
    first, last = query["from"], query["to"]
    try:
        if instant(first) > instant(last):
            query["from"], query["to"] = last, first
    except ValueError:
        # Python knows no second 60 and no year 0.
        query["to"] = first


def instant(text):
    return datetime.fromisoformat(text.upper().replace("Z", "+00:00"))


def follow(case):
    """A cursor that can be good is one that the page before has given."""
    query = case.query
    del query["cursor"]
    first = case.as_transport_kwargs(base_url=BASE)
    first["headers"] = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.request(**first)
    if answer.ok and answer.json().get("next"):
        query["cursor"] = answer.json()["next"]


# Zones and searches have languages of their own.
from hypothesis import strategies as st  # noqa: E402

schemathesis.openapi.format("iana-time-zone", st.sampled_from(["UTC", "Europe/Oslo", "Asia/Kolkata"]))
schemathesis.openapi.format("ticketlog-cursor", st.just("of the page before"))
schemathesis.openapi.format(
    "ticketlog-search",
    st.sampled_from([
        "status changed from 1 to 2",
        "not kind set or by 21",
        "ever priority = 1 and after 2016-03-01",
        "",
    ]),
)


@schemathesis.hook
def filter_case(context, case):
    """HTTP has a header ignored that the document does not name: it is no mistake of the sender's."""
    return not any(name.lower() == "x-schemathesis-unknown-property" for name in case.headers or {})
