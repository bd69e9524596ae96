//! New objects in the store, from the result of a function or from a value that a client sent.

use super::engine::Engine;
use crate::server::refs::references::SessionScope;
use crate::server::state::panics::{self, Panic};
use crate::store::{Cell, FlightError};
use bytes::Bytes;
use serde::Deserialize;
use tarmem_remote::codec;
use tarmem_remote::describe::{Function, NewObject};
use tarmem_remote::dispatch::{Encoding, Output, Produced};
use tarmem_remote::error::Error;
use tarmem_remote::operation::SourceRef;
use tarmem_remote::value::{Value, from_value, limited, with_scope};
use uuid::Uuid;

impl Engine {
    /// Like [`place`](Self::place). An object that was made with references in its arguments may become part of a
    /// cycle.
    pub(super) fn place_referring(
        &self,
        scope: &SessionScope,
        function: &Function,
        produced: Produced,
        name: &str,
    ) -> Result<Cell, FlightError> {
        let placed = self.place(function, scope.session.id(), produced, name);
        if let Ok(cell) = &placed
            && scope.has_resolved()
        {
            self.state.suspects.add(cell);
        }
        placed
    }

    pub(super) fn place(
        &self,
        function: &Function,
        session: Uuid,
        produced: Produced,
        name: &str,
    ) -> Result<Cell, FlightError> {
        match produced {
            Produced::Object(object) => Ok(self.host(object, name)?),
            // This contradicts `makes`.
            Produced::Value(_) => {
                Err(Error::NotAGenerator { function: function.full_name(), returns: function.returns.to_owned() }
                    .into())
            }
            Produced::Raised(message, error) => {
                let encode = |encoding| {
                    let mut body = Vec::new();
                    let mut out = Output::new(encoding, &mut body, self.state.limits.frame_bytes / 2);
                    let encoded = panics::catch_in(function, session, || out.returned(&*error));
                    encoded?.map_err(|error| function.error(error, encoding))?;
                    Ok::<_, Error>(Bytes::from(body))
                };
                let (typed, dynamic) = (encode(Encoding::Typed)?, encode(Encoding::Dynamic)?);
                Err(FlightError::Raised { message, typed, dynamic })
            }
        }
    }

    fn host(&self, object: NewObject, name: &str) -> Result<Cell, Error> {
        let class = self.state.registry.class(object.class())?;
        Ok(self.state.store.host(object, class, name))
    }

    /// Makes an object from a value that a client sent.
    pub(super) fn decode_object(&self, scope: &SessionScope, source: SourceRef<'_>, name: &str) -> Result<Cell, Error> {
        let cell = with_scope(scope, || self.decode_in_scope(source, name))?;
        if scope.has_resolved() {
            self.state.suspects.add(&cell);
        }
        Ok(cell)
    }

    fn decode_in_scope(&self, source: SourceRef<'_>, name: &str) -> Result<Cell, Error> {
        // The class is looked up first, since typetag's own error lists every name that there is.
        let class = class_of(source)?;
        self.check_name("class", class)?;
        let entry = self.state.registry.class(class)?.entry();
        let class = entry.path;
        let panicked = |panic: Panic| panic.of(class);
        let decoded: Result<NewObject, String> = match source {
            SourceRef::Value { signature, .. } if signature != (entry.signature)().id() => {
                return Err(Error::SignatureUnknown { class: class.to_owned() });
            }
            SourceRef::Value { object, .. } => {
                panics::catch(|| limited(|| codec::decode(object))).map_err(panicked)?.map_err(|e| e.to_string())
            }
            SourceRef::ValueByNames { value, .. } => panics::catch(|| {
                let value: Value = limited(|| codec::decode(value)).map_err(|e| e.to_string())?;
                from_value(Value::Map(vec![(class.into(), value)])).map_err(|e| e.to_string())
            })
            .map_err(panicked)?,
            _ => Err("it is not a value".to_owned()),
        };
        self.host(decoded.map_err(|reason| Error::BadValue { class: class.to_owned(), reason })?, name)
    }
}

/// The same for another thread.
pub(super) enum OwnedValue {
    Typed { signature: u64, object: Bytes },
    ByNames { class: Box<str>, value: Bytes },
}

impl OwnedValue {
    pub(super) fn of(source: SourceRef<'_>) -> Self {
        match source {
            SourceRef::ValueByNames { class, value } => {
                OwnedValue::ByNames { class: class.into(), value: Bytes::copy_from_slice(value) }
            }
            SourceRef::Value { signature, object } => {
                OwnedValue::Typed { signature, object: Bytes::copy_from_slice(object) }
            }
            // The class is unknown, which is reported when it is decoded.
            _ => OwnedValue::Typed { signature: 0, object: Bytes::new() },
        }
    }

    pub(super) fn source(&self) -> SourceRef<'_> {
        match self {
            OwnedValue::Typed { signature, object } => SourceRef::Value { signature: *signature, object },
            OwnedValue::ByNames { class, value } => SourceRef::ValueByNames { class, value },
        }
    }
}

/// The path of the class that a value claims to be of.
pub(super) fn class_of(source: SourceRef<'_>) -> Result<&str, Error> {
    // typetag's form: a map with one entry, whose key is the class's path.
    #[derive(Deserialize)]
    struct Tag<'a>(u64, &'a str);
    let object = match source {
        SourceRef::Value { object, .. } => object,
        SourceRef::ValueByNames { class, .. } => return Ok(class),
        _ => return Err(Error::malformed("object", "it is not a value")),
    };
    let tag: Tag<'_> = codec::decode_prefix(object).map_err(|e| Error::malformed("object", e))?.0;
    if tag.0 != 1 {
        return Err(Error::malformed("object", "it does not have exactly one tag"));
    }
    Ok(tag.1)
}
