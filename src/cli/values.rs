//! The arguments of methods, functions and generators: JSON on the command line or in files, in which objects are named
//! by their keys.

use super::commands::Untyped;
use super::output::{Failure, wrong};
use crate::client::Session;
use clap::Args;
use clap::error::ErrorKind;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tarmem_remote::args;
use tarmem_remote::error::Error;
use tarmem_remote::proxy::{DynamicProxy, Proxy};
use tarmem_remote::value::{ObjectRef, Value, ValueError};

/// How many bytes are read for one argument from a file or standard input.
const LARGEST: u64 = 64 << 20;

/// How arguments are written: the end of the help of each command that takes some.
pub(super) const HELP: &str = r#"Arguments are JSON:
  3  -2.5  true  null  '"text"'  '[1,2]'  '{"a":1}'
  '{"$key":"k"}'   the object under the key k itself, here and inside lists and maps
  @FILE            JSON that is read from a file
  -                JSON that is read from standard input, for one argument at most
  '{"$bytes":"00ff"}', '{"$float":"nan"}', '{"$tuple":[1,2]}', '{"$set":[1,2]}': values that JSON does not have
  '{"$int":"123456789012345678901234567890"}': an integer of any size, as it is printed; or just its digits
  '{"$map":[["$key",5],[1,2]]}': a map with keys that begin with $ or are not text
  NAME=ARGUMENT    any of these for the parameter NAME, after the arguments without a name: maxsplit=1, sep='","'
Text that begins with @ or contains = is written like other text: '"@home"', '"a=b"'. A file whose name begins with @ is
@./@name. `tarmem describe` and `tarmem import` show the names of parameters.
At most 64 MiB are read for an argument."#;

/// The arguments of a method, function or generator.
#[derive(Args)]
pub(super) struct Values {
    /// The arguments, each in JSON: 3, '"text"', '[1,2]'; '{"$key":"k"}' is the object under k; @FILE reads an argument
    /// from a file, and - from standard input; NAME=JSON is an argument for the parameter of that name
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    args: Vec<Word>,
}

/// One argument.
#[derive(Clone, Debug)]
struct Word {
    /// The parameter that it is for, if it is given by name.
    name: Option<String>,
    given: Given,
}

/// Where an argument comes from.
#[derive(Clone, Debug)]
enum Given {
    Here(Draft),
    File(PathBuf),
    StandardInput,
}

/// A value in JSON whose objects have not been looked up yet.
#[derive(Clone, Debug, PartialEq)]
struct Draft {
    text: String,
    /// The keys of the objects in it.
    keys: Vec<String>,
}

/// Arguments as they are sent. This holds the objects in them while it lives.
pub(super) struct Resolved {
    pub(super) args: args::Args,
    held: BTreeMap<String, DynamicProxy>,
}

impl Resolved {
    /// Replaces the ids of these objects in an error by the keys on the command line.
    pub(super) fn by_keys(&self, error: Error) -> Error {
        let named = |text: String| {
            self.held.iter().fold(text, |text, (key, object)| match object.reference() {
                Some(reference) => text.replace(&format!("object {}", reference.id()), &format!("{key:?}")),
                None => text,
            })
        };
        match error {
            Error::Poisoned { target } => Error::Poisoned { target: named(target) },
            Error::HeldByCaller { target } => Error::HeldByCaller { target: named(target) },
            Error::WrongClass { target, expected, found } => {
                Error::WrongClass { target: named(target), expected, found }
            }
            Error::BadArguments { signature, reason } => Error::BadArguments { signature, reason: named(reason) },
            other => other,
        }
    }
}

impl Values {
    /// Reads the arguments that are in files or on standard input. This is done before connecting to the service.
    ///
    /// # Errors
    /// If an argument cannot be read, or is not JSON.
    pub(super) fn load(&mut self) -> Result<(), Failure> {
        let named = |word: &&[Word]| word[0].name.is_some() && word[1].name.is_none();
        if let Some(name) = self.args.windows(2).find(named).and_then(|words| words[0].name.as_deref()) {
            let message =
                format!("after {name}=… every argument needs a name; give the arguments without a name first");
            return Err(wrong(ErrorKind::ValueValidation, message));
        }
        if self.args.iter().filter(|arg| matches!(arg.given, Given::StandardInput)).count() > 1 {
            let message = "only one argument can be -, since standard input is read once; give the others as @FILE";
            return Err(wrong(ErrorKind::TooManyValues, message));
        }
        for arg in &mut self.args {
            let (name, text) = match &arg.given {
                Given::Here(_) => continue,
                Given::File(path) => (path.display().to_string(), read_file(path)),
                Given::StandardInput => ("standard input".to_owned(), read(io::stdin().lock())),
            };
            let text =
                text.map_err(|why| Failure::failed(format!("the argument cannot be read from {name}: {why}")))?;
            let draft = Draft::parse(text).map_err(|error| Failure::failed(format!("{name}: {error}")))?;
            arg.given = Given::Here(draft);
        }
        Ok(())
    }

    /// Looks up the objects that the arguments name, and returns the arguments with references to them.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], and those of the session.
    pub(super) async fn resolve(&self, session: &Session) -> Result<Resolved, Error> {
        let drafts = || {
            self.args.iter().filter_map(|arg| match &arg.given {
                Given::Here(draft) => Some((arg.name.as_ref(), draft)),
                _ => None,
            })
        };
        let mut held: BTreeMap<String, DynamicProxy> = BTreeMap::new();
        for key in drafts().flat_map(|(_, draft)| &draft.keys) {
            if !held.contains_key(key) {
                held.insert(key.clone(), session.proxy::<Untyped>(key).hold().await?);
            }
        }
        let reference = |key: &str| {
            let found = held.get(key).and_then(Proxy::reference);
            found.ok_or_else(|| ValueError::new(format!("the object under {key:?} is not held")))
        };
        let (mut positional, mut named) = (Vec::new(), Vec::new());
        for (name, draft) in drafts() {
            let value = Value::parse_json_with(&draft.text, &reference);
            let value = value.map_err(|error| Error::malformed("argument", error))?;
            match name {
                None => positional.push(value),
                Some(name) => named.push((name, value)),
            }
        }
        let args = named.into_iter().fold(positional.into(), |args: args::Args, (name, value)| args.named(name, value));
        Ok(Resolved { args, held })
    }
}

impl FromStr for Word {
    type Err = String;

    /// A name and `=` cannot be the beginning of JSON.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, given)) => match given.parse() {
                Ok(given) => Ok(Word { name: Some(name.to_owned()), given }),
                Err(error) => Err(format!("in the argument {name}: {error}{}", whole_hint(text, given))),
            },
            None => Ok(Word { name: None, given: text.parse()? }),
        }
    }
}

/// Whether `text` can be the name of a parameter.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c == '_' || c.is_alphabetic()) && text.chars().all(|c| c == '_' || c.is_alphanumeric())
}

/// A hint for a word that was taken for an argument with a name: how to write it if all of it is meant as text. Empty
/// if that is unlikely.
fn whole_hint(text: &str, given: &str) -> String {
    if given.starts_with(['[', '{', '"', '@']) {
        return String::new();
    }
    format!("; if all of it is text, write {}", quoted(text))
}

impl FromStr for Given {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix('@') {
            Some("") => Err(r#"the name of a file is needed after @; if it is meant as text, write '"@"'"#.to_owned()),
            Some("-") => Ok(Given::StandardInput),
            Some(path) => Ok(Given::File(path.into())),
            None if text == "-" => Ok(Given::StandardInput),
            None => Draft::parse(text.to_owned()).map(Given::Here).map_err(|error| with_hint(text, &error)),
        }
    }
}

impl Draft {
    /// Checks the JSON, and collects the keys in it.
    ///
    /// # Errors
    /// If it is not valid JSON.
    fn parse(text: String) -> Result<Self, ValueError> {
        let keys = RefCell::new(Vec::new());
        // The objects are looked up later; a placeholder will do for now.
        let note = |key: &str| {
            keys.borrow_mut().push(key.to_owned());
            Ok(ObjectRef::new(uuid::Uuid::nil(), ""))
        };
        Value::parse_json_with(&text, &note)?;
        Ok(Draft { text, keys: keys.into_inner() })
    }
}

/// The error of an argument on the command line, with a hint for the usual mistake, which is missing quotes.
fn with_hint(text: &str, error: &ValueError) -> String {
    match text.trim_start().chars().next() {
        // It is JSON, but not a valid form of tarmem's own, such as `{"$key": …}`: quotes would not help.
        _ if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => error.to_string(),
        Some('[' | '{') => format!("{error}; write the whole value between single quotes, such as '[1, \"two\"]'"),
        Some('"') => format!("{error}; write text between both kinds of quotes, such as '\"two words\"'"),
        _ => match not_in_json(text) {
            Some(float) => {
                format!("{error}; as a float, write '{{\"$float\":\"{float}\"}}'; as text, {}", quoted(text))
            }
            None => format!("{error}; if it is meant as text, write {}", quoted(text)),
        },
    }
}

/// How a float that JSON does not have is named in `$float`.
fn not_in_json(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "nan" => Some("nan"),
        "inf" | "infinity" | "+inf" | "+infinity" => Some("inf"),
        "-inf" | "-infinity" => Some("-inf"),
        _ => None,
    }
}

/// A JSON text, quoted for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", serde_json::Value::from(text).to_string().replace('\'', r"'\''"))
}

fn read_file(path: &Path) -> Result<String, String> {
    read(File::open(path).map_err(|error| error.to_string())?)
}

fn read(source: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = source.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if read as u64 > LARGEST {
        return Err(format!("it is over the limit of {LARGEST} bytes for an argument; split it"));
    }
    String::from_utf8(bytes).map_err(|error| {
        format!(
            "it is not UTF-8 from byte {} on, as JSON has to be; encode it in UTF-8",
            error.utf8_error().valid_up_to()
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn draft(text: &str) -> Draft {
        match text.parse::<Word>().unwrap().given {
            Given::Here(draft) => draft,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn objects_are_named_by_their_keys() {
        assert_eq!(draft("[1, null]").keys, [""; 0]);
        assert_eq!(draft(r#"[{"$key":"a"},{"b":{"$key":"b"}},{"$key":"a"}]"#).keys, ["a", "b", "a"]);
        assert_eq!(draft(r#"{"$map":[["$key","a"]]}"#).keys, [""; 0]);
    }

    #[test]
    fn a_value_may_be_in_a_file_or_on_standard_input() {
        assert!(matches!("-".parse().unwrap(), Given::StandardInput));
        assert!(matches!("@-".parse().unwrap(), Given::StandardInput));
        assert!(matches!("@./-".parse().unwrap(), Given::File(path) if path == Path::new("./-")));
        assert!(matches!("@@x".parse().unwrap(), Given::File(path) if path == Path::new("@x")));
        assert!("@".parse::<Given>().unwrap_err().contains("file"));
        assert_eq!(draft(r#""@x""#).text, r#""@x""#);
        assert_eq!(draft("-1").text, "-1");
    }

    #[test]
    fn an_argument_may_have_a_name() {
        let named = |text: &str| text.parse::<Word>().unwrap().name;
        assert_eq!(named("sep=\",\""), Some("sep".into()));
        assert_eq!(named("_n1=-"), Some("_n1".into()));
        assert_eq!(named(r#""sep=1""#), None);
        assert_eq!(named(r#"{"a=":"b="}"#), None);
        assert_eq!(draft("a=[1, \"=\"]").text, "[1, \"=\"]");
        for (text, hint) in [
            ("sep=,", r#"in the argument sep: not JSON"#),
            ("sep=,", r#"if it is meant as text, write '","'; if all of it is text, write '"sep=,"'"#),
            ("sep=", r#"write '"sep="'"#),
            ("1a=b", r#"write '"1a=b"'"#),
        ] {
            let error = text.parse::<Word>().unwrap_err();
            assert!(error.contains(hint), "{error}");
        }
    }

    #[test]
    fn values_are_read_up_to_the_limit() {
        assert!(read(io::repeat(b' ')).unwrap_err().contains("67108864 bytes"));
        assert!(read(&b"[\"\xff\"]"[..]).unwrap_err().contains("from byte 2 on"));
    }

    #[test]
    fn errors_say_how_to_quote_json() {
        let hints = [
            ("NaN", r#"as a float, write '{"$float":"nan"}'; as text, '"NaN"'"#),
            ("-Infinity", r#"write '{"$float":"-inf"}'"#),
            ("tea \"x\"", r#"write '"tea \"x\""'"#),
            ("it's", r#"write '"it'\''s"'"#),
            ("[1,", r#"such as '[1, "two"]'"#),
            ("\"two", r#"such as '"two words"'"#),
            (r#"{"$int": null}"#, "$int"),
            (
                r#"{"$key":5}"#,
                r#"exactly {"$key": "<key>"}; write a map with such a key as {"$map": [["$key", …], …]}"#,
            ),
            (r#"{"$key":"n2","x":1}"#, r#"exactly {"$key": "<key>"}"#),
        ];
        for (text, hint) in hints {
            let error = text.parse::<Word>().unwrap_err();
            assert!(error.contains(hint), "{error}");
        }
    }
}
