//! Finds out what answers at an address if it is not a tarmem service: by its first bytes, or by its answer to a
//! question that nearly every server answers.

use crate::wire::QUESTION;
use std::fmt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long to wait for the first bytes of an answer, and then for each of the next.
const ANSWER_TIME: (Duration, Duration) = (Duration::from_secs(3), Duration::from_millis(100));

/// How many bytes of an answer are read.
const ANSWER_BYTES: usize = 1024;

/// Part of what a tarmem service answers to other protocols.
const SERVICE: &str = "this is a tarmem service";

/// How many characters of an answer are shown.
const SHOWN: usize = 60;

/// A peer that has said something which is not of tarmem's protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PeerKind {
    /// A tarmem service after all.
    Service,
    /// A web server, with the first line of its answer.
    Http(String),
    Redis,
    Tls,
    /// Anything else, with the first line of its answer.
    Other(String),
}

impl PeerKind {
    /// Recognizes a peer by what it says; `None` if it says nothing, or what may be the beginning of a frame.
    pub(super) fn recognise(said: &[u8]) -> Option<Self> {
        if said.windows(SERVICE.len()).any(|part| part == SERVICE.as_bytes()) {
            return Some(PeerKind::Service);
        }
        let line = said.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
        let shown = || String::from_utf8_lossy(line).chars().take(SHOWN).collect();
        Some(match said {
            // The length of an answer to `open` is so small that its first byte is zero.
            [] | [0, ..] => return None,
            [0x14..=0x17, 3, ..] => PeerKind::Tls,
            _ if said.starts_with(b"HTTP/") || said.starts_with(b"<!DOCTYPE") || said.starts_with(b"<html") => {
                PeerKind::Http(shown())
            }
            [b'-', letter, ..] if letter.is_ascii_uppercase() => PeerKind::Redis,
            _ => PeerKind::Other(shown()),
        })
    }

    /// Asks the peer of `stream`; `None` if there is no answer.
    pub(super) async fn probe(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<Self> {
        let mut said = Vec::new();
        let mut patience = ANSWER_TIME.0;
        // Even if writing fails, bytes that have arrived are read.
        let _ = tokio::time::timeout(patience, stream.write_all(QUESTION)).await;
        while said.len() < ANSWER_BYTES {
            let read = tokio::time::timeout(patience, stream.read_buf(&mut said)).await;
            if !matches!(read, Ok(Ok(1..))) {
                break;
            }
            patience = ANSWER_TIME.1;
        }
        Self::recognise(&said)
    }
}

impl fmt::Display for PeerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerKind::Service => f.write_str("it is a tarmem service, but did not understand this client"),
            PeerKind::Http(line) => write!(f, "it speaks HTTP ({line:?})"),
            PeerKind::Redis => f.write_str("it speaks Redis's protocol (RESP)"),
            PeerKind::Tls => f.write_str("it speaks TLS; if it is a tarmem service, connect with tarmems://"),
            PeerKind::Other(said) => write!(f, "it says {said:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_recognized_by_their_first_bytes() {
        let other = |said: &str| Some(PeerKind::Other(said.to_owned()));
        let http = |line: &str| Some(PeerKind::Http(line.to_owned()));
        let cases: [(&[u8], Option<PeerKind>); 11] = [
            (b"", None),
            (&[0, 0, 1, 4, b'H'], None),
            (b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n", http("HTTP/1.0 200 OK")),
            (b"<html><body>", http("<html><body>")),
            (b"HTTP/1.1 400 Bad Request\r\n\r\nthis is a tarmem service, and no HTTP", Some(PeerKind::Service)),
            (b"-ERR wrong number of arguments for 'get' command\r\n", Some(PeerKind::Redis)),
            (b"-NOAUTH Authentication required.\r\n", Some(PeerKind::Redis)),
            (&[0x15, 3, 3, 0, 2, 2, 10], Some(PeerKind::Tls)),
            (b"SSH-2.0-OpenSSH_9.6\r\n", other("SSH-2.0-OpenSSH_9.6")),
            (b"+OK POP3 ready\r\n", other("+OK POP3 ready")),
            (&[0xff, 0xff], other("\u{fffd}\u{fffd}")),
        ];
        for (said, expected) in cases {
            assert_eq!(PeerKind::recognise(said), expected, "{said:?}");
        }
        let Some(PeerKind::Other(shown)) = PeerKind::recognise(&[b'x'; 4096]) else { panic!("it says something") };
        assert_eq!(shown.len(), SHOWN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_says_nothing_is_given_up() {
        let (stream, _silent) = tokio::io::duplex(4);
        assert_eq!(PeerKind::probe(stream).await, None);
        let (stream, gone) = tokio::io::duplex(64);
        drop(gone);
        assert_eq!(PeerKind::probe(stream).await, None);
    }
}
