//! Text that comes from outside, made harmless for whoever reads it.
//!
//! A key, a message or a value may hold characters that a terminal obeys, or that make a line look like another one. Whatever
//! people read (the output of the program, error messages, logs) goes through here first.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character is to be escaped before people read it: the controls (C0, DEL and C1), those that change the
/// direction of text, those that end a line, and marks that nobody sees.
///
/// ```
/// use tarmem_remote::escape::is_unsafe;
///
/// assert!(['\u{1b}', '\u{7f}', '\u{9b}', '\u{2028}', '\u{202e}', '\n'].into_iter().all(is_unsafe));
/// assert!(!['a', ' ', 'é', 'ש', '👍'].into_iter().any(is_unsafe));
/// ```
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
        )
}

/// The text on one line, with what [is unsafe](is_unsafe) escaped as Rust does: `\n`, `\u{1b}`.
///
/// ```
/// use tarmem_remote::escape::escape;
///
/// assert_eq!(escape("red \u{1b}[31m\n"), r"red \u{1b}[31m\n");
/// assert_eq!(escape("plain"), "plain");
/// ```
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_if(text, is_unsafe)
}

/// As [`escape`], and lines and tabs stay as they are.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_if(text, |c| is_unsafe(c) && c != '\n' && c != '\t')
}

fn escape_if(text: &str, escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    // Nearly always nothing is.
    if !text.contains(&escaped) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if escaped(c) {
            // To a string it never fails.
            let _ = write!(safe, "{}", Escaped(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// `\n`, `\r` and `\t` by their names, all else by its number.
struct Escaped(char);

impl std::fmt::Display for Escaped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            c @ ('\n' | '\r' | '\t') => c.escape_default().fmt(f),
            c => c.escape_unicode().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Text with more of what is unsafe than chance would have it.
    fn any_text() -> impl Strategy<Value = String> {
        let unsafe_ones = prop::sample::select(vec![
            '\0', '\u{7}', '\u{8}', '\n', '\r', '\t', '\u{1b}', '\u{7f}', '\u{80}', '\u{85}', '\u{9b}', '\u{9f}',
            '\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}',
            '\u{feff}',
        ]);
        prop::collection::vec(prop_oneof![unsafe_ones, any::<char>()], 0..40)
            .prop_map(|text| text.into_iter().collect())
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left(text in any_text()) {
            let safe = escape(&text);
            prop_assert!(!safe.contains(is_unsafe), "{safe:?}");
            prop_assert_eq!(safe.lines().count() > 1, false);
            let lines = escape_lines(&text);
            prop_assert!(!lines.contains(|c| is_unsafe(c) && c != '\n' && c != '\t'), "{lines:?}");
            prop_assert_eq!(lines.matches('\n').count(), text.matches('\n').count());
            // What is safe stays, in its order.
            let kept = |text: &str| text.chars().filter(|c| !is_unsafe(*c)).collect::<String>();
            if !text.contains(is_unsafe) {
                prop_assert_eq!(&*safe, &*text);
            }
            prop_assert!(kept(&safe).len() >= kept(&text).len());
        }

        /// What the standard library does not show as it is in `{:?}` is no less than this, so that a quoted name is safe.
        #[test]
        fn what_is_quoted_is_safe(text in any_text()) {
            let quoted = format!("{text:?}");
            prop_assert!(!quoted.contains(is_unsafe), "{quoted}");
        }
    }
}
