//! [`Call`]: one operation as a future.

mod by_names;
mod erase;
mod failure;
mod outcome;

pub use crate::caller::{Caller, OwnerId, Submitted, Terms, Timeout, current_task};
use crate::codec::Encoding;
use crate::error::Error;
pub use crate::operation::Name;
use crate::operation::{Operation, Reply, ReplyError};
use crate::payload::Payload;
use crate::signature::Change;
use crate::value::ObjectRef;
use by_names::Asking;
pub use by_names::by_names;
use erase::Erase;
pub use failure::{CallError, Failure};
pub use outcome::Misfit;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// One operation as a future of its result.
///
/// Nothing is sent until it is first polled, or [`send`](Self::send) is called.
///
/// ```
/// # use tarmem_modules::builtins::ListProxy;
/// # use std::time::Duration;
/// use tarmem_remote::{Call, Error, Proxy, Value, args};
///
/// async fn length(list: &ListProxy) -> Result<u64, Error> {
///     let call: Call<Value> = list.dynamic().call("__len__", args![]).timeout(Duration::from_secs(5));
///     let length = call.await?;
///     Ok(length.as_int().and_then(|n| n.try_into().ok()).unwrap_or_default())
/// }
/// ```
///
/// # Errors
/// [`Error`], or [`CallError`] for a method that itself returns a `Result`.
///
/// # Cancellation
/// Dropping it cancels the operation if it has not started on the service. An exclusive method that has started runs to
/// its end.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<T, E = Error> {
    caller: Arc<dyn Caller>,
    state: State,
    name: &'static Name,
    /// A name that is known only at run time.
    label: Option<Box<str>>,
    encoding: Encoding,
    timeout: Timeout,
    idempotent: bool,
    cancellable: bool,
    rare: Option<Box<Rare>>,
    result: PhantomData<fn() -> (T, E)>,
}

/// Fields that few calls need. They are boxed because calls are moved often: up to 128 bytes are moved by a few
/// instructions, and more by a call of `memcpy`.
#[derive(Default)]
struct Rare {
    owner: Option<OwnerId>,
    /// Set if the call goes by names, because the service has another signature of what it calls.
    change: Option<Arc<Change>>,
    /// The objects that the arguments refer to, held until the call is over.
    kept: Vec<ObjectRef>,
    /// Set if an error that the method returns becomes an [`Error`].
    erase: Option<Erase>,
}

const _: () = assert!(size_of::<Call<i64>>() <= 128);

/// The progress of a call. Calls are moved often, and there may be many at a time, so large and rare variants are
/// boxed.
enum State {
    /// Encoded, but not sent.
    Made(Payload),
    /// Not sent, because too many calls are in flight; waiting since this instant.
    Waiting(Box<(Payload, Instant)>),
    /// Cannot be sent.
    Malformed(Box<Error>),
    /// Sent, with this number.
    Sent(u64),
    /// The service was built with another signature, and the call is waiting for that signature.
    Asking(Box<Asking>),
    Answered(Reply),
    Over,
}

impl<T, E> Call<T, E> {
    /// A call of `operation`, which `Operation::encode` has made.
    #[inline]
    pub fn new(
        caller: Arc<dyn Caller>,
        operation: Result<Payload, Error>,
        name: &'static Name,
        encoding: Encoding,
    ) -> Self {
        let state = match operation {
            Ok(operation) => State::Made(operation),
            Err(error) => State::Malformed(Box::new(error)),
        };
        Call {
            caller,
            state,
            name,
            label: None,
            encoding,
            timeout: Timeout::Default,
            idempotent: name.idempotent,
            cancellable: true,
            rare: None,
            result: PhantomData,
        }
    }

    /// Sets the name for messages to `label`.
    pub(crate) fn labelled(mut self, label: impl Into<Box<str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Sets the name for messages to `name`.
    pub(crate) fn named_as(mut self, name: &'static Name) -> Self {
        self.name = name;
        self
    }

    /// Makes the call fail with [`Error::BadArguments`] without being sent, for a proxy that got arguments which cannot
    /// be sent.
    pub fn refused(mut self, reason: String) -> Self {
        let error = Error::BadArguments { signature: self.what(), reason };
        self.state = State::Malformed(Box::new(error));
        self
    }

    /// Holds these references until the call is over, because its arguments refer to them: an object without other
    /// references would be gone when the call arrives.
    pub fn keeping(mut self, references: Vec<ObjectRef>) -> Self {
        if !references.is_empty() {
            self.rare_mut().kept = references;
        }
        self
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn chosen_owner(&self) -> Option<OwnerId> {
        self.rare.as_ref()?.owner
    }

    fn change(&self) -> Option<&Arc<Change>> {
        self.rare.as_ref()?.change.as_ref()
    }

    fn what(&self) -> String {
        self.label.as_ref().map_or_else(|| self.name.to_string(), |label| label.to_string())
    }

    /// Fails with [`Error::DeadlineExceeded`] unless the result arrives within `timeout`, counted from when the call is
    /// sent. The service does not work on it for longer.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Timeout::After(timeout);
        self
    }

    /// Removes the timeout.
    pub fn no_timeout(mut self) -> Self {
        self.timeout = Timeout::Never;
        self
    }

    /// Declares that making the call twice is the same as making it once. If the service is restarted while the call is
    /// in flight, the call is made again instead of failing with [`Error::OutcomeUnknown`]. Methods with `&self`, and
    /// those marked `#[remote(idempotent)]`, are idempotent by themselves if they are called by a typed proxy.
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Makes the call on behalf of this owner instead of the task (or thread) that first polls it. Locks belong to
    /// owners. This lets a bridge, for example to another language, give each of its own callers separate locks on one
    /// session. Owners exclude one another, an owner may acquire an `RLock` again, and no owner can release what
    /// another holds, unless it passes the token. (A guard does.)
    ///
    /// Ids are chosen by the program: any numbers below 2^62 ([`OwnerId::LIMIT`]) that distinguish the callers of the
    /// session. An owner is never confused with a task or a thread, and the same id in another session is another
    /// owner. Owners are neither created nor destroyed: what one holds is released by any caller that knows its id, and
    /// at the end of the session.
    ///
    /// [`Proxy::as_owner`](crate::Proxy::as_owner) does this for all calls of a proxy, including those of its guards.
    ///
    /// # Errors
    /// The call fails with [`Error::LimitExceeded`] if the id is not below 2^62.
    ///
    /// ```no_run
    /// # use tarmem_modules::threading::RLockProxy;
    /// # async fn example(lock: RLockProxy) -> Result<(), Box<dyn std::error::Error>> {
    /// assert!(lock.acquire_bool(None, None).owner(1).await?);
    /// assert!(lock.acquire_bool(None, None).owner(1).await?, "it is that owner's");
    /// assert!(!lock.acquire_bool(false, None).owner(2).await?);
    /// lock.release_token(None).owner(1).await?;
    /// lock.release_token(None).owner(1).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn owner(mut self, id: u64) -> Self {
        match OwnerId::new(id) {
            Ok(owner) => self.rare_mut().owner = Some(owner),
            Err(error) if matches!(self.state, State::Made(_)) => self.state = State::Malformed(Box::new(error)),
            // The call has already started on behalf of its task.
            Err(_) => {}
        }
        self
    }

    /// Once the call is in flight, dropping it no longer cancels it. For a call that releases something that would
    /// otherwise never be released.
    pub fn uncancelled(mut self) -> Self {
        self.cancellable = false;
        self
    }

    /// Sends the call and ignores its outcome. This needs no runtime and does not wait, so it can be done in a `Drop`
    /// implementation. The call runs before any that the caller sends later.
    pub fn detach(mut self) {
        self.use_names();
        match std::mem::replace(&mut self.state, State::Over) {
            State::Made(operation) => self.caller.send(operation, self.chosen_owner()),
            State::Waiting(waiting) => self.caller.send(waiting.0, self.chosen_owner()),
            // There is no need to wait for the answer: a call without a listener continues by names on its own.
            State::Asking(asking) => self.caller.send(asking.into_operation(), self.chosen_owner()),
            other => self.state = other,
        }
    }

    /// Sends the call; ready once it is in flight.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.use_names();
        let owner = self.chosen_owner();
        // Few calls wait for room, and only those need the clock.
        let (operation, waited) = match &mut self.state {
            State::Made(operation) => (operation, Duration::ZERO),
            State::Waiting(waiting) => {
                let (operation, since) = &mut **waiting;
                (operation, since.elapsed())
            }
            State::Malformed(error) => {
                self.state = State::Answered(Reply::failed((**error).clone()));
                return Poll::Ready(());
            }
            State::Sent(_) | State::Asking(_) | State::Answered(_) | State::Over => return Poll::Ready(()),
        };
        let terms = Terms { timeout: self.timeout, idempotent: self.idempotent, waited, owner };
        match self.caller.poll_submit(cx, operation, terms) {
            Poll::Pending => {
                if let State::Made(operation) = &mut self.state {
                    self.state = State::Waiting(Box::new((std::mem::take(operation), Instant::now())));
                }
                return Poll::Pending;
            }
            Poll::Ready(Submitted::Waiting(sequence)) => self.state = State::Sent(sequence),
            Poll::Ready(Submitted::Answered(Reply::Failed(error))) => {
                let operation = std::mem::take(operation);
                if let ReplyError::Complete(Error::SignatureUnknown { class }) = *error {
                    self.ask(class, operation);
                    return Poll::Ready(());
                }
                self.state = State::Answered(Reply::failed(self.named(*error, &operation)));
            }
            Poll::Ready(Submitted::Answered(reply)) => self.state = State::Answered(reply),
        }
        Poll::Ready(())
    }

    /// The error for the caller, who knows what the service does not: what was late, and the signature in Rust.
    fn named(&self, error: ReplyError, operation: &[u8]) -> Error {
        match error.named(|| self.whole_name(operation)) {
            // A call by names is sent like a dynamic call, but its caller wrote Rust.
            Error::BadArguments { signature, reason } => Error::BadArguments {
                signature: self.name.signature.map_or(signature, |own| own().to_string()),
                reason,
            },
            other => other,
        }
    }

    /// The name with the object or key: `bank.Account.deposit of "alice"`, `memoize of "k" by lab.load`. It is read
    /// from the operation itself, so that only late calls pay for it.
    fn whole_name(&self, operation: &[u8]) -> String {
        let what = self.what();
        let Ok(operation) = Operation::decode(operation) else { return what };
        let of = operation.target().map_or_else(String::new, |target| format!(" of {target}"));
        match operation {
            Operation::Memoize { .. } | Operation::Update { .. } | Operation::Create { .. }
                if what != operation.name() =>
            {
                format!("{}{of} by {what}", operation.name())
            }
            Operation::Import { module, .. } => format!("{what} of {module:?}"),
            _ => format!("{what}{of}"),
        }
    }

    /// Sends the call without waiting for its result, which arrives when the call is awaited.
    pub async fn send(mut self) -> Self {
        std::future::poll_fn(|cx| self.poll_send(cx)).await;
        self
    }
}

// Nothing in a call is ever pinned.
impl<T, E> Unpin for Call<T, E> {}

impl<T, E> Drop for Call<T, E> {
    fn drop(&mut self) {
        match self.state {
            // The reply may arrive before the cancellation, or be unread; then its effect is undone.
            State::Sent(sequence) if self.cancellable => self.caller.cancel(sequence),
            State::Sent(sequence) => self.caller.forget(sequence),
            // The service refused the call because of its signature. It had been sent, so it has to be done all the
            // same.
            State::Asking(_) if !self.cancellable => {
                if let State::Asking(asking) = std::mem::replace(&mut self.state, State::Over) {
                    self.caller.send(asking.into_operation(), self.chosen_owner());
                }
            }
            _ => {}
        }
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({})", self.what())
    }
}
