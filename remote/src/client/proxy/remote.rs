//! The traits of classes and interfaces, and of the proxies of one of them.

use super::Proxy;
use crate::protocol::object::Object;

/// A Rust type whose values may live on a service. `#[remote]` implements it.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tarmem_remote::{Class, Remote, remote};
///
/// #[remote(module = "doc_class")]
/// #[derive(Serialize, Deserialize)]
/// struct Account { cents: i64 }
///
/// fn path<C: Class>() -> &'static str {
///     C::PATH
/// }
/// assert_eq!(path::<Account>(), "doc_class.Account");
/// ```
pub trait Class: Object + Remote + Sized {}

/// A trait whose methods may be called remotely. `#[remote]` implements it for the trait's `dyn` type.
///
/// ```
/// use tarmem_remote::{Interface, Remote, remote};
///
/// #[remote(module = "geometry")]
/// trait Shape {
///     fn area(&self) -> f64;
/// }
///
/// fn path<I: Interface + ?Sized>() -> &'static str {
///     I::PATH
/// }
/// assert_eq!(path::<dyn Shape>(), "geometry.Shape");
/// ```
pub trait Interface: Remote {}

/// A class, or the `dyn` type of an interface: what a typed proxy is a proxy of.
///
/// ```
/// use tarmem_remote::{ClientApi, Error, Proxy, Remote};
///
/// /// Counts the keys under which there is an object of this class, or with this interface.
/// async fn count<R: Remote + ?Sized>(session: &ClientApi, keys: &[&str]) -> Result<usize, Error> {
///     let mut found = 0;
///     for key in keys {
///         match session.get::<R>(key).await {
///             Ok(_) => found += 1,
///             Err(Error::WrongClass { .. } | Error::NoSuchKey { .. }) => {}
///             Err(other) => return Err(other),
///         }
///     }
///     Ok(found)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a class or interface of tarmem",
    label = "it has no proxies",
    note = "put #[remote(module = \"…\")] on the struct, enum or trait itself; #[remote] on its `impl` is not enough"
)]
pub trait Remote {
    /// The path of the class or interface, `module.Name`.
    const PATH: &'static str;
    /// The type of its proxies.
    type Proxy: Proxy;
}

/// A proxy of one class or one interface, as `#[remote]` generates it. The methods of an interface can be called on
/// every proxy whose class implements it, through the trait of calls that `#[remote]` generates for the interface.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tarmem_remote::proxy::TypedProxy;
/// use tarmem_remote::{Remote, remote};
///
/// #[remote(module = "doc_typed")]
/// #[derive(Serialize, Deserialize)]
/// struct Account { cents: i64 }
///
/// fn path_of<P: TypedProxy>() -> &'static str {
///     <P::Of as Remote>::PATH
/// }
/// assert_eq!(path_of::<AccountProxy>(), "doc_typed.Account");
/// ```
pub trait TypedProxy: Proxy {
    /// The class, or the `dyn` type of the interface.
    type Of: Remote<Proxy = Self> + ?Sized;
}
