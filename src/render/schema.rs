//! What the words of the API are, for its OpenAPI document. The domain knows nothing of it.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, Object, ObjectBuilder, RefOr, Schema, SchemaFormat, Type, schema::SchemaType,
    },
};

use crate::domain::{
    completeness::{Confidence, Reason},
    event::ParkReason,
    feed::FeedState,
    fields::Value,
    history::{Kind, Lifecycle},
    ids::{Actor, EventId, Position, Tenant, TicketId},
};

/// Gives a type its name and its schema in the document.
macro_rules! described {
    ($($type:ty, $name:literal: $schema:expr;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::Object($schema))
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )*};
}

/// An instant of a sender.
#[derive(Debug)]
pub enum Instant {}

/// What a list gives a label.
#[derive(Debug)]
pub enum ListId {}

/// What an event came through.
#[derive(Debug)]
pub enum Origin {}

/// What became of a delivery.
#[derive(Debug)]
pub enum Outcome {}

described! {
    Tenant, "Tenant": text("The customer that a ticket belongs to")
        .pattern(Some("^[A-Za-z0-9._-]{1,64}$")).build();
    EventId, "EventId": text("Identity of an event in its tenant")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))).build();
    Position, "Position": integer("Place in a tenant's log, from 1, contiguous; larger means committed later")
        .minimum(Some(1)).build();
    TicketId, "TicketId": integer("SuperOffice's number of a ticket")
        .minimum(Some(1)).maximum(Some(i64::MAX)).build();
    Actor, "ActorId": integer("An associate id; 0 is the system. Not the id space of `owned_by`").build();
    ListId, "ListId": integer("An id in a list, of which its label says what it is").build();
    Value, "Value": ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some("A field's value, exactly as SuperOffice sent it: any JSON"))
        .build();
    Instant, "Instant": text(
        "RFC 3339 in UTC, with as many fraction digits as the sender gave, which may be more than nine. The \
         second is 60 where the sender's was, and then it is no `date-time` to every reader",
    ).pattern(Some(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")).build();
    Kind, "ChangeKind": words(
        "`changed`: from a known value to another; `initial`: by the created event; `set`: to a value, from one \
         that is not known; `touched`: declared, with the value it had; `not_sent`: declared without a value",
        Self::ALL.map(Self::as_str),
    );
    Lifecycle, "Lifecycle": words(
        "What an event did to its ticket",
        [
            Self::Closed, Self::Created, Self::Deleted, Self::Merged, Self::Postponed, Self::Reopened,
            Self::Restored,
        ].map(Self::as_str),
    );
    Confidence, "CompletenessState": words(
        "`consistent`: nothing contradicts, which is no proof; `unproven`: the evidence is thin; `suspect`: \
         something was missed",
        [Self::Consistent, Self::Unproven, Self::Suspect].map(Self::as_str),
    );
    Reason, "CompletenessReason": words(
        "A reason to doubt that every event was seen; docs/completeness.md says what each means",
        [
            Self::ClockSkew, Self::Conflict, Self::Disorder, Self::FeedOutage, Self::ImpliedChange,
            Self::NoChangesDeclared, Self::NoOp, Self::NoValues, Self::SameInstant, Self::StartsLate,
            Self::UndeclaredChange, Self::UnseenWrite,
        ].map(Self::as_str),
    );
    Origin, "Origin": words(
        "`webhook`: signed by SuperOffice; `unsigned`: delivered, but not signed; `import`: from an operator's file",
        ["import", "unsigned", "webhook"],
    );
    Outcome, "Outcome": words(
        "What became of a delivery",
        ["conflict", "duplicate", "ignored", "parked", "spooled", "stored"],
    );
    ParkReason, "ParkReason": words(
        "Why a body cannot be an event of a tenant",
        Self::ALL.map(Self::as_str),
    );
    FeedState, "FeedState": words("How the feed of a hook is", Self::ALL.map(Self::as_str));
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
}

fn integer(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(i64::MIN))
        .maximum(Some(i64::MAX))
        .description(Some(description))
}

fn words<const N: usize>(description: &str, words: [&'static str; N]) -> Object {
    text(description).enum_values(Some(words)).build()
}
