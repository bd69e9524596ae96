//! What a package of classes promises for all of its methods and functions, as [`register_package!`] records it.
//!
//! [`register_package!`]: crate::register_package

use crate::args::Args;
use crate::describe::{Function, Place};
use crate::error::Error;
use crate::multi_object::ObjectParam;
use crate::value::{self, ObjectRef, Value};

/// A package whose methods and functions look into the objects that they have references to, with [`value::look`]. They
/// read everything before they change anything, so that a service may run one again if other calls use such an object:
/// see [`RefScope::look`](value::RefScope::look). [`register_package!`](crate::register_package) registers it.
///
/// ```
/// use tarmem_remote::describe::Function;
/// use tarmem_remote::package::Package;
/// use tarmem_remote::{Error, Value};
///
/// fn explain(_: &Function, _: &Value) -> Option<Error> {
///     None
/// }
///
/// tarmem_remote::register_package!(explain);
///
/// # fn main() {
/// let this = Package::named(env!("CARGO_PKG_NAME")).map(|package| package.name);
/// assert_eq!(this, Some(env!("CARGO_PKG_NAME")));
/// # }
/// ```
pub struct Package {
    /// Its name in cargo.
    pub name: &'static str,
    /// Says, in the package's own words, why `found` is not an argument for a parameter that is an object; `None`
    /// leaves the message to the service.
    pub explain: fn(&Function, found: &Value) -> Option<Error>,
}

inventory::collect!(Package);

impl Package {
    /// The package with this name, if it is registered.
    pub fn named(name: &str) -> Option<&'static Self> {
        inventory::iter::<Self>.into_iter().find(|package| package.name == name)
    }
}

impl Place {
    /// The package that contains it, if that package is registered.
    pub fn registered_package(&self) -> Option<&'static Package> {
        Package::named(self.package?)
    }
}

impl Function {
    /// The package's error for a dynamic call whose argument for `param` is not an object; `args` are the arguments as
    /// they arrived.
    pub fn explain_argument(&self, param: &ObjectParam, args: &[u8]) -> Option<Error> {
        let package = self.place.registered_package()?;
        let mut bound = value::limited(|| Args::decode(args)).ok()?.bind(self.params).ok()?;
        let found = bound.find_map(|(name, found)| found.filter(|_| name == param.name))?;
        match found {
            Value::Text(_) | Value::Ref(_) => None,
            found => (package.explain)(self, &found),
        }
    }

    /// Like [`explain_argument`](Self::explain_argument), for an argument that is an object of another class.
    pub fn explain_class(&self, class: &str) -> Option<Error> {
        let found = Value::Ref(ObjectRef::new(Default::default(), class));
        (self.place.registered_package()?.explain)(self, &found)
    }
}
