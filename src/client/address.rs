//! Parses the addresses of services.

use crate::config::within_brackets;
use crate::security::Secret;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use tarmem_remote::error::Error;

/// The address of a service: `host:port` or `unix:/path`, as part of what [`Session::connect`](crate::Session::connect)
/// takes:
///
/// | form | meaning |
/// | --- | --- |
/// | `host:port` | TCP; over TLS if [`SessionBuilder::tls`](crate::SessionBuilder::tls) is given |
/// | `tarmem://host:port` | TCP, without TLS |
/// | `tarmems://host:port` | TLS |
/// | `tarmem://TOKEN@host:port`, `tarmems://TOKEN@host:port` | the same, with a token, percent-encoded if necessary |
/// | `unix:/path` | a Unix socket |
///
/// ```
/// use tarmem::Address;
/// assert_eq!("tarmem://localhost:18813".parse::<Address>().unwrap().to_string(), "localhost:18813");
/// assert!("localhost".parse::<Address>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// A host and a port.
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// The contents of a URL.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Location {
    pub(crate) address: Address,
    /// Whether to use TLS; `None` if the URL does not say.
    pub(crate) secure: Option<bool>,
    pub(crate) token: Option<Secret>,
}

impl Location {
    /// Parses a URL or an address without a scheme.
    ///
    /// # Errors
    /// If it is malformed. The error shows no token, nor anything that may be meant as one.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() {
                return Err(nonsense("there is no path in it; write unix:/path"));
            }
            return Ok(Location { address: Address::Unix(path.into()), secure: None, token: None });
        }
        let (secure, rest) = match text.split_once("://") {
            Some(("tarmem", rest)) => (Some(false), rest),
            Some(("tarmems", rest)) => (Some(true), rest),
            Some(_) => return Err(nonsense("it begins with neither tarmem:// nor tarmems://")),
            None => (None, text),
        };
        // An @ in a token should be written as %40. It does no harm if it is not, since no host contains one.
        let (token, rest) = match rest.rsplit_once('@') {
            Some((token, rest)) => {
                let token = percent_decode_str(token).decode_utf8();
                (Some(token.map_err(|_| nonsense("its token is not UTF-8"))?), rest)
            }
            None => (None, rest),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = rest
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
            .filter(|(host, _)| !host.is_empty())
            .ok_or_else(|| {
                // This begins like a path, and no host does.
                if text.starts_with(['/', '.', '~']) && text.contains('/') {
                    return nonsense(&format!("a Unix socket is written with unix: before its path: unix:{text}"));
                }
                // The rest may be meant as a token, so it is not shown.
                if rest.contains(['/', '?', '#', '=', '&', ' ']) {
                    return nonsense("it is not host:port; a token comes first, as in tarmem://TOKEN@HOST:PORT");
                }
                nonsense(&format!("{rest:?} is not host:port, such as localhost:18813, or unix:/path"))
            })?;
        let host = within_brackets(host).ok_or_else(|| {
            nonsense("its brackets do not match; write an IPv6 address in brackets, as in [::1]:18813")
        })?;
        let token = token.map(Secret::new);
        if token.as_ref().is_some_and(Secret::is_empty) {
            return Err(nonsense("its token is empty; write the token before the @, or leave the @ out"));
        }
        Ok(Location { address: Address::Tcp { host: host.to_owned(), port }, secure, token })
    }
}

fn nonsense(reason: &str) -> Error {
    Error::malformed("address", reason)
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(address: &str) -> Result<Self, Error> {
        let Location { address, token, .. } = Location::parse(address)?;
        match token {
            None => Ok(address),
            Some(_) => Err(nonsense("it contains a token, which an `Address` cannot; give the token to a session")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn urls_are_parsed_into_address_tls_and_token() {
        let cases = [
            ("localhost:18813", tcp("localhost", 18813), None, None),
            ("tarmem://localhost:1/", tcp("localhost", 1), Some(false), None),
            ("tarmems://db.example.org:18813", tcp("db.example.org", 18813), Some(true), None),
            ("tarmem://hush@localhost:1", tcp("localhost", 1), Some(false), Some("hush")),
            ("tarmems://a%40b%2Fc@[::1]:2", tcp("::1", 2), Some(true), Some("a@b/c")),
            ("a:b@c@localhost:1", tcp("localhost", 1), None, Some("a:b@c")),
            ("unix:/run/a@b", Address::Unix("/run/a@b".into()), None, None),
        ];
        for (text, address, secure, token) in cases {
            let location = Location::parse(text).expect(text);
            assert_eq!(location, Location { address, secure, token: token.map(Secret::new) }, "{text}");
        }
    }

    #[test]
    fn brackets_have_to_match() {
        for text in ["[::1", "[::1:80", "::1]:80", "tarmem://[::1:80", "[[::1]]:80", "[]:80", "[::1]x:80"] {
            let error = Location::parse(text).expect_err(text).to_string();
            assert!(error.contains("bracket"), "{text}: {error}");
        }
    }

    #[test]
    fn errors_say_how_to_write_a_path_as_an_address() {
        let error = |text: &str| Location::parse(text).expect_err(text).to_string();
        for path in ["/tmp/x.sock", "./x.sock", "../run/x"] {
            assert!(error(path).ends_with(&format!(": unix:{path}")), "{}", error(path));
        }
        assert!(error("unix:").ends_with("there is no path in it; write unix:/path"), "{}", error("unix:"));
        assert!(!error("localhost/x").contains("unix:localhost"));
    }

    #[test]
    fn errors_do_not_show_tokens() {
        for text in [
            "",
            "localhost",
            ":1",
            "localhost:99999",
            "hush@localhost",
            "tarmem://hush@",
            "tarmem://hush@:1",
            "tarmem://@localhost:1",
            "hush://localhost:1",
            "tarmem://hu%ffsh@localhost:1",
            "redis://hush@localhost:1",
            "tarmem://localhost:1/?token=hush",
            "tarmem://localhost:1/hush",
            "localhost:1#hush",
            "localhost:1 hush",
        ] {
            let error = Location::parse(text).expect_err(text).to_string();
            assert!(!error.contains("hush") && !error.contains("sh@"), "{text}: {error}");
            let shown = format!("{:?}", crate::Session::builder(text));
            assert!(!shown.contains("hush"), "{shown}");
        }
        let error = "tarmem://hush@localhost:1".parse::<Address>().expect_err("it has a token").to_string();
        assert!(!error.contains("hush"), "{error}");
    }
}
