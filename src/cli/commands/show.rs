//! How an object is printed.

use crate::cli::output::{Failure, Json, Output, warn};
use serde::Serialize;
use tarmem_remote::error::Error;
use tarmem_remote::proxy::{DynamicProxy, Proxy};
use tarmem_remote::results::ObjectInfo;
use uuid::Uuid;

/// Prints an object's value, or the object if it can show none.
///
/// The value is that of a moment later: somebody may have changed the object by then, or the key.
pub(super) async fn show((object, info): (DynamicProxy, ObjectInfo), output: &mut Output) -> Result<(), Failure> {
    let snapshot = object.snapshot_with_info().await;
    let poisoned = match &snapshot {
        Ok(snapshot) => snapshot.poisoned,
        Err(_) => info.poisoned,
    };
    if poisoned {
        warn("a method panicked while changing this object, which may be half changed; update it, or clear-poison it");
    }
    if snapshot.as_ref().is_ok_and(|snapshot| snapshot.poisoned_inside) {
        warn(
            "a method panicked while changing an object that this one refers to, which is shown in it and may be half \
             changed; update that one, or clear-poison it",
        );
    }
    match snapshot {
        Ok(snapshot) => output.line(&Json(&snapshot.value)),
        Err(Error::BadResult { reason, .. }) => {
            let ObjectInfo { id, class, generation, .. } = info;
            output.line(&WithoutValue { class, id, generation, no_value: reason })
        }
        Err(error) => Err(error.into()),
    }
}

/// An object whose value cannot be shown.
#[derive(Serialize)]
struct WithoutValue {
    class: String,
    id: Uuid,
    generation: u64,
    no_value: String,
}
