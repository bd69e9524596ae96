//! The messages of `open`, the first request of a connection.
//!
//! Their beginning is the same in every version of the protocol, so that a client and a service of different versions
//! can tell each other about it.

use crate::security::Secret;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tarmem_remote::error::Error;
use tarmem_remote::results::LoadingProgress;
use uuid::Uuid;

/// The first bytes of every [`Hello`].
const MAGIC: [u8; 6] = *b"tarmem";

/// The last byte of a [`Hello`] that only asks for the state of the service.
const ONLY_ASKS: u8 = 1;

/// The first message of a client.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hello {
    /// The version of the protocol that the client speaks.
    pub(crate) protocol: u32,
    /// The rest, whose format depends on the version.
    pub(crate) details: HelloDetails,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct HelloDetails {
    /// Whether to continue if the versions differ.
    pub(crate) ignore_version: bool,
    /// The session to resume; `None` for a new one.
    pub(crate) resume: Option<Resume>,
    /// Whether the client reconnects if the connection breaks, so that the service has to keep the session for its
    /// lease.
    pub(crate) resumable: bool,
    /// The client's token.
    pub(crate) token: Option<Secret>,
    /// The maximum size of frames that the client accepts, in bytes. This is encoded last, and may be missing: then the
    /// client accepts frames of any size.
    #[serde(skip, default = "any")]
    pub(crate) max_frame_bytes: u64,
    /// The client only asks for the state of the service, and wants no session. This is encoded after everything else,
    /// and only if it is so.
    #[serde(skip)]
    pub(crate) only_asks: bool,
}

fn any() -> u64 {
    u64::MAX
}

impl Default for HelloDetails {
    fn default() -> Self {
        HelloDetails {
            ignore_version: false,
            resume: None,
            resumable: false,
            token: None,
            max_frame_bytes: any(),
            only_asks: false,
        }
    }
}

/// A session to resume.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resume {
    pub(crate) session: Uuid,
    /// The secret from the [`Welcome`].
    pub(crate) secret: Uuid,
    /// The client has received all batches of replies with lower numbers.
    pub(crate) received_below: u64,
    /// What the client knows of what the service keeps; `None` if the service that opened the session kept nothing.
    pub(crate) known: Option<Known>,
}

/// What a client knows of what its service keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The id of the directory.
    pub(crate) directory: Uuid,
    /// What the client has seen of it; `None` if it has received no reply.
    pub(crate) seen: Option<Seen>,
}

/// Up to where a client may have seen changes of what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// The run of the service that told it last.
    pub(crate) run: Uuid,
    /// The batch of the journal.
    pub(crate) batch: u64,
}

/// The service's answer to a [`Hello`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The session is open.
    Welcome(Welcome),
    /// The service speaks another version of the protocol.
    Protocol {
        /// The service's version.
        service: u32,
    },
    /// The client is refused.
    Refused {
        /// The reason, with its remedy.
        reason: String,
        /// Whether a later attempt may succeed, because there is no room at the moment.
        temporary: bool,
    },
    /// The session to be resumed belongs to another directory than that of the service.
    OtherHistory {
        /// The service's directory; `None` if it has none.
        found: Option<Uuid>,
    },
    /// The service's directory has lost what the client has seen.
    HistoryLost {
        /// The last batch that is there of the run in which the client saw it; 0 if there is none.
        recovered: u64,
    },
    /// The service is loading what it keeps, and opens no session yet.
    Loading(LoadingProgress),
    /// The service is ready. (For a client that only asks for its state, as the next one.)
    Ready,
    /// The storage of the service has failed, and the service stays, to answer what needs no storage.
    Failed {
        /// Why, for a client that the service would open a session for.
        reason: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Welcome {
    /// The session's id.
    pub(crate) session: Uuid,
    /// The secret for resuming the session.
    pub(crate) secret: Uuid,
    /// The id of the service's run, which is different each time that the service is started.
    pub(crate) run: Uuid,
    /// The id of the directory in which the service keeps its objects, if it does.
    pub(crate) directory: Option<Uuid>,
    /// What happened to the session that was to be resumed.
    pub(crate) resumed: Resumed,
    /// How long the service keeps the session when the client is silent, in milliseconds.
    pub(crate) lease_ms: u64,
    /// The maximum size of frames that the service accepts, in bytes.
    pub(crate) max_frame_bytes: u64,
    /// The maximum number of operations in one batch.
    pub(crate) max_batch: u32,
    /// The maximum number of calls in flight.
    pub(crate) max_in_flight: u32,
}

/// How long the service waits for replies before it answers a poll without any. A client polls again at once, so this
/// is the interval of its heartbeat, independent of its calls.
pub(crate) fn poll_time(lease: Duration) -> Duration {
    lease / 4
}

/// How long a client waits for the answer to a poll before it gives up the connection. The service last heard from it
/// one poll earlier at most, so three eighths of the lease are left for reconnecting.
pub(crate) fn poll_patience(lease: Duration) -> Duration {
    lease * 3 / 8
}

/// What happened to a session that was to be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Resumed {
    /// There was none: the client asked for a new session.
    New,
    /// The session goes on. The service has started the operations up to this number.
    Yes { begun: u64 },
    /// The lease has run out, and this is a new session. In the old one, the operations up to this number were started.
    Expired { begun: u64 },
    /// The service does not know the session, and this is a new one.
    Unknown,
}

impl Hello {
    pub(crate) fn encode(&self) -> Result<Bytes, Error> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.protocol.to_be_bytes());
        postcard::to_extend(&self.details, bytes)
            .and_then(|bytes| postcard::to_extend(&self.details.max_frame_bytes, bytes))
            .map(|mut bytes| {
                bytes.extend(self.details.only_asks.then_some(ONLY_ASKS));
                Bytes::from(bytes)
            })
            .map_err(|e| Error::malformed("hello", e))
    }

    /// Decodes the version first. If it is not `ours`, the rest may be malformed, and the defaults are used instead.
    pub(crate) fn decode(bytes: &[u8], ours: u32) -> Result<Self, Error> {
        let rest = bytes
            .strip_prefix(&MAGIC)
            .and_then(|rest| rest.split_first_chunk::<4>())
            .ok_or_else(|| Error::malformed("hello", "this is not a tarmem client"))?;
        let (protocol, rest) = (u32::from_be_bytes(*rest.0), rest.1);
        let details = match postcard::take_from_bytes::<HelloDetails>(rest) {
            Ok((details, rest)) => {
                let (max_frame_bytes, rest) = postcard::take_from_bytes(rest).unwrap_or_else(|_| (any(), &[]));
                HelloDetails { max_frame_bytes, only_asks: rest.first() == Some(&ONLY_ASKS), ..details }
            }
            Err(_) if protocol != ours => HelloDetails::default(),
            Err(error) => return Err(Error::malformed("hello", error)),
        };
        Ok(Hello { protocol, details })
    }
}

impl Answer {
    pub(crate) fn encode(&self) -> Bytes {
        // Encoding this cannot fail. If it did, the client would refuse the empty answer.
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
    fn a_client_without_a_maximum_frame_size_accepts_any() {
        let details = HelloDetails { resumable: true, max_frame_bytes: 65_536, ..HelloDetails::default() };
        let hello = Hello { protocol: 1, details };
        let bytes = hello.encode().expect("encodes");
        assert_eq!(Hello::decode(&bytes, 1).expect("readable"), hello);
        // 65,536 takes three bytes.
        let before = Hello::decode(&bytes[..bytes.len() - 3], 1).expect("readable");
        assert_eq!((before.details.resumable, before.details.max_frame_bytes), (true, u64::MAX));
    }

    #[test]
    fn a_client_says_whether_it_only_asks() {
        for only_asks in [false, true] {
            let hello = Hello { protocol: 1, details: HelloDetails { only_asks, ..HelloDetails::default() } };
            assert_eq!(Hello::decode(&hello.encode().expect("encodes"), 1).expect("readable"), hello);
        }
    }

    #[test]
    fn another_version_is_recognized_whatever_follows() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(7u32.to_be_bytes());
        bytes.extend([0xff; 9]);
        assert_eq!(Hello::decode(&bytes, 1).expect("readable").protocol, 7);
        assert!(Hello::decode(&bytes, 7).is_err());
        assert!(Hello::decode(b"GET / HTTP/1.1", 1).is_err());
    }
}
