// What one would write in JavaScript: verify, parse, insert, commit, answer.

import { createHmac, timingSafeEqual } from "node:crypto";
import Fastify from "fastify";
import pg from "pg";

const secret = process.env.SECRET;
// PGHOST, PGPORT, PGUSER and PGDATABASE say where. A name makes pg prepare the statement once a connection.
const pool = new pg.Pool({ max: 10 });
const insert = {
  name: "insert",
  text: `INSERT INTO event (tenant, event_id, name, ticket, occurred_at, actor, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, event_id) DO NOTHING`,
};

const app = Fastify();
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_, body, done) => done(null, body));

app.post("/webhook", async (request, reply) => {
  const body = request.body;
  const signature = createHmac("sha256", secret).update(body).digest();
  const claimed = Buffer.from(request.headers["x-superoffice-signature"] ?? "", "base64");
  if (claimed.length !== signature.length || !timingSafeEqual(claimed, signature)) {
    return reply.code(401).send();
  }
  const text = body.toString();
  const event = JSON.parse(text);
  await pool.query({
    ...insert,
    values: [
      event.ContextIdentifier,
      event.EventId,
      event.Event,
      event.PrimaryKey,
      event.Timestamp,
      event.ChangedByAssociateId,
      text,
    ],
  });
  return { outcome: "stored", event_id: event.EventId };
});

await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
