//! The properties of characters that Python's `str` asks for. The tables are ICU4X's, so they belong to one version of
//! Unicode, whatever the compiler's is.

use icu_casemap::options::{LeadingAdjustment, TitlecaseOptions};
use icu_casemap::{CaseMapper, CaseMapperBorrowed};
use icu_locale_core::LanguageIdentifier;
use icu_properties::props::{
    BinaryProperty, CaseIgnorable, Cased, EnumeratedProperty, GeneralCategory, GeneralCategoryGroup, Lowercase,
    NumericType, Uppercase, XidContinue, XidStart,
};

const CASES: CaseMapperBorrowed<'static> = CaseMapper::new();

/// Returns whether it is a letter: of one of the categories `L…`.
pub(crate) fn is_alpha(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    GeneralCategoryGroup::Letter.contains(GeneralCategory::for_char(c))
}

/// Returns whether it is a decimal digit of any script.
pub(crate) fn is_decimal(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { NumericType::for_char(c) == NumericType::Decimal }
}

/// Returns the value of a decimal digit.
pub(crate) fn decimal_value(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).map(|digit| digit as u8);
    }
    if !is_decimal(c) {
        return None;
    }
    // The digits of a script are consecutive, from 0 to 9. Where several scripts' digits adjoin, each has ten.
    let before = (0..u32::from(c)).rev().take_while(|code| char::from_u32(*code).is_some_and(is_decimal)).count();
    Some((before % 10) as u8)
}

/// Returns whether it is a decimal digit, or one in another form, such as raised or in a circle.
pub(crate) fn is_digit(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    [NumericType::Decimal, NumericType::Digit].contains(&NumericType::for_char(c))
}

/// Returns whether it is a number of any kind: a digit, a fraction, a Roman numeral, an ideograph.
pub(crate) fn is_numeric(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { NumericType::for_char(c) != NumericType::None }
}

/// Returns whether it is upper case.
pub(crate) fn is_upper(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_uppercase() } else { Uppercase::for_char(c) }
}

/// Returns whether it is lower case.
pub(crate) fn is_lower(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_lowercase() } else { Lowercase::for_char(c) }
}

/// Returns whether it is two letters in one, of which the first is upper case: `ǅ`.
pub(crate) fn is_title(c: char) -> bool {
    !c.is_ascii() && GeneralCategory::for_char(c) == GeneralCategory::TitlecaseLetter
}

/// Returns whether it has upper and lower case.
pub(crate) fn is_cased(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { Cased::for_char(c) }
}

/// Returns whether it is a space, or a control character that counts as one.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// Returns whether the name of a variable can begin with it.
pub(crate) fn begins_identifier(c: char) -> bool {
    c == '_' || XidStart::for_char(c)
}

/// Returns whether the name of a variable can contain it.
pub(crate) fn continues_identifier(c: char) -> bool {
    XidContinue::for_char(c)
}

/// Returns whether `repr` shows it unescaped.
pub(crate) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let category = GeneralCategory::for_char(c);
    !GeneralCategoryGroup::Other.contains(category) && !GeneralCategoryGroup::Separator.contains(category)
}

/// Returns the text in upper case.
pub(crate) fn upper(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    CASES.uppercase_to_string(text, &LanguageIdentifier::UNKNOWN).into_owned()
}

/// Returns the text in lower case.
pub(crate) fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    CASES.lowercase_to_string(text, &LanguageIdentifier::UNKNOWN).into_owned()
}

/// Returns the text case-folded, for caseless comparison.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { CASES.fold_string(text).into_owned() }
}

/// Returns the character in upper case, which may be several characters.
pub(crate) fn upper_letter(c: char) -> Vec<char> {
    if c.is_ascii() { vec![c.to_ascii_uppercase()] } else { upper(c.encode_utf8(&mut [0; 4])).chars().collect() }
}

/// Returns the character as it is written at the beginning of a word.
pub(crate) fn title_letter(c: char) -> Vec<char> {
    if c.is_ascii() {
        return vec![c.to_ascii_uppercase()];
    }
    let mut options = TitlecaseOptions::default();
    options.leading_adjustment = Some(LeadingAdjustment::None);
    let mut buffer = [0; 4];
    let letter = c.encode_utf8(&mut buffer);
    let title = CASES.titlecase_segment_with_only_case_data_to_string(letter, &LanguageIdentifier::UNKNOWN, options);
    title.chars().collect()
}

/// Returns the character at `at` in lower case. A capital sigma depends on whether it ends a word.
pub(crate) fn lower_letter(text: &[char], at: usize) -> Vec<char> {
    match text[at] {
        c if c.is_ascii() => vec![c.to_ascii_lowercase()],
        'Σ' => vec![if ends_word(text, at) { 'ς' } else { 'σ' }],
        c => lower(c.encode_utf8(&mut [0; 4])).chars().collect(),
    }
}

/// Returns whether there are letters before and none after, as Unicode's `Final_Sigma` defines it.
fn ends_word(text: &[char], at: usize) -> bool {
    let ignored = |c: &&char| CaseIgnorable::for_char(**c);
    let before = text[..at].iter().rev().find(|c| !ignored(c));
    let after = text[at + 1..].iter().find(|c| !ignored(c));
    before.is_some_and(|c| is_cased(*c)) && !after.is_some_and(|c| is_cased(*c))
}
