//! The tokens of a service: who may come in, and what each of them may do.

use super::file;
use super::permissions::Permissions;
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The variable that [`Tokens::from_env`] reads.
pub(super) const VARIABLE: &str = "TARMEM_TOKENS";

/// The fewest characters that a token has. Whoever guesses is not kept from that for long by anything but its length.
const SHORTEST: usize = 8;

/// What is said of every token that anybody could guess.
const RANDOM: &str = "give it a long random text, such as `openssl rand -hex 32` prints, or leave the tokens out if \
                      nobody is to be asked for one";

/// A token: whoever says it may come in. It goes by a name, which is not secret, and permits everything unless told
/// otherwise.
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
    /// Why its secret cannot be one.
    flaw: Option<String>,
    read_only: bool,
    prefixes: Option<Vec<String>>,
    modules: Option<Vec<String>>,
}

impl Token {
    /// A token that goes by `name`. Only a digest of `secret` is kept.
    pub fn new(name: impl Into<String>, secret: impl AsRef<str>) -> Self {
        let secret = secret.as_ref();
        Token { flaw: flaw_of(secret), ..Token::from_sha256(name, digest(secret)) }
    }

    /// A token of whose secret only the SHA-256 digest is known, as `printf %s SECRET | sha256sum` prints it.
    pub fn from_sha256(name: impl Into<String>, digest: [u8; 32]) -> Self {
        let flaw = flaw_of_digest(&digest).map(str::to_owned);
        Token { name: name.into(), digest, flaw, read_only: false, prefixes: None, modules: None }
    }

    /// Permits only what changes nothing: `get`, `keys`, `is_memoized`, `describe`, `remote_import`, `version`,
    /// snapshots, handles, and the `&self` methods of classes whose values can be encoded. (A resident class, such as a
    /// lock or a queue, keeps what changes behind `&self`.) No function or generator is run.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Permits only keys that begin with one of `prefixes`; with none, no key. An empty one, with which every key
    /// begins, is refused by [`Tokens::with`].
    pub fn prefixes<S: Into<String>>(mut self, prefixes: impl IntoIterator<Item = S>) -> Self {
        self.prefixes = Some(prefixes.into_iter().map(Into::into).collect());
        self
    }

    /// Permits only what is in these modules, and in those inside them: to import them, to run their functions and
    /// generators, and to send values of their classes. With none, nothing of that. Methods are not asked about: they
    /// come with the object.
    pub fn modules<S: Into<String>>(mut self, modules: impl IntoIterator<Item = S>) -> Self {
        self.modules = Some(modules.into_iter().map(Into::into).collect());
        self
    }

    /// `None` if it permits everything.
    pub(super) fn permissions(&self) -> Option<Permissions> {
        let Token { read_only, prefixes, modules, .. } = self;
        (*read_only || prefixes.is_some() || modules.is_some()).then(|| Permissions {
            read_only: *read_only,
            prefixes: prefixes.clone(),
            modules: modules.clone(),
        })
    }

    /// Why its permissions cannot be what was meant.
    fn flaw_of_permissions(&self) -> Option<&'static str> {
        let has = |list: &Option<Vec<String>>, odd: fn(&str) -> bool| list.iter().flatten().any(|item| odd(item));
        if has(&self.prefixes, str::is_empty) {
            return Some(
                "has an empty prefix, and every key begins with that; leave prefixes out to permit every key, or write \
                 [] to permit none",
            );
        }
        if has(&self.modules, |module| module.trim().is_empty()) {
            return Some(
                "has a module without a name, which is none; leave modules out to permit every module, or write [] to \
                 permit none",
            );
        }
        None
    }

    /// The same secret, and the same permissions: who came in by the one can stay by the other.
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

/// The tokens of a service. A service that has been given some, even none at all, asks everybody for one.
///
/// ```
/// use tarmem::{Token, Tokens};
///
/// let tokens = Tokens::new()
///     .with(Token::new("alice", "correct horse battery staple"))?
///     .with(Token::new("reports", "another long random text").read_only())?;
/// assert!(tokens.clone().with(Token::new("alice", "twice")).is_err());
/// # Ok::<(), tarmem::TokensError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    pub(super) tokens: Vec<Arc<Token>>,
}

/// Why there are no tokens to be had. It names the file and the line where there are such, and never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TokensError(pub(super) String);

impl Tokens {
    /// None: nobody can come in.
    pub fn new() -> Self {
        Tokens::default()
    }

    /// One more.
    ///
    /// # Errors
    /// If its name is empty, or another token has its name or its secret; if the secret is none (empty, white space,
    /// one character repeated, fewer than 8 characters), as far as a digest tells; or if one of its prefixes or modules
    /// is empty.
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

    /// Those of a file, in TOML:
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
    /// If the file cannot be read, or something in it makes no sense: then the error names the file and the line.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TokensError> {
        file::read(path.as_ref())
    }

    /// Those of the variable `TARMEM_TOKENS`: pairs `name:token`, with commas or spaces between them. Each permits
    /// everything. `None` if the variable is not set.
    ///
    /// # Errors
    /// If one of them is no such pair, or there is none: whoever sets the variable means to ask for something.
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

    /// These and those.
    ///
    /// # Errors
    /// If a name or a secret is in both.
    pub fn and(self, others: Tokens) -> Result<Self, TokensError> {
        others.tokens.into_iter().try_fold(self, |all, token| all.with(Arc::unwrap_or_clone(token)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Where the token is that has this secret. Every one is compared, to its end: how long that takes says nothing.
    pub(super) fn find(&self, secret: &str) -> Option<usize> {
        let given = digest(secret);
        let (mut found, mut at) = (Choice::from(0), 0);
        for (index, token) in (0u64..).zip(&self.tokens) {
            let same = token.digest.ct_eq(&given);
            at.conditional_assign(&index, same);
            found |= same;
        }
        // An empty secret is none, whatever digest somebody wrote down.
        (bool::from(found) && !secret.is_empty()).then(|| usize::try_from(at).ok()).flatten()
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Why a text is no secret, with the way to say what was meant. The text itself is not in it.
fn flaw_of(secret: &str) -> Option<String> {
    let mut characters = secret.chars();
    let Some(first) = characters.next() else { return Some(format!("is empty; {RANDOM}")) };
    if secret.trim().is_empty() {
        return Some(format!("is nothing but white space; {RANDOM}"));
    }
    if secret.trim() != secret {
        // A client reads its own from a file without the end of the line.
        let remedy = "take that away: clients read theirs without it";
        return Some(format!("begins or ends with white space; {remedy}"));
    }
    if characters.clone().all(|other| other == first) {
        return Some(format!("is one character, which anybody guesses; {RANDOM}"));
    }
    let count = characters.count() + 1;
    (count < SHORTEST).then(|| format!("has {count} characters, and {SHORTEST} are the fewest; {RANDOM}"))
}

/// The same, as far as a digest tells: it is that of nothing, of spaces, or of one character, with the end of a line or
/// without.
fn flaw_of_digest(given: &[u8; 32]) -> Option<&'static str> {
    let is = |text: &str| digest(text) == *given || digest(&format!("{text}\n")) == *given;
    if is("") {
        return Some(
            "is the digest of nothing; write what `printf %s TOKEN | sha256sum` prints, with the token for TOKEN",
        );
    }
    let spaces = (1..=64).any(|count| is(&" ".repeat(count)));
    let character = (0..=u8::MAX).any(|character| is(char::from(character).encode_utf8(&mut [0; 4])));
    (spaces || character).then_some(
        "is the digest of one character or of spaces, which anybody guesses; give it a long random text, and write \
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
    fn what_is_no_pair_is_told_without_its_secret() {
        for (pairs, part) in [
            ("alice", "pair 1 has no colon"),
            ("alice:one-or-other,hush", "pair 2 has no colon"),
            (":hush-hush", "needs a name"),
            ("alice:", "is empty"),
            ("alice:hush", "has 4 characters, and 8 are the fewest"),
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
    fn a_text_that_anybody_guesses_is_no_token() {
        for (secret, part) in [
            ("", "is empty"),
            (" ", "white space"),
            ("        \t\n", "white space"),
            ("x", "is one character"),
            ("ß", "is one character"),
            ("aaaaaaaaaaaaaaaa", "is one character"),
            ("1234567", "has 7 characters, and 8 are the fewest"),
            ("ßßßßßßé", "has 7 characters"),
        ] {
            refused(Token::new("a", secret), &[part, "openssl rand", "leave the tokens out"]);
        }
        for secret in [" a-long-random-text", "a-long-random-text\n", "\u{a0}a-long-random-text"] {
            refused(Token::new("a", secret), &["begins or ends with white space", "take that away"]);
        }
        for secret in ["12345678", "a long random text", "ßßßßßßßé"] {
            Tokens::new().with(Token::new("a", secret)).expect(secret);
        }
    }

    #[test]
    fn a_digest_of_what_anybody_guesses_is_no_token() {
        for nothing in ["", "\n"] {
            refused(Token::from_sha256("a", digest(nothing)), &["digest of nothing", "sha256sum"]);
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

    /// Whatever digest somebody wrote down.
    #[test]
    fn nothing_is_found_by_an_empty_secret() {
        let careless = Token { flaw: None, ..Token::from_sha256("careless", digest("")) };
        let tokens = Tokens::new().with(careless).expect("it is not looked at");
        assert_eq!(find(&tokens, ""), None);
    }

    /// Printed, and not asserted: no machine that does something else, too, is quiet enough. What makes it so is above:
    /// of a secret only its digest is compared, each to its end, with all tokens.
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
            // Without the tenth that was interrupted.
            times.truncate(times.len() * 9 / 10);
            let mean = times.iter().sum::<f64>() / times.len() as f64;
            let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / times.len() as f64;
            (mean, variance / times.len() as f64)
        });
        let t = (one.0 - other.0) / (one.1 + other.1).sqrt();
        println!("wrong in its first character: {:.0} ns; in its last: {:.0} ns; Welch's t is {t:.1}", one.0, other.0);
    }
}
