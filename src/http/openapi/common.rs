//! What is true of many operations, so that no handler has to say it: problems, forms of lists, scopes.

use axum::http::Method;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, Header, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder,
        Schema, Type,
        path::{HttpMethod, Operation, Parameter, PathItem},
        schema::{ArrayItems, SchemaType},
        security::SecurityRequirement,
    },
};

use super::BEARER;
use crate::{
    http::{access, error::Problem},
    render::{csv, lines},
};

/// The media type of problems.
const PROBLEM: &str = "application/problem+json";

/// Problems by what they are called in the document.
const PROBLEMS: [(&str, u16, &str); 10] = [
    (
        "BadRequest",
        400,
        "A parameter, a search or the body is wrong; says what would be right",
    ),
    ("Unauthorized", 401, "No token or signature that is good"),
    (
        "Forbidden",
        403,
        "The token lacks the scope that the answer names",
    ),
    (
        "NotFound",
        404,
        "There is no such thing, or it is of a tenant that is not one of the token's",
    ),
    (
        "NotAcceptable",
        406,
        "`Accept` takes no form that a list has",
    ),
    (
        "BodyTimeout",
        408,
        "The body did not arrive whole or in time",
    ),
    ("TooLarge", 413, "The body is larger than the service takes"),
    (
        "TooManyRejected",
        429,
        "Too many deliveries from this address were not signed as they should be",
    ),
    (
        "Internal",
        500,
        "Something is wrong in the service; its log says what",
    ),
    (
        "Unavailable",
        503,
        "Not now: the database is away, the projections are behind, or there is no room",
    ),
];

/// Answered before anything else is known of a request, without a body.
const HEAD_TOO_LARGE: (&str, u16, &str) = (
    "HeadTooLarge",
    431,
    "Path, query and headers together are over 8 KiB; without a body",
);

/// Adds to every operation what follows from what it is.
pub(super) fn complete(api: &mut OpenApi) {
    let components = api.components.get_or_insert_default();
    let (name, _, about) = HEAD_TOO_LARGE;
    let response = ResponseBuilder::new().description(about).build();
    components
        .responses
        .insert(name.to_owned(), RefOr::T(response));
    for (name, status, about) in PROBLEMS {
        let response = problem(status, about);
        components
            .responses
            .insert(name.to_owned(), RefOr::T(response));
    }
    components
        .schemas
        .insert(Problem::name().into(), Problem::schema());
    name_items(components);
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            add_problems(path, operation);
            add_forms(operation);
            limit_texts(operation);
            name_scope(&method, path, operation);
            name_credential(&method, operation);
        }
    }
}

/// Every operation of a path.
pub(super) fn operations(item: &mut PathItem) -> Vec<(HttpMethod, &mut Operation)> {
    let all = [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Delete, &mut item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
        .collect()
}

/// Its parameters, all of which are written out.
fn own_parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    let parameters = operation.parameters.iter().flatten();
    parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

fn is_list(operation: &Operation) -> bool {
    own_parameters(operation).any(|parameter| parameter.name == "format")
}

/// Pages name what they are of, which stands among the schemas itself; utoipa writes it out in each.
fn name_items(components: &mut Components) {
    for (name, schema) in &mut components.schemas {
        if let (Some(item), RefOr::T(Schema::Object(page))) = (name.strip_prefix("Page_"), schema)
            && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
        {
            let item = RefOr::Ref(Ref::from_schema_name(item));
            items.items = ArrayItems::RefOrSchema(Box::new(item));
        }
    }
}

fn problem(status: u16, about: &str) -> Response {
    let schema = Ref::from_schema_name(Problem::name());
    let mut response = ResponseBuilder::new()
        .description(about)
        .content(PROBLEM, Content::new(Some(schema)));
    if status == 401 {
        let challenge = header(Type::String, "How to prove who asks");
        response = response.header("WWW-Authenticate", challenge);
    }
    if matches!(status, 429 | 503) {
        let seconds = header(Type::Integer, "Seconds after which to try again");
        response = response.header("Retry-After", seconds);
    }
    response.build()
}

fn header(schema_type: Type, about: &str) -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(schema_type));
    header.description = Some(about.to_owned());
    header
}

/// The problems that can come of an operation: those of its own code are there already.
fn add_problems(path: &str, operation: &mut Operation) {
    let signed = is_webhook(path);
    let fenced = is_fenced(operation);
    let has_body = operation.request_body.is_some();
    let is_list = is_list(operation);
    let has_query = own_parameters(operation).any(|parameter| parameter.name != "hook");
    let can_be = |status| match status {
        400 => has_query || (has_body && !signed),
        401 | 503 => fenced || signed,
        403 => fenced,
        404 => path.contains('{') || signed,
        406 => is_list,
        408 | 413 => has_body,
        429 => signed,
        431 | 500 => true,
        _ => false,
    };
    for (name, status, _) in PROBLEMS
        .into_iter()
        .chain([HEAD_TOO_LARGE])
        .filter(|(_, status, _)| can_be(*status))
    {
        let reference = Ref::from_response_name(name);
        let responses = &mut operation.responses.responses;
        responses
            .entry(status.to_string())
            .or_insert(RefOr::Ref(reference));
    }
}

fn is_webhook(path: &str) -> bool {
    path.starts_with("/webhook")
}

/// True if it needs a token: unless it says otherwise.
fn is_fenced(operation: &Operation) -> bool {
    operation.security.is_none()
}

/// Lists come in three forms, of which the handlers describe the first.
fn add_forms(operation: &mut Operation) {
    if !is_list(operation) {
        return;
    }
    let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") else {
        return;
    };
    for media_type in [csv::MEDIA_TYPE, lines::MEDIA_TYPE] {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let content = Content::new(Some(RefOr::T(Schema::Object(text.build()))));
        let plain = media_type.split(';').next().unwrap_or(media_type);
        response.content.insert(plain.to_owned(), RefOr::T(content));
    }
    let link = header(
        Type::String,
        "The page after this one, as `<…>; rel=\"next\"`; absent from the last",
    );
    response.headers.insert("Link".to_owned(), RefOr::T(link));
}

/// No text holds NUL, for none in the log does.
fn limit_texts(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else {
            continue;
        };
        let schema = parameter.schema.as_mut().and_then(written_out);
        let text = match schema {
            Some(Schema::Array(texts)) => match &mut texts.items {
                ArrayItems::RefOrSchema(item) => written_out(item),
                ArrayItems::False => None,
            },
            schema => schema,
        };
        if let Some(Schema::Object(text)) = text
            && text.schema_type == SchemaType::new(Type::String)
            && text.enum_values.is_none()
            && text.format.is_none()
            && text.pattern.is_none()
        {
            text.pattern = Some(r"^[^\x00]*$".to_owned());
        }
    }
}

fn written_out(schema: &mut RefOr<Schema>) -> Option<&mut Schema> {
    match schema {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(_) => None,
    }
}

/// What changes something takes the token itself, whatever reads take.
fn name_credential(method: &HttpMethod, operation: &mut Operation) {
    if !matches!(method, HttpMethod::Get) && is_fenced(operation) {
        let none: [&str; 0] = [];
        operation.security = Some(vec![SecurityRequirement::new(BEARER, none)]);
    }
}

/// Says which scope a token needs, by the rule that the fence goes by.
fn name_scope(method: &HttpMethod, path: &str, operation: &mut Operation) {
    let method = match method {
        HttpMethod::Get => Method::GET,
        _ => Method::POST,
    };
    if let Some(scope) = access::needed(&method, path) {
        let about = operation.description.take().unwrap_or_default();
        let scope = scope.as_str();
        operation.description = Some(format!(
            "{about}\n\nTakes a token with the scope `{scope}`."
        ));
    }
}
