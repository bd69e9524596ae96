//! Makes text from outside harmless for people who read it.
//!
//! A key, a message or a value may contain characters that control a terminal, or that make a line look like another
//! one. All text for people (the output of the program, error messages, logs) is escaped here first.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character has to be escaped before people read it: the controls (C0, DEL and C1), characters that change
/// the direction of text, characters that end a line, and invisible characters, which could make two keys look alike.
/// In terms of Unicode's properties these are the categories `Cc`, `Cf`, `Zl` and `Zp`, and
/// `Default_Ignorable_Code_Point`. The characters that join several emoji, and those that select an emoji's form, are
/// therefore escaped, too; the parts stay readable.
///
/// ```
/// use tarmem_remote::escape::is_unsafe;
///
/// assert!(['\u{1b}', '\u{7f}', '\u{9b}', '\u{2028}', '\u{202e}', '\u{200b}', '\n'].into_iter().all(is_unsafe));
/// assert!(!['a', ' ', 'é', 'ש', '👍'].into_iter().any(is_unsafe));
/// ```
pub fn is_unsafe(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(
        category,
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    ) || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// The text on one line, with [unsafe](is_unsafe) characters escaped as in Rust: `\n`, `\u{1b}`.
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

/// Like [`escape`], but newlines and tabs are kept.
///
/// ```
/// use tarmem_remote::escape::escape_lines;
///
/// assert_eq!(escape_lines("one\n\ttwo\u{1b}"), "one\n\ttwo\\u{1b}");
/// ```
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_if(text, |c| is_unsafe(c) && c != '\n' && c != '\t')
}

fn escape_if(text: &str, escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    // Nearly always, nothing has to be escaped.
    if !text.contains(&escaped) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if escaped(c) {
            // Writing to a `String` never fails.
            let _ = write!(safe, "{}", Escaped(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Writes `\n`, `\r` and `\t` by name, and all other characters by number.
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

    /// Text with more unsafe characters than random text would have.
    fn any_text() -> impl Strategy<Value = String> {
        let unsafe_ones = prop::sample::select(vec![
            '\0',
            '\u{7}',
            '\u{8}',
            '\n',
            '\r',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{80}',
            '\u{85}',
            '\u{9b}',
            '\u{9f}',
            '\u{61c}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{2060}',
            '\u{180e}',
            '\u{fe0f}',
            '\u{600}',
            '\u{115f}',
            '\u{3164}',
            '\u{e0041}',
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
            // Safe characters are kept, in their order.
            let kept = |text: &str| text.chars().filter(|c| !is_unsafe(*c)).collect::<String>();
            if !text.contains(is_unsafe) {
                prop_assert_eq!(&*safe, &*text);
            }
            prop_assert!(kept(&safe).len() >= kept(&text).len());
        }

        /// Characters that the standard library escapes in `{:?}` cover nearly the same set: all that control a
        /// terminal, so a quoted name is harmless. Of the invisible characters, it does not escape the fillers, which
        /// are letters.
        #[test]
        fn what_is_quoted_is_safe(text in any_text()) {
            let quoted = format!("{text:?}");
            let is_filler = |c| matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
            prop_assert!(!quoted.contains(|c| is_unsafe(c) && !is_filler(c)), "{quoted}");
        }
    }

    #[test]
    fn invisible_characters_are_escaped_and_scripts_are_not() {
        for c in "\u{200b}\u{200d}\u{2060}\u{ad}\u{180e}\u{fe0f}\u{600}\u{115f}\u{3164}\u{ffa0}\u{34f}\u{17b4}".chars()
        {
            assert_eq!(escape(&format!("a{c}b")), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
        assert_eq!(escape("k\u{e0041}"), r"k\u{e0041}", "a tag");
        assert_eq!(escape("👩\u{200d}🚀"), "👩\\u{200d}🚀");
        for seen in
            ["naïve", "Ελληνικά", "日本語", "한국어", "हिन्दी", "العربية", "עברית", "ไทย", "e\u{301}", "👍🏽", "\u{a0}"]
        {
            assert_eq!(escape(seen), seen);
        }
    }
}
