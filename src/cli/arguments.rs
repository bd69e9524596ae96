//! Parsers of single arguments, with the errors for malformed ones.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A timeout in seconds; 0 stands for none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Timeout(pub(super) Option<Duration>);

impl FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || "a number of seconds is needed, such as 2.5, or 0 for no timeout".to_owned();
        let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let duration = duration.ok_or_else(bad)?;
        Ok(Timeout((!duration.is_zero()).then_some(duration)))
    }
}

/// Parses a port.
pub(super) fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "a port is a number from 0 to 65535, such as 18813; 0 takes any free one")
}

/// Parses a host to listen on.
pub(super) fn host(text: &str) -> Result<String, String> {
    crate::config::host(text).map_err(|why| why.replace("the port is given separately", "give the port with --port"))
}

/// Parses a path. It must not be empty: an unset variable of the shell would give an empty one.
pub(super) fn path(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() { Err("a path is needed") } else { Ok(text.into()) }
}

/// Parses a number of repetitions.
pub(super) fn times(text: &str) -> Result<usize, &'static str> {
    text.parse().map_err(|_| "a whole number is needed, such as 4, or 0 for never")
}

/// The name of a class or generator, with its module: `builtins.list`, `bank.Account.open`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FunctionName(String);

impl FunctionName {
    /// All ways to split the name into a module and a name inside it, the likeliest first.
    ///
    /// Only the service knows its modules, so the caller asks it for one after the other. A part that begins with a
    /// capital letter is probably a class, and the part after it a constructor; otherwise the last part is the name.
    pub(super) fn splits(&self) -> Vec<(&str, &str)> {
        let mut splits: Vec<(&str, &str)> =
            self.0.rmatch_indices('.').map(|(dot, _)| (&self.0[..dot], &self.0[dot + 1..])).collect();
        let class = |(module, name): &(&str, &str)| name.starts_with(char::is_uppercase) && !has_class(module);
        // The sort is stable, so the other splits keep their order.
        splits.sort_by_key(|split| !class(split));
        splits
    }
}

fn has_class(module: &str) -> bool {
    module.split('.').any(|part| part.starts_with(char::is_uppercase))
}

impl FromStr for FunctionName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if !text.contains('.') || text.split('.').any(str::is_empty) {
            return Err("a module, a dot and a name are needed, such as builtins.list");
        }
        Ok(FunctionName(text.to_owned()))
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_name_may_be_split_at_any_dot() {
        let cases: [(&str, &[(&str, &str)]); 5] = [
            ("builtins.list", &[("builtins", "list")]),
            ("shop.pricing.total", &[("shop.pricing", "total"), ("shop", "pricing.total")]),
            ("bank.Account.open", &[("bank", "Account.open"), ("bank.Account", "open")]),
            ("a.b.C.d", &[("a.b", "C.d"), ("a.b.C", "d"), ("a", "b.C.d")]),
            ("A.B", &[("A", "B")]),
        ];
        for (name, splits) in cases {
            assert_eq!(name.parse::<FunctionName>().unwrap().splits(), splits, "{name}");
        }
    }

    #[test]
    fn a_name_needs_a_module() {
        for name in ["", "list", ".list", "builtins.", "a..b", "."] {
            assert!(name.parse::<FunctionName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_timeout_is_in_seconds() {
        assert_eq!("0.25".parse(), Ok(Timeout(Some(Duration::from_millis(250)))));
        assert_eq!("0".parse(), Ok(Timeout(None)));
        for text in ["", "x", "-1", "nan", "inf", "1e300"] {
            assert!(text.parse::<Timeout>().is_err(), "{text:?}");
        }
    }
}
