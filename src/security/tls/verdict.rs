//! Error texts: what is wrong with a certificate or with the peer's TLS, and what to do about it.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};
use std::io;
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

/// How to make a certificate that is accepted.
const MADE_BY: &str = "`tarmem tls init` makes one, or the openssl lines in docs/security.md";

/// How many names of a certificate are shown.
const NAMES: usize = 5;
/// How many characters of each name are shown.
const NAME_CHARACTERS: usize = 80;

/// Whose certificate it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    Service,
    Client,
}

impl Role {
    /// The certificate, in an error of the other side.
    fn owner(self) -> &'static str {
        match self {
            Role::Service => "its certificate",
            Role::Client => "the client's certificate",
        }
    }

    /// The remedy for a certificate that no trusted CA has signed.
    fn trusts(self) -> &'static str {
        match self {
            Role::Service => "give the CA that signed it (--ca, ClientTls::ca_file)",
            Role::Client => "give the client one that the client CA signed (its --cert and --key)",
        }
    }

    fn usage(self) -> &'static str {
        match self {
            Role::Service => "serverAuth",
            Role::Client => "clientAuth",
        }
    }
}

/// The error about a peer that speaks only an older TLS.
pub(super) const OLD: &str = "it does not speak TLS 1.3, and older versions are not accepted; it needs a newer TLS \
                              library";

/// The error of rustls in `error`, if it comes from rustls.
pub(super) fn of_rustls(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// What is wrong with the certificate of the side with this `role`, for an error of the other side.
pub(super) fn problem_with(problem: &CertificateError, role: Role) -> String {
    use CertificateError as Problem;
    let (owner, trusts, usage) = (role.owner(), role.trusts(), role.usage());
    let anew = match role {
        Role::Service => "give the service a new one",
        Role::Client => "give the client a new one",
    };
    match problem {
        Problem::UnknownIssuer => format!("{owner} is not signed by a trusted CA; {trusts}"),
        Problem::BadSignature => {
            format!("{owner} is not signed by the trusted CA, but by another one of the same name; {trusts}")
        }
        Problem::NotValidForName => {
            format!("{owner} is for another name; connect to that name, or give it (--server-name)")
        }
        Problem::NotValidForNameContext { expected, presented } if presented.is_empty() => format!(
            "{owner} names no host, so it is not for {}; it needs a subjectAltName, since its CN does not count: \
             {MADE_BY}",
            expected.to_str()
        ),
        Problem::NotValidForNameContext { expected, presented } => format!(
            "{owner} is not for {}, but for {}; connect to one of these names, or give it (--server-name)",
            expected.to_str(),
            names(presented)
        ),
        Problem::Expired => format!("{owner} has expired; {anew}"),
        Problem::ExpiredContext { time, not_after } => {
            format!("{owner} expired on {} (it is {} here); {anew}", date(*not_after), date(*time))
        }
        Problem::NotValidYet => format!("{owner} is not valid yet; set the clocks of both hosts, or wait"),
        Problem::NotValidYetContext { time, not_before } => format!(
            "{owner} is not valid before {} (it is {} here); set the clocks of both hosts, or wait",
            date(*not_before),
            date(*time)
        ),
        Problem::InvalidPurpose | Problem::InvalidPurposeContext { .. } => format!(
            "{owner} is for another purpose; its extendedKeyUsage has to contain {usage}, or be left out: {MADE_BY}"
        ),
        Problem::Revoked => format!("{owner} was revoked; {anew}"),
        Problem::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) => format!(
                "{owner} is that of a CA (its basicConstraints say CA:TRUE), which may only sign others; have it sign \
                 a certificate without CA:TRUE: {MADE_BY}"
            ),
            Some(webpki::Error::UnsupportedCertVersion) => format!(
                "{owner} is an X.509 certificate of version 1, which names no host and no purpose; make one of version \
                 3, as `openssl x509` does with -extfile: {MADE_BY}"
            ),
            Some(webpki::Error::EndEntityUsedAsCa) => format!(
                "{owner} is signed by a certificate that is not a CA's; have it signed by one whose basicConstraints \
                 say CA:TRUE: {MADE_BY}"
            ),
            Some(webpki::Error::InvalidCertValidity) => format!("{owner} ends before it begins; {anew}"),
            _ => format!("{owner} cannot be used ({problem}); {anew}: {MADE_BY}"),
        },
        _ => format!("{owner} cannot be used ({problem}); {anew}: {MADE_BY}"),
    }
}

/// What the peer says is wrong with the certificate that this side, in this `role`, has shown; `None` if the alert is
/// about something else.
pub(super) fn refused(alert: AlertDescription, role: Role) -> Option<String> {
    let (own, remedy) = match role {
        Role::Client => ("this client's certificate", "give another one (--cert and --key, ClientTls::identity)"),
        Role::Service => ("this service's certificate", "the client's error says why"),
    };
    let problem = match (alert, role) {
        (AlertDescription::CertificateRequired, Role::Client) => {
            return Some(
                "it requires a client certificate; give one (--cert and --key, ClientTls::identity)".to_owned(),
            );
        }
        (AlertDescription::ProtocolVersion, _) => return Some(OLD.to_owned()),
        (AlertDescription::UnknownCA, Role::Client) => {
            return Some(format!(
                "it does not trust {own}, which its client CA did not sign; give one that its client CA signed (--cert \
                 and --key)"
            ));
        }
        (AlertDescription::UnknownCA, Role::Service) => {
            return Some(format!("it does not trust the CA that signed {own}; give the client that CA (its --ca)"));
        }
        (AlertDescription::DecryptError, Role::Client) => {
            return Some(format!(
                "it does not trust {own}, which was signed by another CA of the same name as its client CA; give one \
                 that its client CA signed (--cert and --key)"
            ));
        }
        (AlertDescription::CertificateExpired, _) => "has expired, or is not valid yet",
        (AlertDescription::UnsupportedCertificate, _) => "is for another purpose: look at its extendedKeyUsage",
        (AlertDescription::BadCertificate, Role::Service) => {
            "is for another name than the one that the client connects to"
        }
        (AlertDescription::CertificateUnknown, _) => "cannot be used: it is that of a CA, or of version 1",
        (AlertDescription::CertificateRevoked, _) => "was revoked",
        (AlertDescription::BadCertificate | AlertDescription::DecryptError | AlertDescription::AccessDenied, _) => {
            "cannot be used"
        }
        _ => return None,
    };
    Some(format!("it refuses {own}, which {problem}; {remedy}"))
}

/// The names that a peer's certificate is for, made safe to show.
fn names(presented: &[String]) -> String {
    let mut shown: Vec<String> = presented
        .iter()
        .take(NAMES)
        .map(|name| {
            // `DnsName("localhost")`, `IpAddress(127.0.0.1)`
            let inner = name.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')')).unwrap_or(name);
            // In the usual notation: `::1` instead of `0::1`.
            let address = inner.parse::<IpAddr>().ok().map(|address| address.to_string());
            let inner = address.as_deref().unwrap_or(inner);
            inner.trim_matches('"').chars().take(NAME_CHARACTERS).flat_map(char::escape_debug).collect()
        })
        .collect();
    if presented.len() > NAMES {
        shown.push(format!("and {} more", presented.len() - NAMES));
    }
    shown.join(", ")
}

fn date(time: UnixTime) -> String {
    /// The last second of the year 9999. Certificates cannot contain later ones.
    const LAST_SECOND: u64 = 253_402_300_799;
    let seconds = time.as_secs();
    if seconds > LAST_SECOND {
        return format!("{seconds} s after 1970");
    }
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}

/// Whether the peer closed the connection, or it broke.
pub(super) fn hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_certificate_are_escaped_and_limited_in_number() {
        let many: Vec<String> = (0..100).map(|n| format!("DnsName(\"host-{n}\u{1b}[31m\")")).collect();
        let shown = names(&many);
        assert!(shown.starts_with("host-0\\u{1b}[31m, host-1") && shown.ends_with(", and 95 more"), "{shown}");
        assert_eq!(
            names(&["127.0.0.1", "0::1"].map(|ip| format!("IpAddress({ip})"))),
            "127.0.0.1, ::1",
            "an address is shown in the usual notation"
        );
        assert_eq!(
            names(&["IpAddress(127.0.0.1)".to_owned(), "DnsName(\"localhost\")".to_owned()]),
            "127.0.0.1, localhost"
        );
        assert!(names(&["x".repeat(1_000)]).len() <= NAME_CHARACTERS);
    }

    #[test]
    fn dates_are_shown_in_rfc_3339() {
        let at = |seconds| date(UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
        assert_eq!(at(1_700_000_000), "2023-11-14T22:13:20Z");
        assert!(at(u64::MAX).contains("after 1970"));
    }
}
