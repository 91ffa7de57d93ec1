//! What is asked.

use anyhow::Context;
use reqwest::Client;
use serde_json::Value;

/// Places in the log that are drawn.
const DRAWN: u64 = 400;

/// A kind of question.
pub(crate) struct Question {
    pub(crate) name: &'static str,
    /// What follows the tenant; `{ticket}`, `{actor}`, `{owner}`, `{at}`, `{day}` and `{next}` are filled in.
    path: &'static str,
}

const fn question(name: &'static str, path: &'static str) -> Question {
    Question { name, path }
}

/// All of them.
pub(crate) const ALL: [Question; 18] = [
    question("timeline of a ticket", "/tickets/{ticket}/timeline"),
    question("a ticket", "/tickets/{ticket}"),
    question("a ticket as of", "/tickets/{ticket}?as_of={at}"),
    question(
        "an actor's day",
        "/changes?actor={actor}&since={day}&until={next}",
    ),
    question(
        "an actor's day, 1,000 in a page",
        "/changes?actor={actor}&since={day}&until={next}&limit=1000",
    ),
    question(
        "changes of a field in a day",
        "/changes?field=owned_by&since={day}&until={next}",
    ),
    question("desk", "/tickets"),
    question("desk: status", "/tickets?status=1"),
    question("desk: owner", "/tickets?owned_by={owner}"),
    question("desk: status and priority", "/tickets?status=1&priority=2"),
    question("desk: last changed first", "/tickets?order=-last"),
    question("desk as of", "/tickets?as_of={at}"),
    question("desk as of: status", "/tickets?status=1&as_of={at}"),
    question(
        "search: status by actor",
        "/changes?q=status+changed+to+2+by+{actor}+after+{date}",
    ),
    question(
        "search: to an owner",
        "/changes?q=owned_by+changed+to+{owner}&order=desc",
    ),
    question(
        "search: ever, and held on a day",
        "/changes?q=ever+priority+in+(3)+and+owned_by+was+{owner}+on+{date}",
    ),
    question("in doubt", "/completeness"),
    question("an actor", "/actors/{actor}?since={day}&until={next}"),
];

/// What was drawn from the log.
pub(crate) struct Sample {
    pub(crate) head: u64,
    drawn: Vec<Drawn>,
}

struct Drawn {
    ticket: i64,
    actor: i64,
    owner: i64,
    at: String,
}

impl Sample {
    /// Draws evenly from all over the log: at each place the next ticket event, and the next ticket to be
    /// created. Tickets by their events would be the large ones.
    pub(crate) async fn draw(client: &Client, base: &str) -> anyhow::Result<Self> {
        let first = read(client, &format!("{base}/events?limit=1")).await?;
        let head = first
            .get("head")
            .and_then(Value::as_u64)
            .context("no head")?;
        let mut drawn = Vec::new();
        for nth in 0..DRAWN.min(head) {
            let after = head * nth / DRAWN.min(head);
            let page = read(client, &format!("{base}/events?limit=200&after={after}")).await?;
            drawn.extend(Drawn::of(&page));
        }
        anyhow::ensure!(!drawn.is_empty(), "no ticket events in it");
        Ok(Self { head, drawn })
    }

    /// So many of the tickets drawn.
    pub(crate) fn tickets(&self, count: usize) -> Vec<i64> {
        self.drawn
            .iter()
            .map(|drawn| drawn.ticket)
            .take(count)
            .collect()
    }

    /// For each place drawn who did something there, the day, and the day after it.
    pub(crate) fn days(&self) -> Vec<(i64, String, String)> {
        let day = |drawn: &Drawn| (drawn.actor, drawn.fill("{day}"), drawn.fill("{next}"));
        self.drawn.iter().map(day).collect()
    }

    /// One path for each place drawn.
    pub(crate) fn paths(&self, question: &Question, base: &str) -> Vec<String> {
        let paths = self.drawn.iter().map(|drawn| drawn.fill(question.path));
        paths.map(|path| format!("{base}{path}")).collect()
    }
}

impl Drawn {
    fn of(page: &Value) -> Option<Self> {
        let events = page.get("items")?.as_array()?;
        let event = events.first()?;
        let created =
            |event: &&Value| event.get("event").and_then(Value::as_str) == Some("ticket.created");
        let created = events.iter().find(created)?;
        Some(Self {
            ticket: created.get("primary_key")?.as_i64()?,
            actor: event.pointer("/actor/id")?.as_i64()?,
            owner: event.pointer("/body/FieldValues/owned_by")?.as_i64()?,
            at: event.get("occurred_at")?.as_str()?.to_owned(),
        })
    }

    fn fill(&self, path: &str) -> String {
        let date = self.at.get(..10).unwrap_or("2024-01-01");
        let next: String = date
            .parse()
            .ok()
            .and_then(|date: jiff::civil::Date| date.tomorrow().ok())
            .map_or_else(|| date.to_owned(), |next| next.to_string());
        path.replace("{ticket}", &self.ticket.to_string())
            .replace("{actor}", &self.actor.to_string())
            .replace("{owner}", &self.owner.to_string())
            .replace("{at}", &self.at)
            .replace("{date}", date)
            .replace("{day}", &format!("{date}T00:00:00Z"))
            .replace("{next}", &format!("{next}T00:00:00Z"))
    }
}

async fn read(client: &Client, url: &str) -> anyhow::Result<Value> {
    let answer = client.get(url).send().await?.error_for_status()?;
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}
