//! The file that a service may be set up by.

use super::limits::Limits;
use super::problem::{Problem, read_toml};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::{Spanned, Value};

/// What the file says. What it does not say is left to whoever asks.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigFile {
    /// Where to listen: `host:port` or `unix:/path`, each.
    #[serde(default, deserialize_with = "one_or_more")]
    pub(crate) listen: Option<Vec<String>>,
    pub(crate) unprotected: Option<bool>,
    pub(crate) workers: Option<u16>,
    #[serde(default, deserialize_with = "one_or_more")]
    pub(crate) modules: Option<Vec<String>>,
    /// The file that tokens are in.
    pub(crate) tokens: Option<PathBuf>,
    #[serde(default)]
    pub(crate) tls: TlsFiles,
    #[serde(default)]
    limits: BTreeMap<Spanned<String>, Value>,
}

/// The files that TLS needs.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsFiles {
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) client_ca: Option<PathBuf>,
}

/// A list of strings; one of them need not be in a list.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    struct OneOrMore;

    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or a list of strings")
        }

        fn visit_str<E>(self, one: &str) -> Result<Vec<String>, E> {
            Ok(vec![one.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<String>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }

    deserializer.deserialize_any(OneOrMore).map(Some)
}

impl ConfigFile {
    /// Reads it; and the limits that it sets, upon those that there are by default.
    ///
    /// # Errors
    /// One line that names the file, the line in it, and what is wrong.
    pub(crate) fn read(path: &Path) -> Result<(Self, Limits), String> {
        read_toml(path, Self::parse)
    }

    fn parse(text: &str) -> Result<(Self, Limits), Problem> {
        let file: ConfigFile = toml::from_str(text).map_err(|error| Problem::of(&error))?;
        let mut limits = Limits::default();
        for (name, value) in &file.limits {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Integer(number) => number.to_string(),
                other => other.type_str().to_owned(),
            };
            limits.set(name.get_ref(), &value).map_err(|error| Problem::at(name.span().start, error.to_string()))?;
        }
        Ok((file, limits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_says() {
        let text = r#"
            listen = ["localhost:18813", "unix:/run/tarmem"]
            tokens = "/etc/tokens"
            [tls]
            cert = "c"
            [limits]
            frame_bytes = "1MiB"
            key_bytes = 100
            connections = 7
            call_time = "5s"
        "#;
        let (file, limits) = ConfigFile::parse(text).expect("sound");
        assert_eq!(file.listen.expect("said"), ["localhost:18813", "unix:/run/tarmem"]);
        assert_eq!((file.unprotected, file.tls.cert, file.tls.key), (None, Some("c".into()), None));
        assert_eq!((limits.frame_bytes, limits.key_bytes, limits.connections), (1 << 20, 100, 7));
        assert_eq!(limits.call_time.as_secs(), 5);
    }

    #[test]
    fn one_of_a_list_needs_no_list() {
        let (file, _) = ConfigFile::parse("listen = \"127.0.0.1:1\"\nmodules = \"builtins\"").expect("sound");
        assert_eq!((file.listen, file.modules), (Some(vec!["127.0.0.1:1".into()]), Some(vec!["builtins".into()])));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases = [
            ("listn = []", 1, "unknown field `listn`"),
            ("[tls]\ncrt = \"x\"", 2, "unknown field `crt`"),
            ("\n[limits]\nframe_byte = 1", 3, "did you mean frame_bytes"),
            ("[limits]\nframe_bytes = \"1B\"", 2, "4KiB to 2GiB"),
            ("[limits]\nframe_bytes = true", 2, "cannot be \"boolean\""),
            ("workers = 1\nworkers = 2", 2, ""),
            ("workers = \"many\"", 1, ""),
            ("\nlisten = 18813", 2, "a string or a list of strings"),
            ("listen = [\"h:1\",\n18813]", 2, "expected a string"),
            ("\nmodules = {a = 1}", 2, "a string or a list of strings"),
            ("workers = ", 1, ""),
        ];
        for (text, line, part) in cases {
            let error = ConfigFile::parse(text).expect_err(text).told("file", text);
            assert!(error.starts_with(&format!("file, line {line}: ")) && error.contains(part), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
