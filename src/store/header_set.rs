//! Kept headers that many events of a tenant came with, kept once for all of them.
//!
//! A sender says the same of itself with each delivery. So an event names a set of headers, if its own were seen before;
//! those that come once stay with their event, for what a proxy makes up for each request would only fill the table.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{StoreError, log::Tx};
use crate::domain::{
    delivery::{Delivery, EVENT_ID_HEADER, KeptHeaders},
    event::Event,
    ids::{EventId, Tenant},
};

/// Most bytes of texts that are remembered, about: thirty thousand, so the headers of a thousand tenants.
const MOST_BYTES: usize = 8 << 20;

/// Sets made before a batch is stored: a statement each.
const AT_ONCE: usize = 16;

/// What a text takes beside its bytes.
const TEXT_BYTES: usize = 100;

/// Longest text in bytes that becomes a set: the index of sets has room for no more than some 2,700.
const LONGEST: usize = 1024;

/// Shortest: what is not much longer than a set's number gains nothing.
const SHORTEST: usize = 16;

/// The headers of an event as the log has them.
pub(super) enum Headers {
    /// Its own.
    Own(String),
    /// The number of a set.
    Set(i32),
}

impl Headers {
    pub(super) fn own(&self) -> Option<&str> {
        match self {
            Self::Own(text) => Some(text),
            Self::Set(_) => None,
        }
    }

    pub(super) fn set(&self) -> Option<i32> {
        match self {
            Self::Own(_) => None,
            Self::Set(number) => Some(*number),
        }
    }
}

/// What is known of a text.
#[derive(Debug, Clone, Copy)]
enum Standing {
    /// It came with this arrival alone, whose event may be tried more than once.
    Seen(Uuid),
    /// It came again, and is to be a set.
    Wanted,
    /// It is the set of this number.
    Set(i32),
}

/// The texts of headers that a session met. They belong to what it is connected to: behind another session there may be
/// another database, to which one was restored in which a set is missing.
#[derive(Debug, Default)]
pub(super) struct HeaderSets {
    tenants: BTreeMap<Tenant, BTreeMap<String, Standing>>,
    bytes: usize,
    /// Texts that are to be sets.
    wanted: Vec<(Tenant, String)>,
    /// True if there is no room for further texts.
    full: bool,
    /// True if no sets can be made here.
    off: bool,
}

impl HeaderSets {
    /// How an event's headers are to be stored.
    pub(super) fn store(&mut self, delivery: &Delivery, event: &Event) -> Headers {
        let text = text(&delivery.arrival.headers, event.event_id);
        if self.off || !(SHORTEST..=LONGEST).contains(&text.len()) {
            return Headers::Own(text);
        }
        match self.find(&event.tenant, &text, delivery.arrival.arrival_id) {
            Some(number) => Headers::Set(number),
            None => Headers::Own(text),
        }
    }

    /// The set of a text; one that is none yet is remembered.
    fn find(&mut self, tenant: &Tenant, text: &str, arrival: Uuid) -> Option<i32> {
        let texts = self.tenants.get_mut(tenant);
        match texts.and_then(|texts| texts.get_mut(text)) {
            Some(Standing::Set(number)) => return Some(*number),
            Some(Standing::Seen(seen)) if *seen == arrival => {}
            Some(Standing::Wanted) => {}
            Some(standing) => {
                *standing = Standing::Wanted;
                self.wanted.push((tenant.clone(), text.to_owned()));
            }
            None => self.remember(tenant, text, arrival),
        }
        None
    }

    fn remember(&mut self, tenant: &Tenant, text: &str, arrival: Uuid) {
        if self.bytes > MOST_BYTES && !self.full {
            self.forget_those_that_came_once();
            self.full = self.bytes > MOST_BYTES / 2;
        }
        if !self.full {
            self.bytes += text.len() + TEXT_BYTES;
            let texts = self.tenants.entry(tenant.clone()).or_default();
            texts.insert(text.to_owned(), Standing::Seen(arrival));
        }
    }

    fn forget_those_that_came_once(&mut self) {
        self.bytes = 0;
        for texts in self.tenants.values_mut() {
            texts.retain(|_, standing| !matches!(standing, Standing::Seen(_)));
            self.bytes += texts
                .keys()
                .map(|text| text.len() + TEXT_BYTES)
                .sum::<usize>();
        }
        self.tenants.retain(|_, texts| !texts.is_empty());
    }

    /// Makes sets of texts that came again, or finds them, [`AT_ONCE`] at most; outside of a transaction, for an event is to
    /// name none that could be rolled back. Nothing to do in nearly all cases. Where it fails there are no sets any more:
    /// they only save room.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub(super) async fn make(&mut self, session: &mut Tx) -> Result<(), StoreError> {
        let first = self.wanted.len().min(AT_ONCE);
        for (tenant, text) in self.wanted.drain(..first).collect::<Vec<_>>() {
            match find_or_insert(session, &tenant, &text).await {
                Ok(number) => self.settle(&tenant, &text, number),
                Err(error) => {
                    *self = Self {
                        off: true,
                        ..Self::default()
                    };
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn settle(&mut self, tenant: &Tenant, text: &str, number: Option<i32>) {
        let texts = self.tenants.get_mut(tenant);
        if let Some(standing) = texts.and_then(|texts| texts.get_mut(text)) {
            // One that another receiver was just making is there when it comes again.
            *standing = number.map_or(Standing::Seen(Uuid::nil()), Standing::Set);
        }
    }
}

/// Headers as a set has them: the event's own id, which is another each time, as null.
fn text(headers: &KeptHeaders, event_id: EventId) -> String {
    let event_id = event_id.to_string();
    let values: BTreeMap<&str, Option<&str>> = headers
        .iter()
        .map(|(name, value)| {
            let is_own = name == EVENT_ID_HEADER && *value == event_id;
            (name.as_str(), (!is_own).then_some(value.as_str()))
        })
        .collect();
    // A map of texts always has a JSON form.
    serde_json::to_string(&values).unwrap_or_default()
}

/// The headers of an event from the text that its row or its set has.
pub(super) fn read(text: &str, event_id: EventId) -> KeptHeaders {
    // Written by us from such a map.
    let values: BTreeMap<String, Option<String>> = serde_json::from_str(text).unwrap_or_default();
    let own = |value: Option<String>| value.unwrap_or_else(|| event_id.to_string());
    values
        .into_iter()
        .map(|(name, value)| (name, own(value)))
        .collect()
}

/// The number of a set; `None` if another receiver is just making one for this tenant.
async fn find_or_insert(
    session: &mut Tx,
    tenant: &Tenant,
    text: &str,
) -> Result<Option<i32>, StoreError> {
    let number = sqlx::query_scalar!(
        r#"WITH found AS (SELECT number FROM header_set WHERE tenant = $1 AND headers = $2),
           made AS (
               INSERT INTO header_set (tenant, number, headers)
               SELECT $1, COALESCE(max(number), 0) + 1, $2 FROM header_set
               WHERE tenant = $1 HAVING NOT EXISTS (SELECT FROM found)
               ON CONFLICT DO NOTHING RETURNING number)
           SELECT number AS "number!" FROM found UNION ALL SELECT number FROM made"#,
        tenant.as_str(),
        text,
    )
    .fetch_optional(session)
    .await?;
    Ok(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::{EVENT_ID_HEADER, HeaderSets, MOST_BYTES, Standing, read, text};
    use crate::domain::ids::{EventId, Tenant};

    proptest! {
        #[test]
        fn headers_read_as_they_came(
            mut headers in prop::collection::btree_map("[a-z-]{1,12}", ".*", 0..6),
            claimed in prop::option::of(prop_oneof![
                Just(None), "[0-9A-F-]{0,36}".prop_map(Some), ".*".prop_map(Some)]),
            id: u128,
        ) {
            let event_id = EventId(Uuid::from_u128(id));
            if let Some(claimed) = claimed {
                let claimed = claimed.unwrap_or_else(|| event_id.to_string());
                headers.insert(EVENT_ID_HEADER.to_owned(), claimed);
            }
            prop_assert_eq!(read(&text(&headers, event_id), event_id), headers);
        }
    }

    #[test]
    fn the_events_own_id_makes_no_other_text() {
        let text_of = |id: u128, written: fn(Uuid) -> String| {
            let id = Uuid::from_u128(id);
            let headers = [(EVENT_ID_HEADER.to_owned(), written(id))];
            text(&headers.into(), EventId(id))
        };
        let plain = |id: Uuid| id.to_string();
        assert_eq!(text_of(1, plain), text_of(2, plain));
        let in_braces = |id: Uuid| id.braced().to_string();
        assert_ne!(text_of(1, in_braces), text_of(2, in_braces));
    }

    /// Asks for twice as many texts as there is room for, each once.
    fn ask_for_many(sets: &mut HeaderSets, tenant: &Tenant) {
        for number in 0..MOST_BYTES / 100 {
            let once = Uuid::from_u128(number.try_into().unwrap());
            assert_eq!(sets.find(tenant, &format!("{number:0100}"), once), None);
            assert!(sets.bytes <= MOST_BYTES + 1024);
        }
    }

    #[test]
    fn texts_that_come_once_do_not_drive_out_sets() {
        let tenant = Tenant::parse("Cust1").unwrap();
        let mut sets = HeaderSets::default();
        assert_eq!(sets.find(&tenant, "known", Uuid::nil()), None);
        let known = sets.tenants.get_mut(&tenant).unwrap().get_mut("known");
        *known.unwrap() = Standing::Set(7);
        ask_for_many(&mut sets, &tenant);
        assert_eq!(sets.find(&tenant, "known", Uuid::nil()), Some(7));
        assert!(!sets.full);
    }

    #[test]
    fn more_sets_than_there_is_room_for_are_not_looked_for() {
        let tenant = Tenant::parse("Cust1").unwrap();
        let mut sets = HeaderSets::default();
        for number in 0..MOST_BYTES / 100 {
            let text = format!("{number:0100}");
            sets.find(&tenant, &text, Uuid::nil());
            if let Some(standing) = sets.tenants.get_mut(&tenant).unwrap().get_mut(&text) {
                *standing = Standing::Set(1);
            }
        }
        assert!(sets.full && sets.bytes <= MOST_BYTES + 1024);
        assert_eq!(
            sets.find(&tenant, &format!("{:0100}", 0), Uuid::nil()),
            Some(1)
        );
    }
}
