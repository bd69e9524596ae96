//! Reads the settings file of a service.

use super::keeping::{Durability, OnStorageFailure};
use super::limits::Limits;
use super::place::Place;
use super::problem::{Problem, read_toml};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use toml::{Spanned, Value};

/// The maximum number of threads that serve connections.
pub(crate) const WORKERS: u16 = 1024;

/// The contents of a settings file. What the file leaves out is `None`; the caller decides on defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigFile {
    /// Where to listen; not empty.
    #[serde(default, deserialize_with = "somewhere")]
    pub(crate) listen: Option<Vec<Place>>,
    pub(crate) unprotected: Option<bool>,
    #[serde(default, deserialize_with = "some_workers")]
    pub(crate) workers: Option<u16>,
    #[serde(default, deserialize_with = "one_or_more")]
    pub(crate) modules: Option<Vec<String>>,
    /// The token file.
    pub(crate) tokens: Option<PathBuf>,
    /// The data directory.
    pub(crate) data: Option<PathBuf>,
    /// When what has changed is on disk.
    #[serde(default, deserialize_with = "some_text")]
    pub(crate) fsync: Option<Durability>,
    #[serde(default, deserialize_with = "some_text")]
    pub(crate) on_disk_failure: Option<OnStorageFailure>,
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

/// Reads a list of values that are written as strings. A single one may be written without a list.
fn one_or_more<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
    struct OneOrMore<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMore<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or a list of strings")
        }

        fn visit_str<E: Error>(self, one: &str) -> Result<Vec<T>, E> {
            Ok(vec![T::deserialize(one.into_deserializer())?])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }

    deserializer.deserialize_any(OneOrMore(PhantomData)).map(Some)
}

fn somewhere<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Place>>, D::Error> {
    let places = one_or_more(deserializer)?;
    if places.as_ref().is_some_and(Vec::is_empty) {
        return Err(D::Error::custom("listen is empty, so no client could connect; name a place, or leave listen out"));
    }
    Ok(places)
}

/// Reads a value that is written as text.
fn some_text<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|why| D::Error::custom(format!("{text:?} is not known; {why}")))
}

fn some_workers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let workers = u16::deserialize(deserializer)?;
    if !(1..=WORKERS).contains(&workers) {
        return Err(D::Error::custom(format!("workers cannot be {workers}; give it 1 to {WORKERS}")));
    }
    Ok(Some(workers))
}

impl ConfigFile {
    /// Reads a settings file. Relative paths in it are relative to its folder. The returned limits are those of the
    /// file, and the defaults for all others.
    ///
    /// # Errors
    /// A text of one line that names the file, the line in it, and what is wrong.
    pub(crate) fn read(path: &Path) -> Result<(Self, Limits), String> {
        let (file, limits) = read_toml(path, Self::parse)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let folder = std::path::absolute(folder.join(".")).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((file.inside(&folder), limits))
    }

    /// Makes relative paths absolute: they are relative to `folder`.
    fn inside(mut self, folder: &Path) -> Self {
        let TlsFiles { cert, key, client_ca } = &mut self.tls;
        let sockets = self.listen.iter_mut().flatten().filter_map(|place| match place {
            Place::Unix(path) => Some(path),
            Place::Tcp { .. } => None,
        });
        for path in [&mut self.tokens, &mut self.data, cert, key, client_ca].into_iter().flatten().chain(sockets) {
            *path = folder.join(&path);
        }
        self
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
    fn settings_are_read_from_a_file() {
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
        let (file, limits) = ConfigFile::parse(text).expect("valid");
        let listen: Vec<String> = file.listen.iter().flatten().map(Place::to_string).collect();
        assert_eq!(listen, ["localhost:18813", "unix:/run/tarmem"]);
        assert_eq!((file.unprotected, file.tls.cert, file.tls.key), (None, Some("c".into()), None));
        assert_eq!((limits.frame_bytes, limits.key_bytes, limits.connections), (1 << 20, 100, 7));
        assert_eq!(limits.call_time.as_secs(), 5);
    }

    #[test]
    fn a_list_of_one_may_be_written_without_brackets() {
        let (file, _) = ConfigFile::parse("listen = \"127.0.0.1:1\"\nmodules = \"builtins\"").expect("valid");
        let place = Place::Tcp { host: "127.0.0.1".into(), port: 1 };
        assert_eq!((file.listen, file.modules), (Some(vec![place]), Some(vec!["builtins".into()])));
    }

    #[test]
    fn paths_are_relative_to_the_folder_of_the_file() {
        let text = "listen = [\"unix:s\", \"h:1\"]\ntokens = \"../t\"\ndata = \"d\"\n[tls]\ncert = \"/c\"\nkey = \"k\"";
        let file = ConfigFile::parse(text).expect("valid").0.inside(Path::new("/etc/tarmem"));
        let listen: Vec<String> = file.listen.iter().flatten().map(Place::to_string).collect();
        assert_eq!(listen, ["unix:/etc/tarmem/s", "h:1"]);
        assert_eq!(file.tokens, Some("/etc/tarmem/../t".into()));
        assert_eq!(file.data, Some("/etc/tarmem/d".into()));
        assert_eq!((file.tls.cert, file.tls.key), (Some("/c".into()), Some("/etc/tarmem/k".into())));
    }

    #[test]
    fn errors_name_the_line() {
        let cases = [
            ("listn = []", 1, "unknown field `listn`"),
            ("[tls]\ncrt = \"x\"", 2, "unknown field `crt`"),
            ("\n[limits]\nframe_byte = 1", 3, "did you mean frame_bytes"),
            ("[limits]\nframe_bytes = \"1B\"", 2, "4KiB to 2GiB"),
            ("[limits]\nframe_bytes = true", 2, "cannot be \"boolean\""),
            ("workers = 1\nworkers = 2", 2, ""),
            ("workers = \"many\"", 1, ""),
            ("\nworkers = 0", 2, "workers cannot be 0; give it 1 to 1024"),
            ("\nlisten = []", 2, "listen is empty"),
            ("\nlisten = \":5\"", 2, "\":5\" is not HOST:PORT"),
            ("listen = [\"h:1\",\n\"here\"]", 2, "\"here\" is not HOST:PORT"),
            ("\nlisten = 18813", 2, "a string or a list of strings"),
            ("listen = [\"h:1\",\n18813]", 2, "expected a string"),
            ("\nmodules = {a = 1}", 2, "a string or a list of strings"),
            ("workers = ", 1, ""),
            ("\nfsync = \"often\"", 2, "\"often\" is not known; write always, a time such as 1s"),
            ("\nfsync = 1", 2, "expected a string"),
            ("on_disk_failure = \"\"", 1, "write exit or refuse"),
        ];
        for (text, line, part) in cases {
            let error = ConfigFile::parse(text).expect_err(text).told("file", text);
            assert!(error.starts_with(&format!("file, line {line}: ")) && error.contains(part), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
