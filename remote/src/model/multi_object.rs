//! Functions over several objects: which objects they ask for, and how the service passes them.
//!
//! A `#[remote]` function with parameters `&T`, `&mut T`, `&dyn I` or `&mut dyn I` works on objects of the service. Its
//! dispatch function decodes the arguments into a [`PreparedCall`], which says which objects it needs, and what to do
//! with them. The service finds the objects, holds all of them, in an order that is the same for every call, and runs
//! the call on [`HeldObjects`].

use crate::codec;
use crate::context::Context;
use crate::dispatch::{Arguments, DispatchError, Produced};
use crate::error::Error;
use crate::object::Object;
use crate::operation::Target;
use crate::protocol::object::NewObject;
use crate::proxy::Proxy;
use crate::value::{ObjectRef, RefScope, Value, with_scope};
use futures::future::BoxFuture;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// An object as an argument. A typed caller passes a proxy; a dynamic caller passes its key as text, or a reference to
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectArg<'a> {
    /// The object that the key is mapped to when the call runs.
    Key(Cow<'a, str>),
    /// One object, to which the session has a handle.
    Id(Uuid),
}

impl<'a> ObjectArg<'a> {
    /// The object of `proxy`.
    pub fn of<P: Proxy>(proxy: &'a P) -> Self {
        match proxy.core().target().as_ref() {
            Target::Key(key) => ObjectArg::Key(Cow::Borrowed(key)),
            Target::Id(id) => ObjectArg::Id(id),
        }
    }

    /// The object as the target of an operation.
    pub fn target(&self) -> Target<'_> {
        match self {
            ObjectArg::Key(key) => Target::Key(key),
            ObjectArg::Id(id) => Target::Id(*id),
        }
    }
}

impl Serialize for ObjectArg<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ObjectArg::Key(key) if serializer.is_human_readable() => serializer.serialize_str(key),
            ObjectArg::Id(id) if serializer.is_human_readable() => ObjectRef::new(*id, "").serialize(serializer),
            ObjectArg::Key(key) => serializer.serialize_newtype_variant("ObjectArg", 0, "Key", key),
            ObjectArg::Id(id) => serializer.serialize_newtype_variant("ObjectArg", 1, "Id", id),
        }
    }
}

impl<'de> Deserialize<'de> for ObjectArg<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        enum Typed {
            Key(String),
            Id(Uuid),
        }
        if !deserializer.is_human_readable() {
            return Ok(match Typed::deserialize(deserializer)? {
                Typed::Key(key) => ObjectArg::Key(key.into()),
                Typed::Id(id) => ObjectArg::Id(id),
            });
        }
        match Value::deserialize(deserializer)? {
            Value::Text(key) => Ok(ObjectArg::Key(key.into())),
            Value::Ref(reference) => Ok(ObjectArg::Id(reference.id())),
            other => Err(D::Error::custom(format_args!(
                "an object is passed by its key, as text, or by a reference to it, not as {}",
                other.kind()
            ))),
        }
    }
}

/// A parameter that is an object.
#[derive(Clone, Copy, Debug)]
pub struct ObjectParam {
    /// Its name.
    pub name: &'static str,
    /// The path of the class or interface that the object must have.
    pub class: &'static str,
    /// `&mut`: the function holds the object exclusively, and the object is restored if the function fails, unless the
    /// function itself promises to leave it as it was ([`OnObjects::all_or_nothing`]).
    pub exclusive: bool,
}

/// The dispatch function of a function over objects.
#[derive(Clone, Copy)]
pub struct OnObjects {
    /// The parameters that are objects, in order.
    pub params: &'static [ObjectParam],
    /// The function promises to leave its objects as they were if it fails. So they are not copied, and as with a
    /// method, the objects that it may change are poisoned if it panics.
    pub all_or_nothing: bool,
    /// Decodes the arguments.
    pub prepare: fn(&mut Arguments<'_>) -> Result<PreparedCall, DispatchError>,
}

/// A call of a function over objects, with decoded arguments.
pub struct PreparedCall {
    /// The objects, one for each of [`OnObjects::params`].
    pub objects: Vec<ObjectArg<'static>>,
    /// What to do with them.
    pub work: Work,
}

/// What a function over objects does once it has the objects.
pub enum Work {
    /// `fn(…)`
    Sync(SyncWork),
    /// `async fn(…)`
    Async(AsyncWork),
}

/// Runs a function on the objects that it gets.
pub type SyncWork = Box<dyn for<'a> FnOnce(HeldObjects<'a>, &'a Context) -> Result<Produced, DispatchError> + Send>;

/// Like [`SyncWork`], for an `async fn`.
pub type AsyncWork =
    Box<dyn for<'a> FnOnce(HeldObjects<'a>, &'a Context) -> BoxFuture<'a, Result<Produced, DispatchError>> + Send>;

impl PreparedCall {
    /// A call of a `fn`. For generated code.
    pub fn sync<const N: usize>(
        objects: [ObjectArg<'static>; N],
        work: impl for<'a> FnOnce(HeldObjects<'a>, &'a Context) -> Result<Produced, DispatchError> + Send + 'static,
    ) -> Self {
        PreparedCall { objects: objects.into(), work: Work::Sync(Box::new(work)) }
    }

    /// A call of an `async fn`. For generated code.
    pub fn asynchronous<const N: usize>(
        objects: [ObjectArg<'static>; N],
        work: impl for<'a> FnOnce(HeldObjects<'a>, &'a Context) -> BoxFuture<'a, Result<Produced, DispatchError>>
        + Send
        + 'static,
    ) -> Self {
        PreparedCall { objects: objects.into(), work: Work::Async(Box::new(work)) }
    }
}

/// The objects that a function gets, one for each of its object parameters.
pub struct HeldObjects<'a> {
    objects: std::vec::IntoIter<HeldObject<'a>>,
}

/// One object that the service holds for a function.
pub struct HeldObject<'a> {
    object: Hold<'a>,
    views: Option<&'static AnyViews>,
}

enum Hold<'a> {
    Shared(&'a dyn Object),
    Exclusive(&'a mut dyn Object),
}

impl<'a> HeldObject<'a> {
    /// An object for a `&` parameter. `views` says how the object's class is viewed as the interface that the parameter
    /// names, if it names one.
    pub fn shared(object: &'a dyn Object, views: Option<&'static AnyViews>) -> Self {
        HeldObject { object: Hold::Shared(object), views }
    }

    /// An object for a `&mut` parameter.
    pub fn exclusive(object: &'a mut dyn Object, views: Option<&'static AnyViews>) -> Self {
        HeldObject { object: Hold::Exclusive(object), views }
    }
}

impl<'a> FromIterator<HeldObject<'a>> for HeldObjects<'a> {
    fn from_iter<I: IntoIterator<Item = HeldObject<'a>>>(objects: I) -> Self {
        HeldObjects { objects: objects.into_iter().collect::<Vec<_>>().into_iter() }
    }
}

/// Each method takes the next object, with the type of its parameter. The service has checked the classes, so they fail
/// only if a dispatch table is wrong, with an error instead of a panic.
impl<'a> HeldObjects<'a> {
    /// The object for a parameter `&T`.
    ///
    /// # Errors
    /// [`Error::WrongClass`].
    pub fn shared<T: 'static>(&mut self) -> Result<&'a T, Error> {
        let object = self.next_shared::<T>()?.0;
        (object as &dyn Any).downcast_ref().ok_or_else(|| mismatch::<T>(object.class()))
    }

    /// The object for a parameter `&mut T`.
    ///
    /// # Errors
    /// [`Error::WrongClass`].
    pub fn exclusive<T: 'static>(&mut self) -> Result<&'a mut T, Error> {
        let object = self.next_exclusive::<T>()?.0;
        let class = object.class();
        (object as &mut dyn Any).downcast_mut().ok_or_else(|| mismatch::<T>(class))
    }

    /// The object for a parameter `&dyn I`.
    ///
    /// # Errors
    /// [`Error::WrongClass`].
    pub fn shared_as<I: ?Sized + 'static>(&mut self) -> Result<&'a I, Error> {
        let (object, views) = self.next_shared::<I>()?;
        views_of::<I>(views).and_then(|views| (views.shared)(object)).ok_or_else(|| mismatch::<I>(object.class()))
    }

    /// The object for a parameter `&mut dyn I`.
    ///
    /// # Errors
    /// [`Error::WrongClass`].
    pub fn exclusive_as<I: ?Sized + 'static>(&mut self) -> Result<&'a mut I, Error> {
        let (object, views) = self.next_exclusive::<I>()?;
        let class = object.class();
        views_of::<I>(views).and_then(|views| (views.exclusive)(object)).ok_or_else(|| mismatch::<I>(class))
    }

    fn next_shared<T: ?Sized>(&mut self) -> Result<(&'a dyn Object, Option<&'static AnyViews>), Error> {
        match self.objects.next() {
            Some(HeldObject { object: Hold::Shared(object), views }) => Ok((object, views)),
            _ => Err(mismatch::<T>("not what was asked for")),
        }
    }

    fn next_exclusive<T: ?Sized>(&mut self) -> Result<(&'a mut dyn Object, Option<&'static AnyViews>), Error> {
        match self.objects.next() {
            Some(HeldObject { object: Hold::Exclusive(object), views }) => Ok((object, views)),
            _ => Err(mismatch::<T>("not what was asked for")),
        }
    }
}

fn mismatch<T: ?Sized>(found: &str) -> Error {
    Error::WrongClass {
        target: "the object".to_owned(),
        expected: std::any::type_name::<T>().to_owned(),
        found: found.to_owned(),
    }
}

/// How an object of one class is viewed as an interface: `Views<dyn Shape>` for a class that implements `Shape`.
pub struct Views<I: ?Sized> {
    /// For reading.
    pub shared: fn(&dyn Object) -> Option<&I>,
    /// For changing.
    pub exclusive: fn(&mut dyn Object) -> Option<&mut I>,
}

/// A [`Views`] of some interface.
pub type AnyViews = dyn Any + Send + Sync;

fn views_of<I: ?Sized + 'static>(views: Option<&'static AnyViews>) -> Option<&'static Views<I>> {
    views?.downcast_ref()
}

/// Copies `object` through its encoding. References to other objects stay references to the same objects.
pub(crate) fn copy_encoded<T: Object + Serialize + DeserializeOwned>(object: &T) -> Result<NewObject, DispatchError> {
    let bad = |e: &dyn fmt::Display| {
        let class = (object as &dyn Object).class();
        DispatchError::arguments(format!(
            "a {class} is copied through its encoding, to be restored if the function fails, but {e}"
        ))
    };
    with_scope(&KeptRefs::default(), || {
        let bytes = codec::encode(object).map_err(|e| bad(&e))?;
        let copy: T = codec::decode(&bytes).map_err(|e| bad(&e))?;
        Ok(Box::new(copy) as NewObject)
    })
}

/// Gives a copy the same live references as the original.
#[derive(Default)]
struct KeptRefs {
    refs: Mutex<HashMap<Uuid, ObjectRef>>,
}

impl RefScope for KeptRefs {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        let refs = self.refs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(refs.get(&reference.id()).cloned().unwrap_or(reference))
    }

    fn export(&self, reference: &ObjectRef) -> Result<(), String> {
        self.refs.lock().unwrap_or_else(PoisonError::into_inner).insert(reference.id(), reference.clone());
        Ok(())
    }
}

impl fmt::Debug for OnObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnObjects").field("params", &self.params).finish_non_exhaustive()
    }
}

impl fmt::Debug for PreparedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedCall").field("objects", &self.objects).finish_non_exhaustive()
    }
}
