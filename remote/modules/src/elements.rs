//! A stream of the elements of a collection on the service.

use super::python::{CHUNK_ITEMS, Chunk, Cursor};
use super::{Exception, Fallible};
use futures::stream::{FusedStream, Stream};
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tarmem_remote::call::{CallError, Failure};
use tarmem_remote::error::Error;
use tarmem_remote::proxy::{DynamicProxy, Proxy, ProxyCore};
use tarmem_remote::value::{Value, from_value, misfit};

/// A stream of the elements of a collection on a service, in their order. A proxy makes it: `list.iter()`,
/// `dict.items_iter()`.
///
/// Elements are fetched in chunks. A chunk is one call, and shows the collection as it is at that moment. While one
/// chunk is being used, the next is fetched, but no more. So only these chunks are in memory, however large the
/// collection is.
///
/// Whether the collection may change between chunks depends on its class, as in Python. A list may, and iteration goes
/// by position. A dict, a set and a deque may not, and the stream fails with their `RuntimeError` instead of going on
/// or ending. A dict's values may change, as long as no key is added, removed or moved.
///
/// # Errors
/// The first error is the last item: `RuntimeError` as above; [`Error::NoSuchKey`] through a proxy by key that was
/// deleted; [`Error::UnexpectedResult`] if an element cannot be decoded as a `T`; and those of the session. A proxy by
/// id keeps its object alive, and so does the stream.
///
/// # Cancellation
/// The stream can be dropped at any time. The service keeps nothing for it, so nothing is left behind.
///
/// ```
/// use futures::TryStreamExt;
/// use tarmem_modules::builtins::ListProxy;
///
/// async fn sum(list: &ListProxy) -> Result<i64, Box<dyn std::error::Error>> {
///     let mut items = list.iter::<i64>();
///     let mut sum = 0;
///     while let Some(item) = items.try_next().await? {
///         sum += item;
///     }
///     Ok(sum)
/// }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct Elements<T> {
    collection: Collection,
    limit: u32,
    timeout: Option<Duration>,
    items: VecDeque<Value>,
    /// How to go on; `None` after the end or an error.
    next: Option<Next>,
    element: PhantomData<fn() -> T>,
}

/// How the next chunk is fetched.
enum Next {
    /// It has yet to be requested.
    At(Option<Cursor>),
    /// It has been requested.
    Asked(Asked),
}

/// A request for a chunk.
enum Asked {
    Typed(Fallible<Chunk>),
    Dynamic(Fallible<Value>),
}

impl Asked {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Asked::Typed(call) => call.poll_send(cx),
            Asked::Dynamic(call) => call.poll_send(cx),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Chunk, CallError<Exception>>> {
        match self {
            Asked::Typed(call) => Pin::new(call).poll(cx),
            Asked::Dynamic(call) => Pin::new(call).poll(cx).map(|chunk| {
                from_value(chunk?)
                    .map_err(|error| unexpected("iter_chunk", format!("is not a chunk of elements: {error}")))
            }),
        }
    }
}

/// The value is not in the error: an element that was only looked at is not lost.
fn unexpected(what: &str, reason: String) -> CallError<Exception> {
    CallError::failed(Error::UnexpectedResult { what: what.to_owned(), reason, value: None, undone: false })
}

/// The collection whose elements are fetched.
enum Collection {
    Typed { core: ProxyCore, chunk: Box<FetchChunk> },
    Dynamic(DynamicProxy),
}

/// Calls the method that returns a chunk, with a cursor and a limit.
type FetchChunk = dyn Fn(Option<Cursor>, Option<u32>) -> Fallible<Chunk> + Send + Sync;

/// Iteration over an object whose class is not known.
///
/// ```
/// use futures::TryStreamExt;
/// use tarmem_remote::DynamicProxy;
/// use tarmem_modules::Iterable;
///
/// async fn words(of: &DynamicProxy) -> Result<Vec<String>, Box<dyn std::error::Error>> {
///     Ok(of.iter().try_collect().await?)
/// }
/// ```
pub trait Iterable {
    /// Returns a stream of the elements of a collection, which it fetches in chunks by the method `iter_chunk`.
    ///
    /// # Errors
    /// As those of [`Elements`]; [`Error::NoSuchMethod`] if the object is not a collection.
    fn iter<T>(&self) -> Elements<T>;
}

impl Iterable for DynamicProxy {
    fn iter<T>(&self) -> Elements<T> {
        Elements::of_dynamic(self)
    }
}

impl<T> Elements<T> {
    /// Fetches chunks by this method of the class.
    pub(crate) fn of<P: Proxy>(proxy: &P, method: fn(&P, Option<Cursor>, Option<u32>) -> Fallible<Chunk>) -> Self {
        let of = proxy.clone();
        let chunk = Box::new(move |cursor, limit| method(&of, cursor, limit));
        Self::new(Collection::Typed { core: proxy.core().clone(), chunk })
    }

    /// Fetches chunks by the name of the method.
    fn of_dynamic(proxy: &DynamicProxy) -> Self {
        Self::new(Collection::Dynamic(proxy.clone()))
    }

    fn new(collection: Collection) -> Self {
        let (items, next) = (VecDeque::new(), Some(Next::At(None)));
        Elements { collection, limit: CHUNK_ITEMS, timeout: None, items, next, element: PhantomData }
    }

    /// Sets the number of elements that are fetched at a time: `limit`, but at least one; 1024 by default. The service
    /// has its own maximum ([`CHUNK_ITEMS_LIMIT`](super::python::CHUNK_ITEMS_LIMIT)).
    pub fn chunks_of(mut self, limit: u32) -> Self {
        // A chunk of no elements would be requested again and again.
        self.limit = limit.max(1);
        self
    }

    /// Sets the timeout of each chunk, as [`Call::timeout`](tarmem_remote::Call::timeout). The default is that of all
    /// calls.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    fn ask(&self, cursor: Option<Cursor>) -> Asked {
        let args = (cursor, Some(self.limit));
        match &self.collection {
            Collection::Typed { chunk, .. } => Asked::Typed(self.in_time(chunk(args.0, args.1))),
            Collection::Dynamic(proxy) => Asked::Dynamic(self.in_time(proxy.call_with("iter_chunk", &args))),
        }
    }

    fn in_time<R>(&self, call: Fallible<R>) -> Fallible<R> {
        match self.timeout {
            Some(timeout) => call.timeout(timeout),
            None => call,
        }
    }

    /// Polls until there are elements, or the end: ready with whether there are elements.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, CallError<Exception>>> {
        while self.items.is_empty() {
            match self.next.take() {
                None => return Poll::Ready(Ok(false)),
                Some(Next::At(cursor)) => self.next = Some(Next::Asked(self.ask(cursor))),
                Some(Next::Asked(mut call)) => match call.poll(cx) {
                    Poll::Pending => {
                        self.next = Some(Next::Asked(call));
                        return Poll::Pending;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Ready(Ok(Chunk { items, next, more })) => {
                        self.items = items.into();
                        self.next = next.map(|cursor| match more {
                            true => Next::Asked(self.ask(Some(cursor))),
                            // Whether that is still so is asked when the next element is wanted.
                            false => Next::At(Some(cursor)),
                        });
                    }
                },
            }
        }
        if let Some(Next::Asked(call)) = &mut self.next {
            // Sends the request if that has not been done yet. Its answer is awaited when these elements are used up.
            let _ = call.poll_send(cx);
        }
        Poll::Ready(Ok(true))
    }
}

impl<T: DeserializeOwned> Stream for Elements<T> {
    type Item = Result<T, CallError<Exception>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = match self.poll_chunk(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(true)) => self.items.pop_front().map(|item| {
                T::deserialize(&item).map_err(|error| unexpected("iter_chunk", misfit::<T>(&item, &error)))
            }),
            Poll::Ready(Ok(false)) => None,
            Poll::Ready(Err(error)) => Some(Err(error)),
        };
        if let Some(Err(_)) = item {
            self.next = None;
            self.items.clear();
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.next.is_none().then_some(self.items.len()))
    }
}

impl<T: DeserializeOwned> FusedStream for Elements<T> {
    fn is_terminated(&self) -> bool {
        self.next.is_none() && self.items.is_empty()
    }
}

impl<T> fmt::Debug for Elements<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match &self.collection {
            Collection::Typed { core, .. } => core,
            Collection::Dynamic(proxy) => proxy.core(),
        };
        f.debug_struct("Elements").field("of", of).field("at_hand", &self.items.len()).finish_non_exhaustive()
    }
}
