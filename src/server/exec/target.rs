//! Which object an operation is for, and which of its methods.

use super::checks::label;
use super::engine::Engine;
use super::request::Request;
use crate::store::{Cell, Mapping};
use tarmem_remote::describe::Method;
use tarmem_remote::error::Error;
use tarmem_remote::operation::{MethodRef, Target};

impl Engine {
    /// The object that an operation is for, and its generation (0 by id).
    pub(in crate::server) fn target(&self, request: &Request<'_>, target: Target<'_>) -> Result<Mapping, Error> {
        match target {
            Target::Key(key) => self.mapping(key),
            Target::Id(id) => Ok(Mapping { cell: request.session.held(id)?, generation: 0 }),
        }
    }

    pub(super) fn mapping(&self, key: &str) -> Result<Mapping, Error> {
        self.state.store.get(key).ok_or_else(|| match self.check_key(key) {
            Ok(()) => Error::NoSuchKey { key: key.to_owned() },
            Err(error) => error,
        })
    }

    pub(super) fn method(
        &self,
        cell: &Cell,
        target: Target<'_>,
        method: MethodRef<'_>,
    ) -> Result<&'static Method, Error> {
        let class = cell.class();
        match method {
            MethodRef::Name(name) => {
                self.check_name("method", name)?;
                class.method(name).map_err(|error| match name.rsplit_once('.') {
                    Some((scope, _)) if self.state.registry.has_scope(scope) && !class.fits(scope) => {
                        Error::WrongClass {
                            target: label(target),
                            expected: scope.to_owned(),
                            found: class.entry().path.to_owned(),
                        }
                    }
                    _ => error,
                })
            }
            MethodRef::Id(id) => class.method_by_id(id).ok_or_else(|| {
                match self.state.registry.method_scope(id) {
                    Some(scope) if !class.fits(scope) => Error::WrongClass {
                        target: label(target),
                        expected: scope.to_owned(),
                        found: class.entry().path.to_owned(),
                    },
                    // The caller knows what the number stands for, and asks again by name.
                    _ => Error::SignatureUnknown { class: class.entry().path.to_owned() },
                }
            }),
        }
    }
}
