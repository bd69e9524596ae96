//! What the proxies of collections take: anything serializable, by itself.

use super::to::with_tuples;
use super::{Value, ValueError};
use serde::Serialize;

/// What goes into a collection, a queue or a dict on a service: everything that is [`Serialize`], by value or by
/// reference.
///
/// It becomes what [`Value::from`] makes of it, if there is one: a tuple is a [`Value::Tuple`], so that it can be a
/// key, and a proxy by id is a reference to its object. Everything else becomes what [`to_value`](super::to_value)
/// makes of it: a struct a map, and so on. A type that is `Deserialize`, too, comes out again as it went in.
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
/// A `Value` that is at hand is copied on its way; the methods whose names end in `_value` take it as it is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value",
    label = "this is not `Serialize`",
    note = "derive `serde::Serialize` for it, and `serde::Deserialize` to take it out again; or pass a `Value` made by hand, by \
            `Value::from`, or by `to_value` of something that is `Serialize`"
)]
pub trait IntoValue {
    /// The value.
    ///
    /// # Errors
    /// As [`to_value`](super::to_value); a proxy by key, which is a reference to no object in particular.
    fn into_value(self) -> Result<Value, ValueError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> IntoValue for T {
    fn into_value(self) -> Result<Value, ValueError> {
        with_tuples(&self)
    }
}
