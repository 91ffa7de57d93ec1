//! Query strings in which fields are asked for by their names, beside parameters of our own.

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::de::DeserializeOwned;

use super::{error::ApiError, extract::read_query};
use crate::domain::{desk::Filter, fields::TICKET_FIELDS};

/// Stands before the name of a field that is not one of the 15, or is named like a parameter.
const PREFIX: &str = "field.";

/// Most values of fields in one query: each is a look-up for every ticket that is looked at.
const MAX_VALUES: usize = 100;

/// Parameters of our own that may stand beside fields.
pub(super) trait Own {
    /// Their names.
    const NAMES: &'static [&'static str];
}

/// The query string: `status=2`, `owned_by=none`, `field.x_other=…`, each any number of times, and the
/// parameters of `T`. A name that is neither is an error that says so.
#[derive(Debug)]
pub(super) struct WithFields<T> {
    pub(super) params: T,
    /// What is asked of fields.
    pub(super) filter: Filter,
}

impl<S: Sync, T: DeserializeOwned + Own> FromRequestParts<S> for WithFields<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        read(parts.uri.query().unwrap_or_default())
    }
}

fn read<T: DeserializeOwned + Own>(query: &str) -> Result<WithFields<T>, ApiError> {
    let pairs: Vec<(String, String)> = read_query(query)?;
    let mut own = Vec::new();
    let mut filter = Filter::default();
    let mut values = 0;
    for (name, value) in pairs {
        if T::NAMES.contains(&name.as_str()) {
            own.push((name, value));
            continue;
        }
        let field = field(&name).ok_or_else(|| unknown(&name, T::NAMES))?;
        filter.ask(field, &value);
        values += 1;
    }
    if values > MAX_VALUES {
        return Err(ApiError::BadParameter(format!(
            "at most {MAX_VALUES} values of fields can be asked for, not {values}"
        )));
    }
    // Pairs of texts can always be written.
    let own = serde_html_form::to_string(&own).unwrap_or_default();
    Ok(WithFields {
        params: read_query(&own)?,
        filter,
    })
}

/// The field that a name asks for.
fn field(name: &str) -> Option<&str> {
    let named = name.strip_prefix(PREFIX).filter(|field| !field.is_empty());
    named.or_else(|| TICKET_FIELDS.contains(&name).then_some(name))
}

fn unknown(name: &str, own: &[&str]) -> ApiError {
    let known = || TICKET_FIELDS.iter().chain(own).copied();
    let distance = |known: &str| strsim::damerau_levenshtein(known, &name.to_lowercase());
    let nearest = known().min_by_key(|known| distance(known));
    let suggestion = nearest
        .filter(|nearest| distance(nearest) <= 1 + name.chars().count() / 3)
        .map_or_else(String::new, |nearest| {
            format!("; did you mean `{nearest}`?")
        });
    let list = |names: &[&str]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        quoted.join(", ")
    };
    ApiError::BadParameter(format!(
        "unknown parameter `{name}`: neither a parameter ({}) nor a ticket field ({}); any other field is asked for as `{PREFIX}NAME`{suggestion}",
        list(own),
        list(&TICKET_FIELDS),
    ))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Params {
        limit: Option<u32>,
        #[serde(default)]
        field: Vec<String>,
    }

    impl Own for Params {
        const NAMES: &'static [&'static str] = &["limit", "field"];
    }

    fn keys(filter: &Filter, field: &str) -> Vec<String> {
        filter.fields[field].iter().cloned().collect()
    }

    #[test]
    fn fields_are_told_from_parameters() {
        let query = "status=1&limit=7&status=%5BI:3%5D&field=a&field.field=x&owned_by=none&field=b&field.status=2";
        let WithFields::<Params> { params, filter } = read(query).unwrap();
        assert_eq!(params.limit, Some(7));
        assert_eq!(params.field, ["a", "b"]);
        assert_eq!(keys(&filter, "status"), ["1", "2", "3"]);
        assert_eq!(keys(&filter, "owned_by"), ["none"]);
        assert_eq!(keys(&filter, "field"), ["\"x\""]);
        assert_eq!(filter.fields.len(), 3);
    }

    #[test]
    fn a_name_that_is_neither_is_named_with_what_may_be_meant() {
        for (query, named) in [
            ("stauts=1", "did you mean `status`?"),
            ("Status=1", "did you mean `status`?"),
            ("limt=1", "did you mean `limit`?"),
            ("x_other=1", "`field.NAME`"),
            ("field.=1", "unknown parameter `field.`"),
            ("=1", "unknown parameter ``"),
            ("limit=x", "limit"),
        ] {
            let Err(ApiError::BadParameter(detail)) = read::<Params>(query) else {
                panic!("{query} is taken");
            };
            assert!(detail.contains(named), "{detail}");
        }
        let many = "status=1&".repeat(MAX_VALUES + 1);
        assert!(read::<Params>(&many).is_err());
    }
}
