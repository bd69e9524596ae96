//! Peers that connect to a service but speak another protocol: they are recognised by their first bytes and told where
//! they are.

use crate::wire::QUESTION;
use std::fmt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long a peer has to read that it is in the wrong place, and how many bytes it may send meanwhile.
const LINGER: (Duration, u64) = (Duration::from_millis(500), 64 * 1024);

/// What the peer has reached.
const THIS: &str = "this is a tarmem service, which speaks its own protocol";

/// What the peer can do.
const REMEDY: &str =
    "connect with a tarmem client (tarmem --addr HOST:PORT keys; Session::connect), or to another port";

/// The protocol of a peer that does not speak tarmem's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForeignProtocol {
    Http,
    /// HTTP from a tarmem client that asks what it has reached.
    Question,
    /// Redis's protocol.
    Resp,
    /// TLS, where the service does not expect it.
    Tls,
    Other,
}

impl ForeignProtocol {
    /// The protocol of a peer that begins with `first`; `None` if that may be a frame. A frame begins with its length,
    /// which is so small before a session is open that its first byte is zero.
    pub(super) fn recognise(first: &[u8]) -> Option<Self> {
        let word = first.split(|&byte| byte == b' ' || byte == b'\r' || byte == b'\n').next().unwrap_or_default();
        Some(match (*first.first()?, word) {
            (0, _) => return None,
            (0x16, _) => ForeignProtocol::Tls,
            _ if first.starts_with(QUESTION) => ForeignProtocol::Question,
            (
                _,
                b"GET" | b"HEAD" | b"POST" | b"PUT" | b"DELETE" | b"OPTIONS" | b"PATCH" | b"CONNECT" | b"TRACE"
                | b"PRI",
            ) => ForeignProtocol::Http,
            (b'*', [_, count @ ..]) if !count.is_empty() && count.iter().all(u8::is_ascii_digit) => {
                ForeignProtocol::Resp
            }
            (_, b"PING" | b"AUTH" | b"HELLO" | b"INFO" | b"QUIT" | b"SELECT" | b"SET") => ForeignProtocol::Resp,
            _ => ForeignProtocol::Other,
        })
    }

    /// Whether to log it for the operator. When a tarmem client asks, its earlier connection was logged already.
    pub(super) fn is_news(self) -> bool {
        self != ForeignProtocol::Question
    }

    /// What the peer is told, in its own protocol if that has a way to say it. `barred` is why even a tarmem client
    /// would be refused.
    fn answer(self, barred: Option<&str>) -> String {
        let more = barred.map(|barred| format!("; {barred}")).unwrap_or_default();
        match self {
            ForeignProtocol::Http | ForeignProtocol::Question => {
                let body = format!("{THIS} and not HTTP; {REMEDY}{more}\n");
                let length = body.len();
                format!(
                    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
                     Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                )
            }
            ForeignProtocol::Resp => format!("-ERR {THIS} and not that of Redis; {REMEDY}{more}\r\n"),
            ForeignProtocol::Tls => {
                format!("{THIS}, here without TLS; {REMEDY}, with tarmem:// instead of tarmems://{more}\n")
            }
            ForeignProtocol::Other => format!("{THIS}; {REMEDY}{more}\n"),
        }
    }

    /// Sends the answer, and gives the peer a moment to read it: if a connection is closed with unread bytes, what was
    /// sent last may not arrive.
    pub(super) async fn send_away(self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin), barred: Option<&str>) {
        let answer = self.answer(barred);
        let told = async {
            stream.write_all(answer.as_bytes()).await?;
            linger(stream).await
        };
        let _ = tokio::time::timeout(LINGER.0, told).await;
    }
}

/// Shuts down this side of a stream, and reads what still arrives.
pub(super) async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let (time, bytes) = LINGER;
    let rest = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(bytes), &mut tokio::io::sink()).await
    };
    tokio::time::timeout(time, rest).await?.map(drop)
}

impl fmt::Display for ForeignProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ForeignProtocol::Http => "it speaks HTTP",
            ForeignProtocol::Question => "it is a tarmem client that asks what it has reached",
            ForeignProtocol::Resp => "it speaks Redis's protocol",
            ForeignProtocol::Tls => "it speaks TLS, which this service does not on this address",
            ForeignProtocol::Other => "it does not speak tarmem's protocol",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_is_recognised_by_its_first_bytes() {
        let cases: [(&[u8], Option<ForeignProtocol>); 13] = [
            (QUESTION, Some(ForeignProtocol::Question)),
            (b"", None),
            (&[0], None),
            (&[0, 0, 1, 4, b'G'], None),
            (b"GET / HTTP/1.1\r\n", Some(ForeignProtocol::Http)),
            (b"PRI * HTTP/2.0\r\n", Some(ForeignProtocol::Http)),
            (b"OPTIONS", Some(ForeignProtocol::Http)),
            (b"*1\r\n$4\r\nPING\r\n", Some(ForeignProtocol::Resp)),
            (b"PING\r\n", Some(ForeignProtocol::Resp)),
            (&[0x16, 3, 1, 2, 0], Some(ForeignProtocol::Tls)),
            (b"SSH-2.0-OpenSSH_9.6\r\n", Some(ForeignProtocol::Other)),
            (b"*?", Some(ForeignProtocol::Other)),
            (&[0xff; 4], Some(ForeignProtocol::Other)),
        ];
        for (first, expected) in cases {
            assert_eq!(ForeignProtocol::recognise(first), expected, "{first:?}");
        }
    }
}
