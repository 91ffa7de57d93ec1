//! The rows of an export, page by page.

use anyhow::Context;
use serde::Serialize;

use crate::{
    domain::{
        ids::{Position, Tenant},
        label::wanted,
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

/// What a row is of, and up to where rows were given.
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

impl Rows {
    /// The position that the rows given so far go up to.
    pub(super) fn reached(&self) -> Position {
        match self {
            Self::Events(follower) => follower.after(),
            Self::Changes(changes) => changes.after,
        }
    }

    /// The row with the names of the columns.
    pub(super) fn header(&self) -> Vec<u8> {
        match self {
            Self::Events(_) => csv::header::<EventJson>(),
            Self::Changes(_) => csv::header::<FoundChangeJson>(),
        }
    }

    /// The next rows up to a position; `None` if it is reached.
    pub(super) async fn next(
        &mut self,
        head: Position,
        form: Form,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        if self.reached() >= head {
            return Ok(None);
        }
        let rows = match self {
            Self::Events(follower) => {
                let (events, labels) = follower.read_labelled(head, PAGE).await?;
                let events = events.into_iter();
                let events: Vec<EventJson> =
                    events.map(|event| EventJson::new(event, &labels)).collect();
                written(&events, form)
            }
            Self::Changes(changes) => written(&changes.next(head).await?, form),
        };
        Ok(Some(rows))
    }
}

impl Changes {
    async fn next(&mut self, head: Position) -> anyhow::Result<Vec<FoundChangeJson>> {
        let Self { store, tenant, .. } = self;
        let page = store.list_changes(tenant, self.after, head, PAGE, self.noise);
        let (found, last) = page.await?;
        let labels = store.find_labels(tenant, &wanted(&found)).await?;
        // Else it would never end.
        let moved = Some(last).filter(|last| *last > self.after);
        self.after = moved.context("the log is shorter than it was")?;
        let found = found.into_iter();
        let found = found.map(|change| FoundChangeJson::new(change, &labels));
        Ok(found.collect())
    }
}

fn written<T: Serialize + Table>(items: &[T], form: Form) -> Vec<u8> {
    match form {
        Form::Ndjson => lines::lines(items),
        Form::Csv => csv::rows(items),
    }
}
