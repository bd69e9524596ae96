//! A host as people write it: a name or an address, which may stand in brackets. Settings of a service and addresses of
//! clients are read with it.

use std::net::Ipv6Addr;

/// A host without the brackets around it; `None` if they are no pair.
pub(crate) fn within_brackets(host: &str) -> Option<&str> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!bare.is_empty() && !bare.contains(['[', ']'])).then_some(bare)
}

/// A host's name or address; brackets around an address of IPv6 may be there, and are left out of what comes of it.
///
/// # Errors
/// What it is instead, as a sentence goes on behind the text.
pub(crate) fn host(text: &str) -> Result<String, &'static str> {
    let inside = text.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = inside.unwrap_or(text);
    if host.is_empty() {
        return Err("a host is needed, such as localhost, 127.0.0.1 or ::1");
    }
    // Behind a % is the name of the network that an address is in.
    let is_v6 = host.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    if (inside.is_some() || host.contains(':')) && !is_v6 {
        return Err(
            "it is neither a host's name nor an address, such as localhost, 127.0.0.1 or ::1; a port is given apart",
        );
    }
    Ok(host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_be_in_brackets_and_has_no_port() {
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
            assert!(host(text).is_err_and(|why| why.contains("a port is given apart")), "{text}");
        }
        assert!(host("").is_err() && host("[]").is_err());
    }
}
