//! Building a tenant's projection from nothing, beside the live one.

use super::{
    build::Built,
    follow::catch_up,
    step::{Step, Stride, step},
};
use crate::{
    domain::ids::{Position, Tenant},
    store::{
        Store, StoreError,
        projection::{Differences, Projector},
    },
};

/// Projects a tenant's log from its first event into tables beside the live ones, and makes the live ones
/// equal to them: gives what was not. Meanwhile the live ones are read and followed as ever. `projector`
/// is one of [`Store::projector_beside`]; `progress` is told how far it is.
///
/// # Errors
/// As [`step`]; [`StoreError::Unavailable`] also if its session ends, for what it built ends with it.
pub async fn rebuild(
    store: &Store,
    projector: &mut Projector,
    tenant: &Tenant,
    progress: &(dyn Fn(Built) + Sync),
) -> Result<Differences, StoreError> {
    let mut stride = Stride::Whole;
    loop {
        let head = store.find_head(tenant).await?.unwrap_or(Position(0));
        // The live one must stand somewhere, and no further on than this.
        catch_up(store, tenant, head).await?;
        while let Step::Moved(position) =
            step(store, projector, tenant, head, stride, progress).await?
        {
            progress(Built::Events(position.0));
            stride = Stride::Long;
        }
        if let Some(differences) = projector.switch(tenant).await? {
            return Ok(differences);
        }
    }
}
