//! The tokens of a service: the secrets that open a session, and what each of them permits.

use super::file;
use super::permissions::Permissions;
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The variable that [`Tokens::from_env`] reads.
pub(super) const VARIABLE: &str = "TARMEM_TOKENS";

/// The minimum length of a token, in characters. In the long run only its length protects it from being guessed.
const SHORTEST: usize = 8;

/// The remedy for a token that is easy to guess.
const RANDOM: &str = "give it a long random text, such as `openssl rand -hex 32` prints, or leave the tokens out if \
                      clients need none";

/// A token: a secret that lets a client open a session, with a name and permissions.
///
/// The name is not secret. A token permits everything unless it is restricted by [`read_only`](Token::read_only),
/// [`prefixes`](Token::prefixes) or [`modules`](Token::modules).
///
/// ```
/// use tarmem::Token;
///
/// let reader = Token::new("reader", "a long random text").read_only().prefixes(["app/"]);
/// assert!(!format!("{reader:?}").contains("random"));
/// ```
#[derive(Clone)]
#[must_use = "a token is added to `Tokens`"]
pub struct Token {
    pub(super) name: String,
    digest: [u8; 32],
    /// Why the secret is not accepted, if it is not.
    flaw: Option<String>,
    read_only: bool,
    prefixes: Option<Vec<String>>,
    modules: Option<Vec<String>>,
}

impl Token {
    /// Creates a token with this name and secret. Only a digest of the secret is kept.
    pub fn new(name: impl Into<String>, secret: impl AsRef<str>) -> Self {
        let secret = secret.as_ref();
        Token { flaw: flaw_of(secret), ..Token::from_sha256(name, digest(secret)) }
    }

    /// Creates a token from the SHA-256 digest of its secret, which `printf %s SECRET | sha256sum` prints.
    pub fn from_sha256(name: impl Into<String>, digest: [u8; 32]) -> Self {
        let flaw = flaw_of_digest(&digest).map(str::to_owned);
        Token { name: name.into(), digest, flaw, read_only: false, prefixes: None, modules: None }
    }

    /// Permits only operations that change nothing: `get`, `keys`, `is_memoized`, `describe`, `remote_import`,
    /// `version`, snapshots, handles, and the `&self` methods of classes whose values can be encoded. Methods of
    /// resident classes, such as locks and queues, are not permitted, since they change behind `&self`; nor are
    /// functions and generators.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Permits only keys that begin with one of `prefixes`; no key at all if there are no prefixes. [`Tokens::with`]
    /// refuses an empty prefix, since every key begins with it.
    pub fn prefixes<S: Into<String>>(mut self, prefixes: impl IntoIterator<Item = S>) -> Self {
        self.prefixes = Some(prefixes.into_iter().map(Into::into).collect());
        self
    }

    /// Permits only these modules and those inside them: importing them, running their functions and generators, and
    /// sending values of their classes. An empty list permits none of this. Methods are not checked: whoever may use an
    /// object may call its methods.
    pub fn modules<S: Into<String>>(mut self, modules: impl IntoIterator<Item = S>) -> Self {
        self.modules = Some(modules.into_iter().map(Into::into).collect());
        self
    }

    /// What the token permits; `None` if it permits everything.
    pub(super) fn permissions(&self) -> Option<Permissions> {
        let Token { read_only, prefixes, modules, .. } = self;
        (*read_only || prefixes.is_some() || modules.is_some()).then(|| Permissions {
            read_only: *read_only,
            prefixes: prefixes.clone(),
            modules: modules.clone(),
        })
    }

    /// Why its permissions cannot be what was meant, if so.
    fn flaw_of_permissions(&self) -> Option<&'static str> {
        let has = |list: &Option<Vec<String>>, odd: fn(&str) -> bool| list.iter().flatten().any(|item| odd(item));
        if has(&self.prefixes, str::is_empty) {
            return Some(
                "has an empty prefix, with which every key begins; leave prefixes out to permit every key, or write \
                 [] to permit none",
            );
        }
        if has(&self.modules, |module| module.trim().is_empty()) {
            return Some(
                "lists a module without a name; leave modules out to permit every module, or write [] to permit none",
            );
        }
        None
    }

    /// Whether both have the same name, secret and permissions, so that sessions of the one can go on with the other.
    pub(super) fn is_as(&self, other: &Token) -> bool {
        self.name == other.name && self.digest == other.digest && self.permissions() == other.permissions()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("name", &self.name)
            .field("read_only", &self.read_only)
            .field("prefixes", &self.prefixes)
            .field("modules", &self.modules)
            .finish_non_exhaustive()
    }
}

/// The tokens of a service. A service with `Tokens`, even with an empty set, admits only clients that send one of them.
///
/// ```
/// use tarmem::{Token, Tokens};
///
/// let tokens = Tokens::new()
///     .with(Token::new("alice", "correct horse battery staple"))?
///     .with(Token::new("reports", "another long random text").read_only())?;
/// assert_eq!(tokens.len(), 2);
/// assert!(tokens.clone().with(Token::new("alice", "twice")).is_err());
/// # Ok::<(), tarmem::TokensError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    pub(super) tokens: Vec<Arc<Token>>,
}

/// The error of tokens that cannot be read or used.
///
/// The message names the file and the line, if the tokens come from a file, and never shows a secret.
///
/// ```
/// use tarmem::{Token, Tokens};
///
/// let error = Tokens::new().with(Token::new("alice", "secret")).unwrap_err();
/// assert!(error.to_string().contains("has 6 characters"));
/// assert!(!error.to_string().contains("secret"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TokensError(pub(super) String);

impl Tokens {
    /// Creates an empty set. A service with an empty set refuses every client.
    pub fn new() -> Self {
        Tokens::default()
    }

    /// Adds a token.
    ///
    /// # Errors
    /// If its name is empty, or another token has the same name or secret; if the secret is too easy to guess (empty,
    /// white space, one character repeated, fewer than 8 characters), as far as its digest shows this; or if one of its
    /// prefixes or modules is empty.
    pub fn with(mut self, token: Token) -> Result<Self, TokensError> {
        let name = &token.name;
        if name.is_empty() {
            return Err(TokensError("a token needs a name; give it one".to_owned()));
        }
        if let Some(flaw) = &token.flaw {
            return Err(TokensError(format!("the token of {name:?} {flaw}")));
        }
        if let Some(flaw) = token.flaw_of_permissions() {
            return Err(TokensError(format!("the token of {name:?} {flaw}")));
        }
        if self.tokens.iter().any(|other| other.name == *name) {
            return Err(TokensError(format!("there are two tokens called {name:?}; rename one")));
        }
        if let Some(other) = self.tokens.iter().find(|other| other.digest == token.digest) {
            let other = &other.name;
            return Err(TokensError(format!("{other:?} and {name:?} have the same token; give each its own")));
        }
        self.tokens.push(Arc::new(token));
        Ok(self)
    }

    /// Reads tokens from a TOML file:
    ///
    /// ```toml
    /// [tokens.alice]
    /// token = "a long random text"
    ///
    /// [tokens.reports]
    /// token_sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    /// read_only = true
    /// prefixes = ["app/"]
    /// modules = ["builtins"]
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read, or something in it is wrong. The error names the file and the line.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TokensError> {
        file::read(path.as_ref())
    }

    /// Reads tokens from the environment variable `TARMEM_TOKENS`: pairs `name:token`, separated by commas or white
    /// space. Each token permits everything. Returns `None` if the variable is not set.
    ///
    /// # Errors
    /// If the variable is set but contains no pair, or something that is not a pair, or a token that [`Tokens::with`]
    /// refuses.
    pub fn from_env() -> Result<Option<Self>, TokensError> {
        match std::env::var(VARIABLE) {
            Ok(pairs) if pairs.trim().is_empty() => {
                Err(TokensError(format!("{VARIABLE} is set and names no token; write name:token, or unset it")))
            }
            Ok(pairs) => pairs_of(&pairs).map(Some),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(TokensError(format!("{VARIABLE} is not UTF-8"))),
        }
    }

    /// Adds all tokens of `others`.
    ///
    /// # Errors
    /// If a name or a secret is in both.
    pub fn and(self, others: Tokens) -> Result<Self, TokensError> {
        others.tokens.into_iter().try_fold(self, |all, token| all.with(Arc::unwrap_or_clone(token)))
    }

    /// Returns the number of tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Returns `true` if there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Returns the index of the token with this secret. All tokens are compared, each to its end, so the time that this
    /// takes tells nothing about them.
    pub(super) fn find(&self, secret: &str) -> Option<usize> {
        let given = digest(secret);
        let (mut found, mut at) = (Choice::from(0), 0);
        for (index, token) in (0u64..).zip(&self.tokens) {
            let same = token.digest.ct_eq(&given);
            at.conditional_assign(&index, same);
            found |= same;
        }
        // An empty secret is never valid, even if its digest was given to `from_sha256`.
        (bool::from(found) && !secret.is_empty()).then(|| usize::try_from(at).ok()).flatten()
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Why `secret` is not accepted, with the remedy; the text itself is not shown. `None` if it is accepted.
fn flaw_of(secret: &str) -> Option<String> {
    let mut characters = secret.chars();
    let Some(first) = characters.next() else { return Some(format!("is empty; {RANDOM}")) };
    if secret.trim().is_empty() {
        return Some(format!("is only white space; {RANDOM}"));
    }
    if secret.trim() != secret {
        // A client that reads its token from a file strips the end of the line.
        let remedy = "remove that: clients strip it when they read their token from a file";
        return Some(format!("begins or ends with white space; {remedy}"));
    }
    if characters.clone().all(|other| other == first) {
        return Some(format!("is one character, perhaps repeated, which is easy to guess; {RANDOM}"));
    }
    let count = characters.count() + 1;
    (count < SHORTEST).then(|| format!("has {count} characters, and at least {SHORTEST} are needed; {RANDOM}"))
}

/// As [`flaw_of`], as far as a digest shows it: whether it is the digest of an empty text, of spaces, or of one
/// character, with or without the end of a line.
fn flaw_of_digest(given: &[u8; 32]) -> Option<&'static str> {
    let is = |text: &str| digest(text) == *given || digest(&format!("{text}\n")) == *given;
    if is("") {
        return Some(
            "is the digest of an empty text; write what `printf %s TOKEN | sha256sum` prints, with the token for TOKEN",
        );
    }
    let spaces = (1..=64).any(|count| is(&" ".repeat(count)));
    let character = (0..=u8::MAX).any(|character| is(char::from(character).encode_utf8(&mut [0; 4])));
    (spaces || character).then_some(
        "is the digest of one character or of spaces, which are easy to guess; give it a long random text, and write \
         what `printf %s TOKEN | sha256sum` prints, with that text for TOKEN",
    )
}

fn pairs_of(pairs: &str) -> Result<Tokens, TokensError> {
    let mut tokens = Tokens::new();
    let pairs = pairs.split(|c: char| c == ',' || c.is_whitespace()).filter(|pair| !pair.is_empty());
    for (index, pair) in pairs.enumerate() {
        let number = index + 1;
        let (name, secret) = pair.split_once(':').ok_or_else(|| {
            TokensError(format!("{VARIABLE}: pair {number} has no colon; write name:token, with commas between pairs"))
        })?;
        let token = Token::new(name, secret);
        tokens = tokens.with(token).map_err(|TokensError(error)| TokensError(format!("{VARIABLE}: {error}")))?;
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(tokens: &Tokens, secret: &str) -> Option<String> {
        tokens.find(secret).map(|index| tokens.tokens[index].name.clone())
    }

    #[test]
    fn pairs_are_found_by_their_secrets() {
        let tokens = pairs_of("alice:the-first, bob:the:second\ncarol:the-fourth").expect("pairs");
        assert_eq!(find(&tokens, "the-first").as_deref(), Some("alice"));
        assert_eq!(find(&tokens, "the:second").as_deref(), Some("bob"));
        assert_eq!(find(&tokens, "the-fourth").as_deref(), Some("carol"));
        for wrong in ["", "the", "The-first", "the-first ", "alice", "alice:the-first"] {
            assert_eq!(find(&tokens, wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn errors_of_pairs_do_not_show_the_secret() {
        for (pairs, part) in [
            ("alice", "pair 1 has no colon"),
            ("alice:one-or-other,hush", "pair 2 has no colon"),
            (":hush-hush", "needs a name"),
            ("alice:", "is empty"),
            ("alice:hush", "has 4 characters, and at least 8 are needed"),
            ("a:hush-hush,a:another-one", "two tokens called \"a\""),
            ("a:hush-hush,b:hush-hush", "\"a\" and \"b\" have the same token"),
        ] {
            let error = pairs_of(pairs).expect_err(pairs).to_string();
            assert!(error.contains(part) && error.contains(VARIABLE) && !error.contains("hush"), "{error}");
        }
    }

    fn refused(token: Token, parts: &[&str]) {
        let error = Tokens::new().with(token).expect_err("it is none").to_string();
        assert!(error.contains("\"a\"") && parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
    }

    #[test]
    fn tokens_that_are_easy_to_guess_are_refused() {
        for (secret, part) in [
            ("", "is empty"),
            (" ", "white space"),
            ("        \t\n", "white space"),
            ("x", "is one character"),
            ("ß", "is one character"),
            ("aaaaaaaaaaaaaaaa", "is one character"),
            ("1234567", "has 7 characters, and at least 8 are needed"),
            ("ßßßßßßé", "has 7 characters"),
        ] {
            refused(Token::new("a", secret), &[part, "openssl rand", "leave the tokens out"]);
        }
        for secret in [" a-long-random-text", "a-long-random-text\n", "\u{a0}a-long-random-text"] {
            refused(Token::new("a", secret), &["begins or ends with white space", "remove that"]);
        }
        for secret in ["12345678", "a long random text", "ßßßßßßßé"] {
            Tokens::new().with(Token::new("a", secret)).expect(secret);
        }
    }

    #[test]
    fn digests_of_tokens_that_are_easy_to_guess_are_refused() {
        for nothing in ["", "\n"] {
            refused(Token::from_sha256("a", digest(nothing)), &["digest of an empty text", "sha256sum"]);
        }
        for little in [" ", "  ", "        ", "x", "x\n", "7", "\0", "ß"] {
            refused(Token::from_sha256("a", digest(little)), &["one character or of spaces", "sha256sum"]);
        }
        Tokens::new().with(Token::from_sha256("a", digest("secret"))).expect("nobody can tell how long that was");
    }

    #[test]
    fn permissions_that_permit_everything_by_mistake_are_refused() {
        let token = || Token::new("a", "a long random text");
        refused(token().prefixes([""]), &["empty prefix", "leave prefixes out", "[]"]);
        refused(token().prefixes(["app/", ""]), &["empty prefix"]);
        refused(token().modules([""]), &["module without a name", "leave modules out", "[]"]);
        refused(token().modules(["builtins", " "]), &["module without a name"]);
        for token in [token().prefixes(["app/", " "]), token().prefixes([""; 0]), token().modules([""; 0])] {
            Tokens::new().with(token).expect("that can be meant");
        }
    }

    #[test]
    fn an_empty_secret_is_never_valid() {
        let careless = Token { flaw: None, ..Token::from_sha256("careless", digest("")) };
        let tokens = Tokens::new().with(careless).expect("its flaw is not set");
        assert_eq!(find(&tokens, ""), None);
    }

    /// Prints the times and does not compare them, since a machine that does other work is not quiet enough for that.
    /// The time is independent of the tokens because `find` compares only digests, all of them, each to its end.
    #[test]
    fn the_time_of_a_look_tells_nothing_about_the_token() {
        let right = "a-long-random-text-of-some-length";
        let tokens = (0..8).map(|n| Token::new(format!("t{n}"), format!("another-random-text-{n}")));
        let tokens =
            tokens.chain([Token::new("a", right)]).fold(Tokens::new(), |all, token| all.with(token).expect("new"));
        let (first, last) = (format!("X{}", &right[1..]), format!("{}X", &right[..right.len() - 1]));
        let mut times = [const { Vec::new() }; 2];
        for _ in 0..4_000 {
            for (times, guess) in times.iter_mut().zip([&first, &last]) {
                let begun = std::time::Instant::now();
                assert_eq!(tokens.find(std::hint::black_box(guess)), None);
                times.push(begun.elapsed().as_nanos() as f64);
            }
        }
        let [one, other] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            // The slowest tenth was interrupted by something else.
            times.truncate(times.len() * 9 / 10);
            let mean = times.iter().sum::<f64>() / times.len() as f64;
            let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / times.len() as f64;
            (mean, variance / times.len() as f64)
        });
        let t = (one.0 - other.0) / (one.1 + other.1).sqrt();
        println!("wrong in its first character: {:.0} ns; in its last: {:.0} ns; Welch's t is {t:.1}", one.0, other.0);
    }
}
