//! Bodies in JSON that say what an operator wants.

use std::{fmt, marker::PhantomData};

use axum::extract::{FromRequest, Request};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::error::Category;

use super::{AppState, error::ApiError};

/// A body in JSON, whatever its Content-Type. What is wrong with it is named by its path, like
/// `labels[3].id`.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

/// A struct that is written as an object. To serde alone an array of its fields, in the order that they
/// happen to stand in here, is one too.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

/// What an [`Object`] looks like.
pub(super) trait Shape {
    /// As in "expected an object {…}".
    const SHAPE: &'static str;
}

impl<'de, T: Deserialize<'de> + Shape> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Shape> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::SHAPE)
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

impl<T: DeserializeOwned + Shape> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let body = state.bodies.read(request, state.max_body_bytes).await?;
        let mut json = serde_json::Deserializer::from_slice(&body.bytes);
        let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let cause = error.into_inner();
            match (cause.classify(), path.as_str()) {
                (Category::Data, ".") => ApiError::BadBody(cause.to_string()),
                (Category::Data, path) => ApiError::BadBody(format!("{path}: {cause}")),
                _ => not_json(&cause),
            }
        })?;
        json.end().map_err(|error| not_json(&error))?;
        let Object(read) = read;
        Ok(Self(read))
    }
}

fn not_json(cause: &serde_json::Error) -> ApiError {
    ApiError::BadBody(format!("the body is no JSON: {cause}"))
}
