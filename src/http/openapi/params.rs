//! Parameters and answers that no struct is, for the document.

use std::borrow::Cow;

use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        Array, ArrayBuilder, KnownFormat, ObjectBuilder, RefOr, Required, Schema, SchemaFormat,
        Type,
        path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle},
        schema::AnyOfBuilder,
    },
};

use crate::{
    domain::{fields::TICKET_FIELDS, ids::Actor},
    render::{
        found::{CountJson, FoundChangeJson, FoundCountJson, FoundTicketJson},
        json::ListJson,
    },
};

/// An actor, or none.
pub(in crate::http) enum SomeActor {}

impl PartialSchema for SomeActor {
    fn schema() -> RefOr<Schema> {
        let none = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(["none"]));
        AnyOfBuilder::new().item(Actor::schema()).item(none).into()
    }
}

impl ToSchema for SomeActor {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SomeActor")
    }
}

/// What is asked of fields, as [`WithFields`](crate::http::fields::WithFields) reads it.
pub(in crate::http) enum Fields {}

impl IntoParams for Fields {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = |field: &&str| {
            let about = format!(
                "Only tickets whose `{field}` has any of these values: JSON, else a string; `none` is no value. \
                 A field that is not one of the 15 is asked for as `field.NAME`."
            );
            ParameterBuilder::new()
                .name(*field)
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(about))
                .style(Some(ParameterStyle::Form))
                .explode(Some(true))
                .schema(Some(texts()))
                .build()
        };
        TICKET_FIELDS.iter().map(parameter).collect()
    }
}

/// A position or an instant.
pub(in crate::http) enum KnownAt {}

impl PartialSchema for KnownAt {
    fn schema() -> RefOr<Schema> {
        let position = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(i64::MAX));
        let instant = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        let either = AnyOfBuilder::new().item(position).item(instant);
        either.into()
    }
}

impl ToSchema for KnownAt {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("KnownAt")
    }
}

/// What the search gives: changes, their tickets, their number, or that by actor and field.
pub(in crate::http) enum Changes {}

impl PartialSchema for Changes {
    fn schema() -> RefOr<Schema> {
        // Any of, for an empty page is a page of both.
        let either = AnyOfBuilder::new()
            .item(ListJson::<FoundChangeJson>::schema())
            .item(ListJson::<FoundTicketJson>::schema())
            .item(ListJson::<FoundCountJson>::schema())
            .item(CountJson::schema());
        either.into()
    }
}

impl ToSchema for Changes {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ChangesAnswer")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ListJson::<FoundChangeJson>::schemas(schemas);
        ListJson::<FoundTicketJson>::schemas(schemas);
        ListJson::<FoundCountJson>::schemas(schemas);
        schemas.push((FoundChangeJson::name().into(), FoundChangeJson::schema()));
        schemas.push((FoundTicketJson::name().into(), FoundTicketJson::schema()));
        schemas.push((FoundCountJson::name().into(), FoundCountJson::schema()));
    }
}

fn texts() -> Array {
    let text = ObjectBuilder::new().schema_type(Type::String);
    ArrayBuilder::new().items(text).build()
}
