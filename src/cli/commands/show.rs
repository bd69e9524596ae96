//! Prints objects.

use crate::cli::output::{Failure, Json, Output, warn};
use serde::Serialize;
use tarmem_remote::error::Error;
use tarmem_remote::proxy::{DynamicProxy, Proxy};
use tarmem_remote::results::ObjectInfo;
use uuid::Uuid;

/// Prints an object's value, or a description of the object if its class cannot show a value.
///
/// The value is read after the object was obtained, so the object or the key may have been changed in between.
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
            "a method panicked while changing an object that this one refers to, so a part of this value may be half \
             changed; update that object, or clear-poison it",
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

/// The line for an object whose class cannot show its value.
#[derive(Serialize)]
struct WithoutValue {
    class: String,
    id: Uuid,
    generation: u64,
    no_value: String,
}
