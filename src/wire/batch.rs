//! `submit` and `collect`: batches.
//!
//! A batch of operations is a [`Preamble`] and then [`Submission`]s, one after the other; a batch of replies is a
//! [`ReplyHead`] and then [`Answered`]s. Each operation is framed by its length, so that one that makes no sense fails
//! alone. Everything borrows from the frame it came in: a batch costs what its frame costs, however many operations it
//! claims to hold.
//!
//! These few shapes are written by hand, byte by byte: they are a part of every call, and serde's way took an eighth of
//! what a call costs.

use super::varint;
use bytes::Bytes;
use tarmem_remote::codec;
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Reply, ReplyError};
use tarmem_remote::payload::Payload;

/// What a batch of operations begins with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Preamble {
    /// The client has all batches of replies that are numbered below this: the service need not keep them any more
    /// (RIFL's acknowledgement, by batches and not by calls, so that a call that takes long holds up none of the
    /// others).
    pub(crate) received_below: u64,
}

/// One operation in a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Submission<'a> {
    /// Its number within the session; grows from operation to operation.
    pub(crate) sequence: u64,
    /// The task of the client that asks.
    pub(crate) task: u64,
    /// How long it may take, in milliseconds from its arrival; `None` for as long as it takes.
    pub(crate) timeout_ms: Option<u64>,
    /// The operation, encoded.
    pub(crate) operation: &'a [u8],
}

/// What a batch of replies begins with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ReplyHead {
    /// [`CLOSING`], or [`FATAL`].
    pub(crate) flags: u8,
    /// Which batch of replies of this session it is, from 1; 0 for one without replies, of which nobody need know.
    pub(crate) number: u64,
}

/// One reply in a batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answered<'a> {
    /// The operation's number.
    pub(crate) sequence: u64,
    /// What it came to.
    pub(crate) outcome: Outcome<'a>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome<'a> {
    /// It could not finish at once: `collect` brings the reply.
    Pending,
    Done(&'a [u8]),
    /// Done, and undone unless the client acknowledges it.
    Provisional(&'a [u8]),
    Raised {
        message: &'a str,
        body: &'a [u8],
    },
    Failed(Box<ReplyError>),
}

/// How an [`Outcome`] is told from another.
mod tag {
    pub(super) const PENDING: u8 = 0;
    pub(super) const DONE: u8 = 1;
    pub(super) const PROVISIONAL: u8 = 2;
    pub(super) const RAISED: u8 = 3;
    pub(super) const FAILED: u8 = 4;
}

/// The flag of a batch of replies: the service is shutting down.
pub(crate) const CLOSING: u8 = 1;

/// The flag of a batch of replies that is none: the rest is a message, and the connection ends.
pub(crate) const FATAL: u8 = 2;

/// More than a [`Submission`] takes besides its operation, in bytes.
pub(crate) const SUBMISSION_OVERHEAD: usize = 48;

/// More than the head of an [`Answered`] takes besides its body and message, in bytes.
pub(crate) const ANSWERED_OVERHEAD: usize = 32;

impl Preamble {
    pub(crate) fn put(self, buffer: &mut Vec<u8>) {
        varint::put(buffer, self.received_below);
    }

    /// The preamble, and the submissions after it.
    pub(crate) fn take(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (received_below, rest) = varint::take(bytes)?;
        Ok((Preamble { received_below }, rest))
    }
}

impl<'a> Submission<'a> {
    pub(crate) fn put(self, buffer: &mut Vec<u8>) {
        varint::put(buffer, self.sequence);
        varint::put(buffer, self.task);
        // None is 0, and the rest is one more than it is.
        varint::put(buffer, self.timeout_ms.map_or(0, |ms| ms.saturating_add(1)));
        put_bytes(buffer, self.operation);
    }

    /// The next submission, and the rest.
    pub(crate) fn take(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let (sequence, rest) = varint::take(bytes)?;
        let (task, rest) = varint::take(rest)?;
        let (timeout, rest) = varint::take(rest)?;
        let (operation, rest) = take_bytes(rest)?;
        Ok((Submission { sequence, task, timeout_ms: timeout.checked_sub(1), operation }, rest))
    }
}

impl ReplyHead {
    /// How many bytes it takes: always as many, since it is written last.
    pub(crate) const BYTES: usize = 1 + size_of::<u64>();

    pub(crate) fn put(self, buffer: &mut Vec<u8>) {
        buffer.push(self.flags);
        buffer.extend_from_slice(&self.number.to_le_bytes());
    }

    /// Replaces the head that `buffer` begins with.
    pub(crate) fn put_over(self, buffer: &mut [u8]) {
        if let Some((head, _)) = buffer.split_first_chunk_mut::<{ Self::BYTES }>() {
            head[0] = self.flags;
            head[1..].copy_from_slice(&self.number.to_le_bytes());
        }
    }

    /// The head, and what comes after it.
    pub(crate) fn take(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (&flags, rest) = bytes.split_first().ok_or_else(cut_off)?;
        let (number, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
        Ok((ReplyHead { flags, number: u64::from_le_bytes(*number) }, rest))
    }
}

/// A reply that is being written: its body is whatever comes behind it in the buffer.
///
/// So a method's result is encoded where it is sent from. (Its length takes four bytes, so that it can be filled in.)
#[must_use]
pub(crate) struct OpenReply {
    start: usize,
    /// Where the body begins.
    body: usize,
}

/// The bytes of a body's length.
const LENGTH: usize = size_of::<u32>();

impl OpenReply {
    /// Begins the reply to the operation of that number.
    pub(crate) fn begin(buffer: &mut Vec<u8>, sequence: u64) -> Self {
        let start = buffer.len();
        varint::put(buffer, sequence);
        buffer.extend_from_slice(&[tag::PENDING, 0, 0, 0, 0]);
        OpenReply { start, body: buffer.len() }
    }

    /// What has been written behind it.
    pub(crate) fn body<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        buffer.get(self.body..).unwrap_or_default()
    }

    /// It is done, perhaps provisionally.
    pub(crate) fn done(self, buffer: &mut [u8], provisional: bool) -> Result<(), Error> {
        self.close(buffer, if provisional { tag::PROVISIONAL } else { tag::DONE })
    }

    /// The method returned an error of its own.
    pub(crate) fn raised(self, buffer: &mut Vec<u8>, message: &str) -> Result<(), Error> {
        self.close(buffer, tag::RAISED)?;
        put_bytes(buffer, message.as_bytes());
        Ok(())
    }

    /// There will be another reply in its place.
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

    /// The next reply, and the rest.
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

    /// The reply, sharing the memory of `frame`, which it was decoded from; `None` if it is pending.
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

/// Says why the connection ends.
pub(crate) fn fatal(error: &Error) -> Bytes {
    let mut bytes = Vec::new();
    ReplyHead { flags: FATAL, number: 0 }.put(&mut bytes);
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
        fn a_batch_is_read_as_it_was_written(
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
                // The longest timeout there is stands for one a millisecond shorter.
                let timeout_ms = timeout_ms.map(|ms| ms.min(u64::MAX - 1));
                prop_assert_eq!(read, Submission { sequence: *sequence, task: 7, timeout_ms, operation });
                prop_assert!(rest.len() - more.len() <= operation.len() + SUBMISSION_OVERHEAD);
                rest = more;
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn replies_are_read_as_they_were_written(sequence: u64, body: Vec<u8>, message: String, rest: Vec<u8>) {
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
    fn a_small_answer_has_a_small_head() {
        let mut batch = Vec::new();
        let answered = Answered { sequence: u64::MAX, outcome: Outcome::Raised { message: "", body: b"" } };
        answered.put(&mut batch).expect("encodes");
        assert!(batch.len() <= ANSWERED_OVERHEAD, "{}", batch.len());
        let mut head = Vec::new();
        ReplyHead { flags: 0, number: 0 }.put(&mut head);
        let closing = ReplyHead { flags: CLOSING, number: u64::MAX };
        closing.put_over(&mut head);
        assert_eq!(ReplyHead::take(&head).expect("decodes"), (closing, &[][..]));
        assert_eq!(head.len(), ReplyHead::BYTES);
    }
}
