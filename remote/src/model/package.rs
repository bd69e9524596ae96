//! What a package of classes promises for all of its methods and functions: what [`register_package!`] writes down.
//!
//! [`register_package!`]: crate::register_package

use crate::args::Args;
use crate::describe::{Function, Place};
use crate::error::Error;
use crate::multi_object::ObjectParam;
use crate::value::{self, ObjectRef, Value};

/// A package whose methods and functions look into the objects that they have references to, by [`value::look`]. They
/// read everything before they change anything, so that a service may run one again if others use such an object: see
/// [`RefScope::look`](value::RefScope::look). It is registered by [`register_package!`](crate::register_package).
pub struct Package {
    /// The name that cargo knows it by.
    pub name: &'static str,
    /// Says why `found` is no argument for a parameter that is an object, in the package's own words; `None` leaves it
    /// to the service.
    pub explain: fn(&Function, found: &Value) -> Option<Error>,
}

inventory::collect!(Package);

impl Package {
    /// The package of this name, if it is registered.
    pub fn named(name: &str) -> Option<&'static Self> {
        inventory::iter::<Self>.into_iter().find(|package| package.name == name)
    }
}

impl Place {
    /// The package that it is in, if that is registered.
    pub fn registered_package(&self) -> Option<&'static Package> {
        Package::named(self.package?)
    }
}

impl Function {
    /// What its package says of a dynamic call whose argument for `param` is no object; `args` are the arguments as
    /// they came.
    pub fn explain_argument(&self, param: &ObjectParam, args: &[u8]) -> Option<Error> {
        let package = self.place.registered_package()?;
        let mut bound = value::limited(|| Args::decode(args)).ok()?.bind(self.params).ok()?;
        let found = bound.find_map(|(name, found)| found.filter(|_| name == param.name))?;
        match found {
            Value::Text(_) | Value::Ref(_) => None,
            found => (package.explain)(self, &found),
        }
    }

    /// As [`explain_argument`](Self::explain_argument), where the argument is an object of another class.
    pub fn explain_class(&self, class: &str) -> Option<Error> {
        let found = Value::Ref(ObjectRef::new(Default::default(), class));
        (self.place.registered_package()?.explain)(self, &found)
    }
}
