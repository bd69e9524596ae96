//! `open`: the first request of a connection.
//!
//! Its beginning is the same in every version of the protocol, so that a service and a client of different versions can
//! still tell each other so.

use crate::security::Secret;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tarmem_remote::error::Error;
use uuid::Uuid;

/// What every `open` begins with.
const MAGIC: [u8; 6] = *b"tarmem";

/// What a client says first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hello {
    /// The version of the protocol it speaks.
    pub(crate) protocol: u32,
    /// The rest, in that version's words.
    pub(crate) details: HelloDetails,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct HelloDetails {
    /// Go on although the versions differ.
    pub(crate) ignore_version: bool,
    /// The session to resume; `None` for a new one.
    pub(crate) resume: Option<Resume>,
    /// The client will come back if the connection breaks: the session is kept for its lease.
    pub(crate) resumable: bool,
    /// Who it claims to be.
    pub(crate) token: Option<Secret>,
    /// The largest frame it takes, in bytes. It comes behind the rest: a client that does not say takes any.
    #[serde(skip, default = "any")]
    pub(crate) max_frame_bytes: u64,
}

fn any() -> u64 {
    u64::MAX
}

impl Default for HelloDetails {
    fn default() -> Self {
        HelloDetails { ignore_version: false, resume: None, resumable: false, token: None, max_frame_bytes: any() }
    }
}

/// A session that a client had before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resume {
    pub(crate) session: Uuid,
    /// As the service told when it was opened.
    pub(crate) secret: Uuid,
    /// The client has all batches of replies below this number.
    pub(crate) received_below: u64,
}

/// What a service says to that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// Come in.
    Welcome(Welcome),
    /// Another version of the protocol.
    Protocol {
        /// The service's.
        service: u32,
    },
    /// No entry.
    Refused {
        /// Why, with the remedy.
        reason: String,
        /// It may be another time: there is no place just now.
        temporary: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Welcome {
    /// The session.
    pub(crate) session: Uuid,
    /// What resumes it.
    pub(crate) secret: Uuid,
    /// Which service this is: another one each time that it is started.
    pub(crate) service: Uuid,
    /// What became of the session that was to be resumed.
    pub(crate) resumed: Resumed,
    /// How long the session is kept of whose client nothing is heard, in milliseconds.
    pub(crate) lease_ms: u64,
    /// The largest frame the service takes, in bytes.
    pub(crate) max_frame_bytes: u64,
    /// The most operations it takes in one batch.
    pub(crate) max_batch: u32,
    /// The most calls a session may have in flight.
    pub(crate) max_in_flight: u32,
}

/// How long the service lets a poll wait for something to answer. A client polls again at once, so this is its
/// heartbeat, apart from its calls.
pub(crate) fn poll_time(lease: Duration) -> Duration {
    lease / 4
}

/// How long a client waits for the answer to a poll before it leaves the connection. The service last heard of it a
/// poll earlier at most, so there are three eighths of the lease left to get back.
pub(crate) fn poll_patience(lease: Duration) -> Duration {
    lease * 3 / 8
}

/// What became of a session that was to be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Resumed {
    /// None was asked for.
    New,
    /// It goes on; calls up to this number were begun.
    Yes { begun: u64 },
    /// Its lease has run out, and this is a new one. Calls up to this number were begun in the old one.
    Expired { begun: u64 },
    /// The service does not know it, and this is a new one.
    Unknown,
}

impl Hello {
    pub(crate) fn encode(&self) -> Result<Bytes, Error> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.protocol.to_be_bytes());
        postcard::to_extend(&self.details, bytes)
            .and_then(|bytes| postcard::to_extend(&self.details.max_frame_bytes, bytes))
            .map(Bytes::from)
            .map_err(|e| Error::malformed("hello", e))
    }

    /// The version first: of another version the rest may not make sense, and is not read.
    pub(crate) fn decode(bytes: &[u8], ours: u32) -> Result<Self, Error> {
        let rest = bytes
            .strip_prefix(&MAGIC)
            .and_then(|rest| rest.split_first_chunk::<4>())
            .ok_or_else(|| Error::malformed("hello", "this is not a tarmem client"))?;
        let (protocol, rest) = (u32::from_be_bytes(*rest.0), rest.1);
        let details = match postcard::take_from_bytes::<HelloDetails>(rest) {
            Ok((details, rest)) => {
                HelloDetails { max_frame_bytes: postcard::from_bytes(rest).unwrap_or_else(|_| any()), ..details }
            }
            Err(_) if protocol != ours => HelloDetails::default(),
            Err(error) => return Err(Error::malformed("hello", error)),
        };
        Ok(Hello { protocol, details })
    }
}

impl Answer {
    pub(crate) fn encode(&self) -> Bytes {
        // Plain data: this does not fail; if it did, an empty answer is refused by the client.
        postcard::to_stdvec(self).map(Bytes::from).unwrap_or_default()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        postcard::from_bytes(bytes).map_err(|e| Error::malformed("answer to open", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_does_not_say_which_frames_it_takes_takes_any() {
        let details = HelloDetails { resumable: true, max_frame_bytes: 65_536, ..HelloDetails::default() };
        let hello = Hello { protocol: 1, details };
        let bytes = hello.encode().expect("encodes");
        assert_eq!(Hello::decode(&bytes, 1).expect("readable"), hello);
        // 65,536 takes three bytes.
        let before = Hello::decode(&bytes[..bytes.len() - 3], 1).expect("readable");
        assert_eq!((before.details.resumable, before.details.max_frame_bytes), (true, u64::MAX));
    }

    #[test]
    fn another_version_is_recognised_whatever_follows() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(7u32.to_be_bytes());
        bytes.extend([0xff; 9]);
        assert_eq!(Hello::decode(&bytes, 1).expect("readable").protocol, 7);
        assert!(Hello::decode(&bytes, 7).is_err());
        assert!(Hello::decode(b"GET / HTTP/1.1", 1).is_err());
    }
}
