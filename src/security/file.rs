//! Reads the token file.

use super::secret::Secret;
use super::tokens::{Token, Tokens, TokensError};
use crate::config::{Problem, read_toml};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tokens: BTreeMap<Spanned<String>, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    token: Option<Secret>,
    token_sha256: Option<Secret>,
    #[serde(default)]
    read_only: bool,
    prefixes: Option<Vec<String>>,
    modules: Option<Vec<String>>,
}

pub(super) fn read(path: &Path) -> Result<Tokens, TokensError> {
    let tokens = read_toml(path, tokens_of).map_err(TokensError)?;
    warn_if_open(path);
    Ok(tokens)
}

fn tokens_of(text: &str) -> Result<Tokens, Problem> {
    let file: File = toml::from_str(text).map_err(|error| Problem::discreet(&error, text))?;
    let mut tokens = Tokens::new();
    for (name, entry) in file.tokens {
        let at = name.span().start;
        let name = name.into_inner();
        let token = match (entry.token, entry.token_sha256) {
            (Some(secret), None) => Ok(Token::new(&name, secret.expose())),
            (None, Some(digest)) => bytes_of(digest.expose())
                .map(|digest| Token::from_sha256(&name, digest))
                .ok_or_else(|| format!("the token_sha256 of {name:?} has to be 64 hexadecimal digits")),
            (Some(_), Some(_)) => Err(format!("{name:?} has both token and token_sha256; keep one")),
            (None, None) => Err(format!("{name:?} has no token; give it token = \"…\" or token_sha256 = \"…\"")),
        };
        let mut token = token.map_err(|problem| Problem::at(at, problem))?;
        if entry.read_only {
            token = token.read_only();
        }
        if let Some(prefixes) = entry.prefixes {
            token = token.prefixes(prefixes);
        }
        if let Some(modules) = entry.modules {
            token = token.modules(modules);
        }
        tokens = tokens.with(token).map_err(|TokensError(problem)| Problem::at(at, problem))?;
    }
    Ok(tokens)
}

fn bytes_of(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits: Vec<u8> = digits.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect::<Option<_>>()?;
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(bytes)
}

/// Logs a warning if every user of this host can read the file.
fn warn_if_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0) {
        tracing::warn!("{} can be read by every user of this host; chmod 600 it", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lists_tokens_and_their_permissions() {
        let text = r#"
            [tokens.alice]
            token = "open sesame"

            [tokens.reports]
            token_sha256 = "2BB80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
            read_only = true
            prefixes = ["app/"]
            modules = ["builtins"]
        "#;
        let tokens = tokens_of(text).expect("tokens");
        assert_eq!(tokens.find("open sesame"), Some(0));
        assert_eq!(tokens.find("secret"), Some(1));
        assert!(tokens.tokens[0].permissions().is_none());
        let reports = tokens.tokens[1].permissions().expect("restricted");
        assert!(reports.read_only);
        assert_eq!(reports.prefixes, Some(vec!["app/".to_owned()]));
        assert_eq!(reports.modules, Some(vec!["builtins".to_owned()]));
    }

    /// A token file with the digest that `printf "" | sha256sum` prints.
    const EMPTY: &str =
        "[tokens.a]\ntoken_sha256 = \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"";

    #[test]
    fn errors_name_the_line_and_never_the_secret() {
        let cases = [
            ("[tokens.a]\ntokn = \"hush\"", 2, "unknown field `tokn`"),
            ("[token.a]\ntoken = \"hush\"", 1, "unknown field `token`"),
            ("[tokens.a]\n\n[tokens.b]\ntoken = \"hush\"", 1, "\"a\" has no token"),
            ("[tokens.a]\ntoken = \"hush\"\ntoken_sha256 = \"00\"", 1, "keep one"),
            ("[tokens.a]\ntoken_sha256 = \"hush\"", 1, "64 hexadecimal digits"),
            ("[tokens.a]\ntoken = \"\"", 1, "is empty"),
            ("[tokens.a]\ntoken = 4711", 2, "between quotes"),
            ("[tokens.a]\ntoken = 4711.5", 2, "between quotes"),
            ("[tokens.a]\ntoken = hush", 2, ""),
            ("[tokens.a]\ntoken = \"hush", 2, ""),
            ("[tokens.a]\ntoken = 'hush\"", 2, ""),
            ("[tokens.a]\ntoken = [\"hush\"]", 2, ""),
            ("[tokens.a]\ntoken = { hush = 1 }", 2, ""),
            ("[tokens.a]\ntoken = 2001-01-01", 2, ""),
            ("[tokens.a]\nread_only = \"hush\"", 2, ""),
            ("[tokens.a]\ntoken = \"hush\"\ntoken = \"hush\"", 3, ""),
            ("[tokens.a]\ntoken = \"hush-hush\"\n[tokens.b]\ntoken = \"hush-hush\"", 3, "same token"),
            ("[tokens.a]\ntoken = \"hush\"", 1, "at least 8 are needed"),
            ("[tokens.a]\ntoken = \"   \"", 1, "white space"),
            ("\n[tokens.a]\ntoken = \"hush-hush\"\nprefixes = [\"\"]", 2, "leave prefixes out"),
            ("\n[tokens.a]\ntoken = \"hush-hush\"\nmodules = [\"\"]", 2, "leave modules out"),
            (EMPTY, 1, "digest of an empty text"),
        ];
        for (text, line, part) in cases {
            let error = tokens_of(text).expect_err(text).told("file", text);
            assert!(error.starts_with(&format!("file, line {line}: ")) && error.contains(part), "{text}: {error}");
            for secret in ["hush", "4711", "2001"] {
                assert!(!error.contains(secret), "{text}: {error}");
            }
        }
    }
}
