"""What one would write in Python: verify, parse, insert, commit, answer."""

import base64
import datetime
import hashlib
import hmac
import json
import os
import uuid
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI, HTTPException, Request

SECRET = os.environ["SECRET"].encode()
INSERT = """INSERT INTO event (tenant, event_id, name, ticket, occurred_at, actor, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, event_id) DO NOTHING"""


@asynccontextmanager
async def lifespan(app):
    # PGHOST, PGPORT, PGUSER and PGDATABASE say where.
    async with asyncpg.create_pool(min_size=10, max_size=10) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/webhook")
async def receive(request: Request):
    body = await request.body()
    signature = base64.b64encode(hmac.digest(SECRET, body, hashlib.sha256)).decode()
    if not hmac.compare_digest(signature, request.headers.get("x-superoffice-signature", "")):
        raise HTTPException(401)
    event = json.loads(body)
    event_id = uuid.UUID(event["EventId"])
    await app.state.pool.execute(
        INSERT,
        event["ContextIdentifier"],
        event_id,
        event["Event"],
        event["PrimaryKey"],
        # Python keeps six digits of the seven.
        datetime.datetime.fromisoformat(event["Timestamp"]),
        event["ChangedByAssociateId"],
        body.decode(),
    )
    return {"outcome": "stored", "event_id": event_id}
