//! Parses hosts: a name or an address, with or without brackets. Used for a service's settings and for the addresses
//! that clients connect to.

use std::net::Ipv6Addr;

/// Removes the brackets around a host, if there are any. Returns `None` if the brackets do not match, or nothing is
/// left.
pub(crate) fn within_brackets(host: &str) -> Option<&str> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!bare.is_empty() && !bare.contains(['[', ']'])).then_some(bare)
}

/// Parses a host's name or address. An IPv6 address may stand in brackets, which the result does not contain.
///
/// # Errors
/// What is wrong, as the end of a sentence that begins with the text.
pub(crate) fn host(text: &str) -> Result<String, &'static str> {
    let inside = text.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = inside.unwrap_or(text);
    if host.is_empty() {
        return Err("a host is needed, such as localhost, 127.0.0.1 or ::1");
    }
    // A zone may follow the address after a %.
    let is_v6 = host.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    if (inside.is_some() || host.contains(':')) && !is_v6 {
        return Err(
            "it is not a host's name or address, such as localhost, 127.0.0.1 or ::1; the port is given separately",
        );
    }
    Ok(host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_may_have_brackets_and_have_no_port() {
        for (text, expected) in [
            ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("[fe80::1%eth0]", "fe80::1%eth0"),
        ] {
            assert_eq!(host(text).as_deref(), Ok(expected));
        }
        for text in ["127.0.0.1:5", "[::1]:5", "localhost:5", "[localhost]", "tarmem://h"] {
            assert!(host(text).is_err_and(|why| why.contains("the port is given separately")), "{text}");
        }
        assert!(host("").is_err() && host("[]").is_err());
    }
}
