//! Parses the places where a service listens: `HOST:PORT` or `unix:PATH`.

use super::host::{host, within_brackets};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a service listens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    /// All addresses of a host, which is written without brackets here.
    Tcp {
        host: String,
        port: u16,
    },
    Unix(PathBuf),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(place: &str) -> Result<Self, String> {
        if let Some(path) = place.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Place::Unix(path.into()));
        }
        if place.rsplit_once(':').is_some_and(|(host, _)| !host.is_empty() && within_brackets(host).is_none()) {
            return Err(format!("listen: the brackets of {place:?} do not match; write [::1]:18813"));
        }
        place
            .rsplit_once(':')
            .filter(|(host, _)| *host != "unix")
            .and_then(|(text, port)| Some(Place::Tcp { host: host(text).ok()?, port: port.parse().ok()? }))
            .ok_or_else(|| format!("listen: {place:?} is not HOST:PORT, such as localhost:18813, or unix:/path"))
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        // The TOML parser adds the line to an error of a visitor, but not to one of `deserialize`.
        impl Visitor<'_> for Text {
            type Value = Place;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Place, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// As it is written in the settings file.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Place::Tcp { host, port } => write!(f, "{host}:{port}"),
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_hosts_with_ports_or_paths() {
        for place in ["h:1", "[::1]:0", "unix:/a", "unix:a:1"] {
            assert_eq!(place.parse::<Place>().map(|place| place.to_string()).as_deref(), Ok(place));
        }
        for place in ["[::1:7", "::1]:7"] {
            assert!(place.parse::<Place>().expect_err(place).contains("bracket"), "{place}");
        }
        for place in ["here", "unix:", ":1", "h:70000", "127.0.0.1:5:6", "::1"] {
            let error = place.parse::<Place>().expect_err(place);
            assert!(error.contains("HOST:PORT"), "{error}");
        }
    }
}
