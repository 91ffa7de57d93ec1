//! The intervals that are not consistent, from the projections.

mod count;
mod list;
mod shown;

use super::{Store, StoreError};
use crate::domain::doubt::Extent;

fn numbers(extent: &Extent) -> Vec<i64> {
    extent
        .tickets
        .iter()
        .map(|ticket| ticket.number())
        .collect()
}
