//! The argument type of the proxies of collections: anything serializable.

use super::to::with_tuples;
use super::{Value, ValueError};
use serde::Serialize;

/// A value that can be stored in a collection, a queue or a dict on a service: everything that is [`Serialize`], by
/// value or by reference.
///
/// It becomes what [`Value::from`] makes of it, if possible: a tuple becomes a [`Value::Tuple`], so that it can be a
/// key, and a proxy by id becomes a reference to its object. Everything else becomes what [`to_value`](super::to_value)
/// makes of it: a struct becomes a map, and so on. If the type is also `Deserialize`, the value can be read back
/// unchanged.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tarmem_modules::queue::QueueProxy;
///
/// #[derive(Serialize, Deserialize)]
/// struct Job { path: String, tries: u32 }
///
/// async fn retry(queue: &QueueProxy) -> Result<(), Box<dyn std::error::Error>> {
///     let job: Job = queue.get().await?;
///     queue.put(Job { tries: job.tries + 1, ..job }).await?;
///     Ok(())
/// }
/// ```
///
/// A `Value` is copied; the methods whose names end in `_value` take it without a copy.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value",
    label = "this is not `Serialize`",
    note = "derive `serde::Serialize` for it, and `serde::Deserialize` to read it back; or pass a `Value` made by \
            `Value::from`, or by `to_value` of something that is `Serialize`"
)]
pub trait IntoValue {
    /// Converts this into a value.
    ///
    /// # Errors
    /// Those of [`to_value`](super::to_value), and that this is a proxy by key, which refers to no particular object.
    fn into_value(self) -> Result<Value, ValueError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> IntoValue for T {
    fn into_value(self) -> Result<Value, ValueError> {
        with_tuples(&self)
    }
}
