//! A tenant's histories as one log for process mining, ticket after ticket.

use std::{ops::ControlFlow, path::Path};

use anyhow::{Context, bail};

use crate::{
    cli::{database::Database, output::Output, signals::StopSignals, tickets::counted},
    clock,
    domain::{
        desk::Place,
        ids::{Position, Tenant},
        instant::ticks_of_timestamp,
        label::{Labels, wanted},
        mining::{Activity, Names},
    },
    render::mining::{Case, Ocel, Source, Xes},
    store::{Desk, Store, TicketHistory},
};

/// Tickets read at once.
const PAGE: usize = 250;

/// Which log.
pub(super) enum LogAsked {
    Xes(Activity),
    Ocel(Activity),
}

/// Writes the log of what is known at the head as it is at the start. If it does not become whole the file is
/// removed.
///
/// # Errors
/// Also if it is told to stop.
pub(super) async fn export(
    database: &Database,
    tenant: Tenant,
    asked: LogAsked,
    output: Option<&Path>,
    signals: &mut StopSignals,
) -> anyhow::Result<()> {
    let position = tokio::select! {
        projected = database.projected(&tenant) => projected?,
        () = signals.told() => bail!("interrupted, nothing is written"),
    };
    let tickets = Tickets {
        store: database.store.clone(),
        tenant,
        position,
        after: None,
        is_over: false,
        now_ticks: ticks_of_timestamp(clock::now()),
    };
    let to = match output {
        Some(path) => Output::create(path).await?,
        None => Output::standard(),
    };
    let export = Export {
        tickets,
        output: to,
        written: Written::default(),
    };
    let written = export.write_whole(asked, signals).await;
    match (written, output) {
        (Err(error), Some(path)) => {
            let removed = tokio::fs::remove_file(path).await;
            let path = path.display();
            Err(error).context(match removed {
                Ok(()) => format!("{path} would not be a whole log and is removed"),
                Err(_) => format!("{path} is no whole log"),
            })
        }
        (Err(error), None) => Err(error).context("what was written is no whole log"),
        (Ok(()), _) => Ok(()),
    }
}

/// An export under way.
struct Export {
    tickets: Tickets,
    output: Output,
    written: Written,
}

/// What is written so far.
#[derive(Default)]
struct Written {
    tickets: usize,
    events: usize,
    undated: usize,
}

/// Breaks if nobody reads any more.
type Flow = anyhow::Result<ControlFlow<()>>;

impl Export {
    async fn write_whole(
        mut self,
        asked: LogAsked,
        signals: &mut StopSignals,
    ) -> anyhow::Result<()> {
        if self.write(asked, signals).await?.is_continue() {
            self.output.finish().await?;
            self.written.tell(self.tickets.position);
        }
        Ok(())
    }

    async fn write(&mut self, asked: LogAsked, signals: &mut StopSignals) -> Flow {
        let source = |activity| Source {
            tenant: self.tickets.tenant.clone(),
            position: self.tickets.position,
            activity,
        };
        match asked {
            LogAsked::Xes(activity) => self.xes(Xes::new(source(activity)), signals).await,
            LogAsked::Ocel(activity) => self.ocel(Ocel::new(source(activity)), signals).await,
        }
    }

    async fn xes(&mut self, mut log: Xes, signals: &mut StopSignals) -> Flow {
        let mut part = log.head()?;
        while let Some(page) = self.tickets.next(signals).await? {
            for case in page.cases() {
                part.append(&mut log.trace(&case)?);
            }
            if self.add(&mut part, signals).await?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.written.count(&page);
        }
        part.append(&mut log.end()?);
        self.add(&mut part, signals).await
    }

    /// Goes through the tickets twice: once for the events, once for what the tickets held.
    async fn ocel(&mut self, mut log: Ocel, signals: &mut StopSignals) -> Flow {
        let mut part = log.head()?;
        while let Some(page) = self.tickets.next(signals).await? {
            for case in page.cases() {
                part.append(&mut log.events(&case)?);
            }
            if self.add(&mut part, signals).await?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.written.count(&page);
        }
        part.append(&mut log.middle());
        self.tickets.again();
        while let Some(page) = self.tickets.next(signals).await? {
            for case in page.cases() {
                part.append(&mut log.ticket(&case)?);
            }
            if self.add(&mut part, signals).await?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        part.append(&mut log.end()?);
        self.add(&mut part, signals).await
    }

    /// Writes a part and empties it.
    async fn add(&mut self, part: &mut Vec<u8>, signals: &mut StopSignals) -> Flow {
        let (written, told) = signals.outlast(self.output.write(part)).await;
        part.clear();
        let written = written?;
        if told && written.is_continue() {
            bail!("interrupted");
        }
        Ok(written)
    }
}

impl Written {
    fn count(&mut self, page: &Page) {
        for case in page.cases() {
            let events = case.events();
            self.events += events;
            self.tickets += usize::from(events > 0);
        }
        self.undated += page.found.iter().map(|found| found.undated).sum::<usize>();
    }

    fn tell(&self, position: Position) {
        let (tickets, events) = (
            counted(self.tickets, "ticket"),
            counted(self.events, "event"),
        );
        let undated = match self.undated {
            0 => String::new(),
            _ => format!(
                "; left out: {} without a Timestamp",
                counted(self.undated, "event")
            ),
        };
        let position = position.0;
        eprintln!("Wrote {tickets} with {events}, as known at position {position}{undated}");
    }
}

/// Goes through the tickets of a tenant by number, from what was in the log up to a position.
struct Tickets {
    store: Store,
    tenant: Tenant,
    position: Position,
    after: Option<Place>,
    is_over: bool,
    /// Of which instant the names are.
    now_ticks: i64,
}

/// Some tickets.
struct Page {
    found: Vec<TicketHistory>,
    labels: Labels,
    now_ticks: i64,
}

impl Page {
    fn cases(&self) -> impl Iterator<Item = Case<'_>> {
        self.found.iter().map(|found| Case {
            ticket: found.ticket,
            history: &found.history,
            names: Names {
                labels: &self.labels,
                ticks: self.now_ticks,
            },
        })
    }
}

impl Tickets {
    /// Begins at the first again.
    fn again(&mut self) {
        self.after = None;
        self.is_over = false;
    }

    /// The next ones; `None` at the end.
    async fn next(&mut self, signals: &mut StopSignals) -> anyhow::Result<Option<Page>> {
        if self.is_over {
            return Ok(None);
        }
        tokio::select! {
            page = self.read() => page.context("reading").map(Some),
            () = signals.told() => bail!("interrupted"),
        }
    }

    async fn read(&mut self) -> anyhow::Result<Page> {
        let desk = Desk {
            known_at: Some(self.position),
            ..Desk::default()
        };
        let page = self.store.list_desk(&self.tenant, &desk, self.after, PAGE);
        let page = page.await?;
        let histories = page.items.iter().map(|found| &found.history);
        let wanted = wanted(histories);
        let labels = self.store.find_labels(&self.tenant, &wanted).await?;
        self.is_over = page.next.is_none();
        self.after = page.next;
        Ok(Page {
            found: page.items,
            labels,
            now_ticks: self.now_ticks,
        })
    }
}
