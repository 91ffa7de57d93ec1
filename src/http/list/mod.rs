//! Lists in the form that the client wants: JSON, CSV or lines of JSON.
//!
//! `format=` says which, else the `Accept` header; `*/*` or nothing is JSON. The page after this one stands
//! in a `Link` header too, for CSV and lines have no other place for it.

mod accept;

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use crate::render::{
    csv::{self, Table},
    json::ListJson,
    lines,
};

/// Bytes of bodies past which a page of events ends before its limit: a body may have 8 MiB.
pub(super) const PAGE_BYTES: u32 = 16 << 20;

/// A form that a list has; the parameter `format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// One object with the items and the cursor of the next page.
    Json,
    /// A header row and a row an item, or several.
    Csv,
    /// One item a line.
    Ndjson,
}

/// A page of a list, as its JSON.
pub(super) trait Page: Serialize {
    type Item: Serialize + Table;

    fn items(&self) -> &[Self::Item];

    /// The parameter that asks for the page after this one, and its value; `None` at the end.
    fn next(&self) -> Option<(&'static str, String)>;
}

impl<T: Serialize + Table> Page for ListJson<T> {
    type Item = T;

    fn items(&self) -> &[T] {
        &self.items
    }

    fn next(&self) -> Option<(&'static str, String)> {
        Some(("cursor", self.next.clone()?))
    }
}

/// What a request says about the form of its answer.
#[derive(Debug)]
pub(super) struct Asked {
    uri: Uri,
    accepts: Option<Format>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self {
            uri: parts.uri.clone(),
            accepts: accept::best(&parts.headers),
        })
    }
}

impl Asked {
    /// Decides the form: that of the parameter `format`, else of `Accept`.
    ///
    /// # Errors
    /// 406 if the parameter is not there and `Accept` takes no form of ours.
    pub(super) fn form(self, format: Option<Format>) -> Result<Form, ApiError> {
        let format = format.or(self.accepts).ok_or(ApiError::NotAcceptable)?;
        Ok(Form {
            format,
            uri: self.uri,
        })
    }
}

/// The form of an answer, decided.
#[derive(Debug)]
pub(super) struct Form {
    format: Format,
    uri: Uri,
}

impl Form {
    /// Which it is.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// A page in this form.
    pub(super) fn answer<P: Page>(&self, page: &P) -> Response {
        let body = match self.format {
            // Serialising into memory what has text for keys cannot fail.
            Format::Json => serde_json::to_vec(page).unwrap_or_default(),
            Format::Csv => {
                let mut table = csv::header::<P::Item>();
                table.extend(csv::rows(page.items()));
                table
            }
            Format::Ndjson => lines::lines(page.items()),
        };
        self.answer_with(body.into(), page.next())
    }

    /// A body that was made elsewhere in this form, and what asks for the page after it.
    pub(super) fn answer_with(&self, body: Body, next: Option<(&'static str, String)>) -> Response {
        let media_type = match self.format {
            Format::Json => "application/json",
            Format::Csv => csv::MEDIA_TYPE,
            Format::Ndjson => lines::MEDIA_TYPE,
        };
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        let disposition = format!("attachment; filename=\"{}.csv\"", self.file_name());
        if self.format == Format::Csv
            && let Ok(disposition) = HeaderValue::try_from(disposition)
        {
            headers.insert(header::CONTENT_DISPOSITION, disposition);
        }
        if let Some((parameter, value)) = next
            && let Ok(link) = HeaderValue::try_from(self.link(parameter, &value))
        {
            headers.insert(header::LINK, link);
        }
        response
    }

    /// The same path and parameters, but for the one that says where to go on.
    fn link(&self, parameter: &'static str, value: &str) -> String {
        let query = self.uri.query().unwrap_or_default();
        // The extractor has read the same query, so it can be read.
        let mut pairs: Vec<(String, String)> = serde_html_form::from_str(query).unwrap_or_default();
        pairs.retain(|(name, _)| name != parameter);
        pairs.push((parameter.to_owned(), value.to_owned()));
        let query = serde_html_form::to_string(&pairs).unwrap_or_default();
        format!("<{}?{query}>; rel=\"next\"", self.uri.path())
    }

    /// `Cust1-tickets-45-timeline` of `/v1/tenants/Cust1/tickets/45/timeline`.
    fn file_name(&self) -> String {
        let path = self.uri.path();
        let path = path.strip_prefix("/v1/").unwrap_or(path);
        let path = path.strip_prefix("tenants/").unwrap_or(path);
        let plain = |c: char| match c {
            '/' => '-',
            c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') => c,
            _ => '_',
        };
        path.chars().map(plain).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_every_parameter_but_the_cursor() {
        let form = |uri: &'static str| Form {
            format: Format::Csv,
            uri: Uri::from_static(uri),
        };
        let link = form("/v1/tenants/T/tickets/1/timeline?field=a%26b&%63ursor=old&field=c+d")
            .link("cursor", "new-_");
        assert_eq!(
            link,
            "</v1/tenants/T/tickets/1/timeline?field=a%26b&field=c+d&cursor=new-_>; rel=\"next\""
        );
        let link = form("/v1/tenants/T/events").link("after", "7");
        assert_eq!(link, "</v1/tenants/T/events?after=7>; rel=\"next\"");
    }

    #[test]
    fn a_file_is_named_after_its_path() {
        for (uri, name) in [
            ("/v1/tenants", "tenants"),
            (
                "/v1/tenants/T/tickets/1/timeline?x=1",
                "T-tickets-1-timeline",
            ),
            ("/v1/tenants/%22;x/events", "_22_x-events"),
        ] {
            let uri = Uri::from_static(uri);
            let format = Format::Csv;
            assert_eq!(Form { format, uri }.file_name(), name);
        }
    }
}
