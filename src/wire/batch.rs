//! `submit` and `collect`: batches.
//!
//! A batch of operations is a [`Preamble`] and then [`Submission`]s, one after the other; a batch of replies is a flag
//! byte and then [`Answered`]s. Each operation is framed by its length, so that one that makes no sense fails alone.
//! Everything borrows from the frame it came in: a batch costs what its frame costs, however many operations it claims
//! to hold.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;

/// What a batch of operations begins with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Preamble {
    /// The client has the results of all operations below this sequence number (RIFL's acknowledgement).
    pub(crate) acknowledged_below: u64,
}

/// One operation in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Submission<'a> {
    /// Its number within the session; grows from operation to operation.
    pub(crate) sequence: u64,
    /// The task of the client that asks.
    pub(crate) task: u64,
    /// How long it may take, in milliseconds from its arrival; `None` for as long as it takes.
    pub(crate) timeout_ms: Option<u64>,
    /// The operation, encoded.
    #[serde(with = "serde_bytes")]
    pub(crate) operation: &'a [u8],
}

/// One reply in a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answered<'a> {
    /// The operation's number.
    pub(crate) sequence: u64,
    /// What it came to.
    #[serde(borrow)]
    pub(crate) outcome: Outcome<'a>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Outcome<'a> {
    /// It could not finish at once: `collect` brings the reply.
    Pending,
    Done(#[serde(with = "serde_bytes")] &'a [u8]),
    /// Done, and undone unless the client acknowledges it.
    Provisional(#[serde(with = "serde_bytes")] &'a [u8]),
    Raised {
        message: &'a str,
        #[serde(with = "serde_bytes")]
        body: &'a [u8],
    },
    Failed(Error),
}

impl<'a> Outcome<'a> {
    pub(crate) fn of(reply: &'a Reply) -> Self {
        match reply {
            Reply::Done(body) => Outcome::Done(body),
            Reply::Provisional(body) => Outcome::Provisional(body),
            Reply::Raised { message, body } => Outcome::Raised { message, body },
            Reply::Failed(error) => Outcome::Failed(error.clone()),
        }
    }

    /// The reply, sharing the memory of `frame`, which it was decoded from; `None` if it is pending.
    pub(crate) fn into_reply(self, frame: &Bytes) -> Option<Reply> {
        Some(match self {
            Outcome::Pending => return None,
            Outcome::Done(body) => Reply::Done(frame.slice_ref(body)),
            Outcome::Provisional(body) => Reply::Provisional(frame.slice_ref(body)),
            Outcome::Raised { message, body } => {
                Reply::Raised { message: message.to_owned(), body: frame.slice_ref(body) }
            }
            Outcome::Failed(error) => Reply::Failed(error),
        })
    }
}

/// More than the head of an [`Answered`] takes besides its body and message, in bytes.
pub(crate) const ANSWERED_OVERHEAD: usize = 32;

/// The flag byte of a batch of replies: the service is shutting down.
pub(crate) const CLOSING: u8 = 1;

/// The flag byte of a batch of replies that is none: the rest is a message, and the connection ends.
pub(crate) const FATAL: u8 = 2;

/// Says why the connection ends.
pub(crate) fn fatal(error: &Error) -> Bytes {
    let mut bytes = vec![FATAL];
    bytes.extend_from_slice(error.to_string().as_bytes());
    bytes.into()
}

/// Appends one part of a batch.
pub(crate) fn put(buffer: &mut Vec<u8>, part: &impl Serialize) -> Result<(), Error> {
    let whole = std::mem::take(buffer);
    *buffer = postcard::to_extend(part, whole).map_err(|e| Error::malformed("batch", e))?;
    Ok(())
}

/// The next part of a batch, and the rest.
pub(crate) fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), Error> {
    postcard::take_from_bytes(bytes).map_err(|e| Error::malformed("batch", e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_batch_is_read_as_it_was_written(
            operations in prop::collection::vec((any::<u64>(), any::<Option<u64>>(), any::<Vec<u8>>()), 0..20),
        ) {
            let mut batch = Vec::new();
            put(&mut batch, &Preamble { acknowledged_below: 7 }).expect("encodes");
            for (sequence, timeout_ms, operation) in &operations {
                let submission = Submission { sequence: *sequence, task: 7, timeout_ms: *timeout_ms, operation };
                put(&mut batch, &submission).expect("encodes");
            }
            let (preamble, mut rest) = take::<Preamble>(&batch).expect("decodes");
            prop_assert_eq!(preamble.acknowledged_below, 7);
            for (sequence, timeout_ms, operation) in &operations {
                let (read, more) = take::<Submission<'_>>(rest).expect("decodes");
                prop_assert_eq!(read, Submission { sequence: *sequence, task: 7, timeout_ms: *timeout_ms, operation });
                rest = more;
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn garbage_is_an_error_never_a_panic(bytes: Vec<u8>) {
            let _ = take::<Submission<'_>>(&bytes);
            let _ = take::<Answered<'_>>(&bytes);
        }
    }

    #[test]
    fn a_small_answer_has_a_small_head() {
        let mut batch = Vec::new();
        let answered = Answered { sequence: u64::MAX, outcome: Outcome::Raised { message: "", body: b"" } };
        put(&mut batch, &answered).expect("encodes");
        assert!(batch.len() <= ANSWERED_OVERHEAD, "{}", batch.len());
    }
}
