//! The batches of `submit` and `collect`.
//!
//! A batch of operations is a [`Preamble`] followed by [`Submission`]s; a batch of replies is a [`ReplyHead`] followed
//! by [`Answered`]s. Each operation is preceded by its length, so that an invalid one fails alone. Everything borrows
//! from the frame it came in: a batch takes no more memory than its frame, however many operations it claims to
//! contain.
//!
//! These types are encoded by hand, since they are a part of every call: with serde, this took an eighth of a call's
//! time.

use super::varint;
use bytes::Bytes;
use tarmem_remote::codec;
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Reply, ReplyError};
use tarmem_remote::payload::Payload;

/// The beginning of a batch of operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Preamble {
    /// The client has received all batches of replies with lower numbers, so the service need not keep them. (These are
    /// RIFL's acknowledgements, by batches instead of calls, so that a slow call does not hold up the others.)
    pub(crate) received_below: u64,
}

/// One operation in a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Submission<'a> {
    /// Its number within the session, which grows from operation to operation.
    pub(crate) sequence: u64,
    /// The client's task that made the call.
    pub(crate) task: u64,
    /// The timeout, in milliseconds from the arrival of the operation; `None` for no timeout.
    pub(crate) timeout_ms: Option<u64>,
    /// The operation, encoded.
    pub(crate) operation: &'a [u8],
}

/// The beginning of a batch of replies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ReplyHead {
    /// [`CLOSING`] or [`FATAL`], and [`TELLS_BATCH`] for `seen`.
    pub(crate) flags: u8,
    /// The number of this batch in its session, from 1; 0 for a batch without replies, which is not acknowledged.
    pub(crate) number: u64,
    /// The last batch of the service's journal whose changes the replies may tell of; `None` if the service has none.
    pub(crate) seen: Option<u64>,
}

/// One reply in a batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answered<'a> {
    /// The operation's number.
    pub(crate) sequence: u64,
    /// The operation's outcome.
    pub(crate) outcome: Outcome<'a>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome<'a> {
    /// The operation has not finished yet. Its reply will come with `collect`.
    Pending,
    Done(&'a [u8]),
    /// Done, but it is undone unless the client acknowledges the result.
    Provisional(&'a [u8]),
    Raised {
        message: &'a str,
        body: &'a [u8],
    },
    Failed(Box<ReplyError>),
}

/// The tags of [`Outcome`]s.
mod tag {
    pub(super) const PENDING: u8 = 0;
    pub(super) const DONE: u8 = 1;
    pub(super) const PROVISIONAL: u8 = 2;
    pub(super) const RAISED: u8 = 3;
    pub(super) const FAILED: u8 = 4;
}

/// The flag that says that the service is shutting down.
pub(crate) const CLOSING: u8 = 1;

/// The flag that says that the connection ends. An error message takes the place of the replies.
pub(crate) const FATAL: u8 = 2;

/// The flag that says that the head has the number of a batch of the service's journal.
const TELLS_BATCH: u8 = 4;

/// An upper bound for the size of a [`Submission`] without its operation, in bytes.
pub(crate) const SUBMISSION_OVERHEAD: usize = 48;

/// An upper bound for the size of an [`Answered`] without its body and message, in bytes.
pub(crate) const ANSWERED_OVERHEAD: usize = 32;

impl Preamble {
    pub(crate) fn put(self, buffer: &mut Vec<u8>) {
        varint::put(buffer, self.received_below);
    }

    /// Decodes the preamble. Also returns the rest, which contains the submissions.
    pub(crate) fn take(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (received_below, rest) = varint::take(bytes)?;
        Ok((Preamble { received_below }, rest))
    }
}

impl<'a> Submission<'a> {
    pub(crate) fn put(self, buffer: &mut Vec<u8>) {
        varint::put(buffer, self.sequence);
        varint::put(buffer, self.task);
        // 0 stands for none, and any other number for the timeout plus one.
        varint::put(buffer, self.timeout_ms.map_or(0, |ms| ms.saturating_add(1)));
        put_bytes(buffer, self.operation);
    }

    /// Decodes the next submission, and returns it with the rest.
    pub(crate) fn take(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let (sequence, rest) = varint::take(bytes)?;
        let (task, rest) = varint::take(rest)?;
        let (timeout, rest) = varint::take(rest)?;
        let (operation, rest) = take_bytes(rest)?;
        Ok((Submission { sequence, task, timeout_ms: timeout.checked_sub(1), operation }, rest))
    }
}

impl ReplyHead {
    /// The size in bytes of a head with or without a batch of a journal. This is constant, since the head is filled in
    /// last.
    pub(crate) const fn bytes(has_journal: bool) -> usize {
        if has_journal { Self::BYTES + size_of::<u64>() } else { Self::BYTES }
    }

    /// The size in bytes without a batch of a journal.
    const BYTES: usize = 1 + size_of::<u64>();

    /// Overwrites the first bytes of `buffer`, of which there are as many as the head [has](Self::bytes).
    pub(crate) fn put_over(self, buffer: &mut [u8]) {
        let Some((head, rest)) = buffer.split_first_chunk_mut::<{ Self::BYTES }>() else { return };
        head[0] = self.flags;
        head[1..].copy_from_slice(&self.number.to_le_bytes());
        if let Some(seen) = self.seen
            && let Some(field) = rest.first_chunk_mut()
        {
            head[0] |= TELLS_BATCH;
            *field = seen.to_le_bytes();
        }
    }

    /// Decodes the head, and returns it with the rest.
    pub(crate) fn take(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (&flags, rest) = bytes.split_first().ok_or_else(cut_off)?;
        let (number, mut rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
        let mut seen = None;
        if flags & TELLS_BATCH != 0 {
            let (field, replies) = rest.split_first_chunk().ok_or_else(cut_off)?;
            (seen, rest) = (Some(u64::from_le_bytes(*field)), replies);
        }
        Ok((ReplyHead { flags: flags & !TELLS_BATCH, number: u64::from_le_bytes(*number), seen }, rest))
    }
}

/// A reply that is being written. Its body is everything that is written to the buffer after it.
///
/// So a method's result is encoded directly into the buffer that is sent. (Its length always takes four bytes, so that
/// it can be filled in later.)
#[must_use]
pub(crate) struct OpenReply {
    start: usize,
    /// The offset of the body.
    body: usize,
}

/// The size of a body's length, in bytes.
const LENGTH: usize = size_of::<u32>();

impl OpenReply {
    /// Begins the reply to the operation with this number.
    pub(crate) fn begin(buffer: &mut Vec<u8>, sequence: u64) -> Self {
        let start = buffer.len();
        varint::put(buffer, sequence);
        buffer.extend_from_slice(&[tag::PENDING, 0, 0, 0, 0]);
        OpenReply { start, body: buffer.len() }
    }

    /// The body so far.
    pub(crate) fn body<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        buffer.get(self.body..).unwrap_or_default()
    }

    /// Completes the reply: the operation is done, perhaps provisionally.
    pub(crate) fn done(self, buffer: &mut [u8], provisional: bool) -> Result<(), Error> {
        self.close(buffer, if provisional { tag::PROVISIONAL } else { tag::DONE })
    }

    /// Completes the reply: the method returned its own error.
    pub(crate) fn raised(self, buffer: &mut Vec<u8>, message: &str) -> Result<(), Error> {
        self.close(buffer, tag::RAISED)?;
        put_bytes(buffer, message.as_bytes());
        Ok(())
    }

    /// Removes the reply from the buffer.
    pub(crate) fn withdraw(self, buffer: &mut Vec<u8>) {
        buffer.truncate(self.start);
    }

    fn close(&self, buffer: &mut [u8], tag: u8) -> Result<(), Error> {
        let length = u32::try_from(self.body(buffer).len()).map_err(|e| Error::malformed("reply", e))?;
        let head = self.body.checked_sub(1 + LENGTH).and_then(|head| buffer.get_mut(head..self.body));
        if let Some([first, rest @ ..]) = head {
            *first = tag;
            rest.copy_from_slice(&length.to_le_bytes());
        }
        Ok(())
    }
}

impl<'a> Answered<'a> {
    pub(crate) fn put(&self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let with_body = |buffer: &mut Vec<u8>, body: &[u8]| {
            let reply = OpenReply::begin(buffer, self.sequence);
            buffer.extend_from_slice(body);
            reply
        };
        match &self.outcome {
            Outcome::Pending => {
                varint::put(buffer, self.sequence);
                buffer.push(tag::PENDING);
            }
            Outcome::Done(body) => with_body(buffer, body).done(buffer, false)?,
            Outcome::Provisional(body) => with_body(buffer, body).done(buffer, true)?,
            Outcome::Raised { message, body } => with_body(buffer, body).raised(buffer, message)?,
            Outcome::Failed(error) => {
                varint::put(buffer, self.sequence);
                buffer.push(tag::FAILED);
                put_bytes(buffer, &codec::encode(error).map_err(|e| Error::malformed("error", e))?);
            }
        }
        Ok(())
    }

    /// Decodes the next reply, and returns it with the rest.
    pub(crate) fn take(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let (sequence, rest) = varint::take(bytes)?;
        let (&tag, rest) = rest.split_first().ok_or_else(cut_off)?;
        let (outcome, rest) = match tag {
            tag::PENDING => (Outcome::Pending, rest),
            tag::DONE => take_body(rest).map(|(body, rest)| (Outcome::Done(body), rest))?,
            tag::PROVISIONAL => take_body(rest).map(|(body, rest)| (Outcome::Provisional(body), rest))?,
            tag::RAISED => {
                let (body, rest) = take_body(rest)?;
                let (message, rest) = take_bytes(rest)?;
                let message = std::str::from_utf8(message).map_err(|e| Error::malformed("batch", e))?;
                (Outcome::Raised { message, body }, rest)
            }
            tag::FAILED => {
                let (error, rest) = take_bytes(rest)?;
                let error = codec::decode(error).map_err(|e| Error::malformed("error", e))?;
                (Outcome::Failed(Box::new(error)), rest)
            }
            other => return Err(Error::malformed("batch", format!("there is no outcome {other}"))),
        };
        Ok((Answered { sequence, outcome }, rest))
    }
}

impl<'a> Outcome<'a> {
    pub(crate) fn of(reply: &'a Reply) -> Self {
        match reply {
            Reply::Done(body) => Outcome::Done(body),
            Reply::Provisional(body) => Outcome::Provisional(body),
            Reply::Raised(raised) => Outcome::Raised { message: &raised.message, body: &raised.body },
            Reply::Failed(error) => Outcome::Failed(error.clone()),
        }
    }

    /// Converts the outcome into a reply that shares the memory of `frame`, which it was decoded from; `None` if it is
    /// pending.
    pub(crate) fn into_reply(self, frame: &Bytes) -> Option<Reply> {
        Some(match self {
            Outcome::Pending => return None,
            Outcome::Done(body) => Reply::Done(Payload::part_of(frame, body)),
            Outcome::Provisional(body) => Reply::Provisional(Payload::part_of(frame, body)),
            Outcome::Raised { message, body } => Reply::raised(message.to_owned(), Payload::part_of(frame, body)),
            Outcome::Failed(error) => Reply::Failed(error),
        })
    }
}

/// A batch that tells the client why the connection ends.
pub(crate) fn fatal(error: &Error) -> Bytes {
    let mut bytes = vec![0; ReplyHead::bytes(false)];
    ReplyHead { flags: FATAL, number: 0, seen: None }.put_over(&mut bytes);
    bytes.extend_from_slice(error.to_string().as_bytes());
    bytes.into()
}

fn put_bytes(buffer: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(buffer, bytes.len() as u64);
    buffer.extend_from_slice(bytes);
}

fn take_bytes(bytes: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let (length, rest) = varint::take(bytes)?;
    usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length)).ok_or_else(cut_off)
}

fn take_body(bytes: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>().ok_or_else(cut_off)?;
    usize::try_from(u32::from_le_bytes(*length))
        .ok()
        .and_then(|length| rest.split_at_checked(length))
        .ok_or_else(cut_off)
}

fn cut_off() -> Error {
    Error::malformed("batch", "it is cut off")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn batches_of_operations_round_trip(
            operations in prop::collection::vec((any::<u64>(), any::<Option<u64>>(), any::<Vec<u8>>()), 0..20),
        ) {
            let mut batch = Vec::new();
            Preamble { received_below: 7 }.put(&mut batch);
            for (sequence, timeout_ms, operation) in &operations {
                let submission = Submission { sequence: *sequence, task: 7, timeout_ms: *timeout_ms, operation };
                submission.put(&mut batch);
            }
            let (preamble, mut rest) = Preamble::take(&batch).expect("decodes");
            prop_assert_eq!(preamble.received_below, 7);
            for (sequence, timeout_ms, operation) in &operations {
                let (read, more) = Submission::take(rest).expect("decodes");
                // The longest timeout is encoded as one that is a millisecond shorter.
                let timeout_ms = timeout_ms.map(|ms| ms.min(u64::MAX - 1));
                prop_assert_eq!(read, Submission { sequence: *sequence, task: 7, timeout_ms, operation });
                prop_assert!(rest.len() - more.len() <= operation.len() + SUBMISSION_OVERHEAD);
                rest = more;
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn batches_of_replies_round_trip(sequence: u64, body: Vec<u8>, message: String, rest: Vec<u8>) {
            for outcome in [
                Outcome::Pending,
                Outcome::Done(&body),
                Outcome::Provisional(&body),
                Outcome::Raised { message: &message, body: &body },
                Outcome::Failed(Box::new(Error::NoSuchKey { key: message.clone() }.into())),
            ] {
                let answered = Answered { sequence, outcome };
                let mut batch = Vec::new();
                answered.put(&mut batch).expect("encodes");
                prop_assert!(matches!(answered.outcome, Outcome::Failed(_))
                    || batch.len() <= ANSWERED_OVERHEAD + body.len() + message.len());
                batch.extend(&rest);
                let (read, left) = Answered::take(&batch).expect("decodes");
                prop_assert_eq!((read, left), (answered, &rest[..]));
            }
        }

        #[test]
        fn garbage_is_an_error_never_a_panic(bytes: Vec<u8>) {
            let _ = Preamble::take(&bytes);
            let _ = Submission::take(&bytes);
            let _ = ReplyHead::take(&bytes);
            let _ = Answered::take(&bytes);
        }
    }

    #[test]
    fn heads_of_replies_are_bounded() {
        let mut batch = Vec::new();
        let answered = Answered { sequence: u64::MAX, outcome: Outcome::Raised { message: "", body: b"" } };
        answered.put(&mut batch).expect("encodes");
        assert!(batch.len() <= ANSWERED_OVERHEAD, "{}", batch.len());
        for seen in [None, Some(0), Some(u64::MAX)] {
            let mut head = vec![0; ReplyHead::bytes(seen.is_some())];
            let closing = ReplyHead { flags: CLOSING, number: u64::MAX, seen };
            closing.put_over(&mut head);
            assert_eq!(ReplyHead::take(&head).expect("decodes"), (closing, &[][..]));
            assert!(ReplyHead::take(&head[..head.len() - 1]).is_err(), "{seen:?}");
        }
    }
}
