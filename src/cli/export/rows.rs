//! The rows of an export, page by page.

use anyhow::Context;
use serde::Serialize;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    domain::{
        ids::{Position, Tenant},
        label::{Labels, wanted},
        log::StoredEvent,
        search::FoundChange,
    },
    render::{
        csv::{self, Table},
        found::FoundChangeJson,
        json::EventJson,
        lines,
    },
    store::{Follower, PageSize, Store},
};

/// What is read at once.
const PAGE: PageSize = PageSize {
    events: 1000,
    bytes: 4 << 20,
};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON a line.
    Ndjson,
    /// A table.
    Csv,
}

/// What a row is of, and up to where rows were read.
#[derive(Debug)]
pub(super) enum Rows {
    Events(Follower),
    Changes(Changes),
}

/// The changes of a tenant's events.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) store: Store,
    pub(super) tenant: Tenant,
    pub(super) after: Position,
    pub(super) noise: bool,
}

/// What was read at once.
pub(super) struct Page {
    items: Items,
    labels: Labels,
    /// The position that it goes up to.
    pub(super) reached: Position,
}

enum Items {
    Events(Vec<StoredEvent>),
    Changes(Vec<FoundChange>),
}

/// Pages in order, the next of which is read while one is written: reading waits for Postgres, writing works.
pub(super) struct Pages {
    queue: mpsc::Receiver<anyhow::Result<Page>>,
    /// The reader, which ends with this.
    _reader: JoinSet<()>,
}

impl Rows {
    /// The row with the names of the columns.
    pub(super) fn header(&self) -> Vec<u8> {
        match self {
            Self::Events(_) => csv::header::<EventJson>(),
            Self::Changes(_) => csv::header::<FoundChangeJson>(),
        }
    }

    /// All rows up to a position.
    pub(super) fn pages(mut self, head: Position) -> Pages {
        let (read, queue) = mpsc::channel(1);
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            while self.reached() < head {
                let page = self.read(head).await;
                let failed = page.is_err();
                if read.send(page).await.is_err() || failed {
                    return;
                }
            }
        });
        Pages {
            queue,
            _reader: reader,
        }
    }

    fn reached(&self) -> Position {
        match self {
            Self::Events(follower) => follower.after(),
            Self::Changes(changes) => changes.after,
        }
    }

    async fn read(&mut self, head: Position) -> anyhow::Result<Page> {
        let (items, labels) = match self {
            Self::Events(follower) => {
                let (events, labels) = follower.read_labelled(head, PAGE).await?;
                (Items::Events(events), labels)
            }
            Self::Changes(changes) => {
                let (found, labels) = changes.read(head).await?;
                (Items::Changes(found), labels)
            }
        };
        Ok(Page {
            items,
            labels,
            reached: self.reached(),
        })
    }
}

impl Changes {
    async fn read(&mut self, head: Position) -> anyhow::Result<(Vec<FoundChange>, Labels)> {
        let Self { store, tenant, .. } = self;
        let page = store.list_changes(tenant, self.after, head, PAGE, self.noise);
        let (found, last) = page.await?;
        let labels = store.find_labels(tenant, &wanted(&found)).await?;
        // Else it would never end.
        let moved = Some(last).filter(|last| *last > self.after);
        self.after = moved.context("the log is shorter than it was")?;
        Ok((found, labels))
    }
}

impl Pages {
    /// The next one; `None` after the last.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Page>> {
        self.queue.recv().await.transpose()
    }
}

impl Page {
    /// Its rows.
    pub(super) fn write(self, form: Form) -> Vec<u8> {
        let labels = &self.labels;
        match self.items {
            Items::Events(events) => {
                let events = events.into_iter();
                let events: Vec<_> = events.map(|event| EventJson::new(event, labels)).collect();
                written(&events, form)
            }
            Items::Changes(found) => {
                let found = found.into_iter();
                let found: Vec<_> = found
                    .map(|change| FoundChangeJson::new(change, labels))
                    .collect();
                written(&found, form)
            }
        }
    }
}

fn written<T: Serialize + Table>(items: &[T], form: Form) -> Vec<u8> {
    match form {
        Form::Ndjson => lines::lines(items),
        Form::Csv => csv::rows(items),
    }
}
