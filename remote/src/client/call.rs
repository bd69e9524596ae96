//! One operation on its way, as a future.

mod erase;
mod failure;
mod name;
mod outcome;
mod renaming;

pub use crate::caller::{Caller, OwnerId, Submitted, Terms, Timeout, current_task};
use crate::codec::Encoding;
use crate::error::Error;
use crate::operation::{Operation, Reply};
use crate::payload::Payload;
use crate::signature::Change;
use crate::value::ObjectRef;
use erase::Erase;
pub use failure::{CallError, Failure};
pub use name::Name;
pub use outcome::Misfit;
use renaming::Asking;
pub use renaming::by_names;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// One operation, as a future of its result.
///
/// Nothing is sent before it is first polled (or [`send`](Self::send) is called).
///
/// # Errors
/// [`Error`], or [`CallError`] for a method that returns a `Result` of its own.
///
/// # Cancellation
/// Dropping it cancels the operation if it has not begun on the service. An exclusive method that has begun runs to
/// its end.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<T, E = Error> {
    caller: Arc<dyn Caller>,
    state: State,
    name: &'static Name,
    /// A name that is known only as the program runs.
    label: Option<Box<str>>,
    encoding: Encoding,
    timeout: Timeout,
    idempotent: bool,
    cancellable: bool,
    rare: Option<Box<Rare>>,
    result: PhantomData<fn() -> (T, E)>,
}

/// What few calls have. All of them are moved around: in 128 bytes that is done by a few instructions, and by a call of
/// `memcpy` beyond.
#[derive(Default)]
struct Rare {
    owner: Option<OwnerId>,
    /// It goes by names, since the service has another signature of what it calls.
    renamed: Option<Arc<Change>>,
    /// Objects that its arguments refer to: they are held until it is over.
    kept: Vec<ObjectRef>,
    /// What its method returns is to be an [`Error`].
    erase: Option<Erase>,
}

const _: () = assert!(size_of::<Call<i64>>() <= 128);

/// How far a call has come. A call is moved around, and many are there at one time: what is large and rare is boxed.
enum State {
    /// Encoded, and not sent.
    Made(Payload),
    /// Not sent, for there are too many in flight, since then.
    Waiting(Box<(Payload, Instant)>),
    /// There is nothing to send.
    Malformed(Box<Error>),
    /// On its way, under this number.
    Sent(u64),
    /// The service was built with another signature, and is asked for it.
    Asking(Box<Asking>),
    Answered(Reply),
    Over,
}

impl<T, E> Call<T, E> {
    /// A call of `operation`, as `Operation::encode` makes it.
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

    /// Known as `label`, for messages.
    pub(crate) fn labelled(mut self, label: impl Into<Box<str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Known as `name`, for messages.
    pub(crate) fn named_as(mut self, name: &'static Name) -> Self {
        self.name = name;
        self
    }

    /// The call is never made, and fails with [`Error::BadArguments`]: for a proxy whose caller gave it what it cannot
    /// send.
    pub fn refused(mut self, reason: String) -> Self {
        let error = Error::BadArguments { signature: self.what(), reason };
        self.state = State::Malformed(Box::new(error));
        self
    }

    /// Holds these until it is over, since its arguments refer to them: what is referred to by nothing else would be
    /// gone when the call arrives.
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

    fn renamed(&self) -> Option<&Arc<Change>> {
        self.rare.as_ref()?.renamed.as_ref()
    }

    fn what(&self) -> String {
        self.label.as_ref().map_or_else(|| self.name.to_string(), |label| label.to_string())
    }

    /// Fails with [`Error::DeadlineExceeded`] unless the result is there within `timeout`, counted from when the call
    /// is sent. The service does not work on it past that.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Timeout::After(timeout);
        self
    }

    /// Waits for as long as it takes.
    pub fn no_timeout(mut self) -> Self {
        self.timeout = Timeout::Never;
        self
    }

    /// Making the call twice is as good as making it once. If the service is started again while the call is on its
    /// way, it is made again in place of failing with [`Error::OutcomeUnknown`]. Methods with `&self` and those marked
    /// `#[remote(idempotent)]` are so by themselves where they are called by a typed proxy.
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Makes the call on behalf of this owner, not of the task (or thread) that first polls it: locks belong to owners.
    /// So a bridge can have its own callers, the tasks of another language say, hold locks apart on one session. Owners
    /// exclude one another, an owner acquires an `RLock` again, and none releases what another holds, unless it gives
    /// the token. (A guard gives it.)
    ///
    /// Ids are the session's own: any numbers below 2^62 ([`OwnerId::LIMIT`]) that tell its callers apart. None is ever
    /// taken for a task or a thread, and one of another session is another owner. An owner needs no beginning and no
    /// end: what it holds is given up by whoever knows its id, and at the end of the session.
    ///
    /// [`Proxy::as_owner`](crate::Proxy::as_owner) does this for all calls of a proxy, those of its guards too.
    ///
    /// # Errors
    /// The call fails with [`Error::LimitExceeded`] for an id that is not below 2^62.
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
            // It was begun on behalf of its task.
            Err(_) => {}
        }
        self
    }

    /// Once it is on its way, dropping it does not cancel it. For a call that gives something up, which nothing would
    /// do otherwise.
    pub fn uncancelled(mut self) -> Self {
        self.cancellable = false;
        self
    }

    /// Sends the call, and forgets it: what comes of it is not told. Needs no runtime and no waiting, so that it can be
    /// done when something is dropped. It goes before whatever the caller sends later.
    pub fn detach(mut self) {
        self.use_names();
        match std::mem::replace(&mut self.state, State::Over) {
            State::Made(operation) => self.caller.send(operation, self.chosen_owner()),
            State::Waiting(waiting) => self.caller.send(waiting.0, self.chosen_owner()),
            // It need not wait for the answer: what nobody hears of goes on by names by itself.
            State::Asking(asking) => self.caller.send(asking.into_operation(), self.chosen_owner()),
            other => self.state = other,
        }
    }

    /// Sees to it that the call is on its way; ready once it is.
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
                self.state = State::Answered(Reply::Failed(error.clone()));
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
                if let Error::SignatureUnknown { class } = *error {
                    self.ask(class, operation);
                    return Poll::Ready(());
                }
                self.state = State::Answered(Reply::failed(self.named(*error, &operation)));
            }
            Poll::Ready(Submitted::Answered(reply)) => self.state = State::Answered(reply),
        }
        Poll::Ready(())
    }

    /// Puts in what the service leaves out, since the caller knows it: the name that a typed call's stable id stands
    /// for, and what was late.
    fn named(&self, error: Error, operation: &[u8]) -> Error {
        match error {
            Error::DeadlineExceeded { what, after } if what.is_empty() => {
                Error::DeadlineExceeded { what: self.whole_name(operation), after }
            }
            Error::GeneratorLate { what, limit } if what.is_empty() => {
                Error::GeneratorLate { what: self.whole_name(operation), limit }
            }
            Error::NoSuchMethod { class, method, near } if method.is_empty() && self.encoding == Encoding::Typed => {
                Error::NoSuchMethod { class, method: self.name.to_string(), near }
            }
            // By names it goes as a dynamic call does, and its caller wrote Rust.
            Error::BadArguments { signature, reason } => Error::BadArguments {
                signature: self.name.signature.map_or(signature, |own| own().to_string()),
                reason,
            },
            Error::NoSuchMember { module, name, near } if name.is_empty() && module.is_empty() => {
                Error::NoSuchMember { module: self.name.scope.to_owned(), name: self.name.name.to_owned(), near }
            }
            other => other,
        }
    }

    /// With the object that it is for, or the key: `bank.Account.deposit of "alice"`, `memoize of "k" by lab.load`.
    /// Read from the operation itself, so that no call pays for it but one that was late.
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

    /// Sends the call without waiting for its result; that comes when the call is awaited.
    pub async fn send(mut self) -> Self {
        std::future::poll_fn(|cx| self.poll_send(cx)).await;
        self
    }
}

// Nothing in it is ever pinned.
impl<T, E> Unpin for Call<T, E> {}

impl<T, E> Drop for Call<T, E> {
    fn drop(&mut self) {
        match self.state {
            // The reply may come between this and the cancellation, or be there unread: what it brought is undone then.
            State::Sent(sequence) if self.cancellable => self.caller.cancel(sequence),
            State::Sent(sequence) => self.caller.forget(sequence),
            // The service refused it for its signature: it was on its way, and is to be done all the same.
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
