//! What a delivery consists of: its headers, and its body under another id.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::{
    delivery::EVENT_ID_HEADER,
    json::{self, Object},
    signature::{Secret, encode},
};

/// The headers of a delivery. Names and ids come from the body, where it has them.
pub(super) fn headers(body: &Bytes, secret: &Secret) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        // What cannot stand in a header is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("content-type", "application/json; charset=utf-8");
    set("x-superoffice-signature", &encode(&secret.sign(body)));
    let object = Object::parse(body).unwrap_or_default();
    for (name, key) in [
        ("x-superoffice-event", "Event"),
        (EVENT_ID_HEADER, "EventId"),
    ] {
        if let Some(value) = object.find(key).and_then(json::text) {
            set(name, &value);
        }
    }
    headers
}

/// The body with another value of a top-level member, all other bytes as they were; unchanged if it has
/// no such member.
pub(super) fn with_member(body: &Bytes, name: &str, value: &str) -> Bytes {
    let object = Object::parse(body).unwrap_or_default();
    let Some(old) = object.find(name) else {
        return body.clone();
    };
    let old = old.get().as_bytes();
    let start = old.as_ptr().addr() - body.as_ptr().addr();
    let (before, rest) = body.split_at(start);
    let after = rest.get(old.len()..).unwrap_or_default();
    [before, value.as_bytes(), after].concat().into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::with_member;

    #[test]
    fn a_new_event_id_leaves_all_other_bytes() {
        let body = Bytes::from_static(b"\xEF\xBB\xBF{\r\n \"EventId\" : \"a\",\"x\":1.50 }");
        let other = with_member(&body, "EventId", "\"bcd\"");
        assert_eq!(
            other,
            b"\xEF\xBB\xBF{\r\n \"EventId\" : \"bcd\",\"x\":1.50 }".as_slice()
        );
        assert_eq!(with_member(&body, "Other", "1"), body);
    }
}
