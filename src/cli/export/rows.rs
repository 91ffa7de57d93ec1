//! The rows of an export, page by page.

use anyhow::Context;
use serde::Serialize;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    domain::{
        ids::{Position, Tenant},
        label::{Labelled, Labels, wanted},
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
    /// The position that it goes up to.
    pub(super) reached: Position,
}

enum Items {
    Events(Vec<StoredEvent>),
    Changes(Vec<FoundChange>),
}

/// Pages in order, the next of which is read while one is written.
pub(super) struct Pages {
    queue: mpsc::Receiver<anyhow::Result<Page>>,
    /// The reader, which ends with this.
    _reader: JoinSet<()>,
    names: Names,
}

/// Where the labels of ids are looked up.
struct Names {
    store: Store,
    tenant: Tenant,
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
    pub(super) fn pages(mut self, store: Store, tenant: Tenant, head: Position) -> Pages {
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
            names: Names { store, tenant },
        }
    }

    fn reached(&self) -> Position {
        match self {
            Self::Events(follower) => follower.after(),
            Self::Changes(changes) => changes.after,
        }
    }

    async fn read(&mut self, head: Position) -> anyhow::Result<Page> {
        let items = match self {
            Self::Events(follower) => Items::Events(follower.read(head, PAGE).await?),
            Self::Changes(changes) => Items::Changes(changes.read(head).await?),
        };
        Ok(Page {
            items,
            reached: self.reached(),
        })
    }
}

impl Changes {
    async fn read(&mut self, head: Position) -> anyhow::Result<Vec<FoundChange>> {
        let page = self
            .store
            .list_changes(&self.tenant, self.after, head, PAGE, self.noise);
        let (found, last) = page.await?;
        // Else it would never end.
        let moved = Some(last).filter(|last| *last > self.after);
        self.after = moved.context("the log is shorter than it was")?;
        Ok(found)
    }
}

impl Pages {
    /// The next one; `None` after the last.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Page>> {
        self.queue.recv().await.transpose()
    }

    /// The rows of a page.
    pub(super) async fn write(&self, page: Page, form: Form) -> anyhow::Result<Vec<u8>> {
        match page.items {
            Items::Events(events) => {
                let labels = self.names.find(&events).await?;
                let events = events.into_iter();
                let events: Vec<_> = events.map(|event| EventJson::new(event, &labels)).collect();
                Ok(written(&events, form))
            }
            Items::Changes(found) => {
                let labels = self.names.find(&found).await?;
                let found = found.into_iter();
                let found: Vec<_> = found
                    .map(|change| FoundChangeJson::new(change, &labels))
                    .collect();
                Ok(written(&found, form))
            }
        }
    }
}

impl Names {
    async fn find<'a, T: Labelled + 'a>(
        &self,
        items: impl IntoIterator<Item = &'a T>,
    ) -> anyhow::Result<Labels> {
        let wanted = wanted(items);
        Ok(self.store.find_labels(&self.tenant, &wanted).await?)
    }
}

fn written<T: Serialize + Table>(items: &[T], form: Form) -> Vec<u8> {
    match form {
        Form::Ndjson => lines::lines(items),
        Form::Csv => csv::rows(items),
    }
}
