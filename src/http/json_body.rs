//! Bodies in JSON that say what an operator wants.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::{AppState, error::ApiError};

/// A body in JSON, whatever its Content-Type. What is wrong with it is named by its path, like
/// `labels[3].id`.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
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
        Ok(Self(read))
    }
}

fn not_json(cause: &serde_json::Error) -> ApiError {
    ApiError::BadBody(format!("the body is no JSON: {cause}"))
}
