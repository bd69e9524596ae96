//! What Unicode says of characters, where Python's `str` asks it. The tables are ICU4X's, and so of one version of
//! Unicode whatever the compiler's is.

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

/// Returns whether it is a decimal digit of whatever script.
pub(crate) fn is_decimal(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { NumericType::for_char(c) == NumericType::Decimal }
}

/// Which decimal digit it is.
pub(crate) fn decimal_value(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).map(|digit| digit as u8);
    }
    if !is_decimal(c) {
        return None;
    }
    // The digits of a script stand together, from 0 to 9; where several rows of them adjoin, each has ten.
    let before = (0..u32::from(c)).rev().take_while(|code| char::from_u32(*code).is_some_and(is_decimal)).count();
    Some((before % 10) as u8)
}

/// Returns whether it is a decimal digit, or one in another form: raised, in a circle.
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

/// Returns whether it is a capital.
pub(crate) fn is_upper(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_uppercase() } else { Uppercase::for_char(c) }
}

/// Returns whether it is a small letter.
pub(crate) fn is_lower(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_lowercase() } else { Lowercase::for_char(c) }
}

/// Returns whether it is two letters in one, of which the first is a capital: `ǅ`.
pub(crate) fn is_title(c: char) -> bool {
    !c.is_ascii() && GeneralCategory::for_char(c) == GeneralCategory::TitlecaseLetter
}

/// Returns whether there are capitals and small letters of its kind.
pub(crate) fn is_cased(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { Cased::for_char(c) }
}

/// Returns whether it is a space, or controls as one.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// Returns whether the name of a variable may begin with it.
pub(crate) fn begins_identifier(c: char) -> bool {
    c == '_' || XidStart::for_char(c)
}

/// Returns whether it may stand in the name of a variable.
pub(crate) fn continues_identifier(c: char) -> bool {
    XidContinue::for_char(c)
}

/// Returns whether `repr` writes it as itself.
pub(crate) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let category = GeneralCategory::for_char(c);
    !GeneralCategoryGroup::Other.contains(category) && !GeneralCategoryGroup::Separator.contains(category)
}

/// Returns all capitals.
pub(crate) fn upper(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    CASES.uppercase_to_string(text, &LanguageIdentifier::UNKNOWN).into_owned()
}

/// Returns all small letters.
pub(crate) fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    CASES.lowercase_to_string(text, &LanguageIdentifier::UNKNOWN).into_owned()
}

/// Small letters, and what is written otherwise but reads the same: for comparing without regard to case.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { CASES.fold_string(text).into_owned() }
}

/// One character as a capital, which may be several.
pub(crate) fn upper_letter(c: char) -> Vec<char> {
    if c.is_ascii() { vec![c.to_ascii_uppercase()] } else { upper(c.encode_utf8(&mut [0; 4])).chars().collect() }
}

/// One character at the beginning of a word.
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

/// Returns the character at `at` as a small letter: for a capital sigma, the one that stands at the end of a word or
/// the other.
pub(crate) fn lower_letter(text: &[char], at: usize) -> Vec<char> {
    match text[at] {
        c if c.is_ascii() => vec![c.to_ascii_lowercase()],
        'Σ' => vec![if ends_word(text, at) { 'ς' } else { 'σ' }],
        c => lower(c.encode_utf8(&mut [0; 4])).chars().collect(),
    }
}

/// Returns whether there are letters before and none after, as Unicode's Final_Sigma has it.
fn ends_word(text: &[char], at: usize) -> bool {
    let ignored = |c: &&char| CaseIgnorable::for_char(**c);
    let before = text[..at].iter().rev().find(|c| !ignored(c));
    let after = text[at + 1..].iter().find(|c| !ignored(c));
    before.is_some_and(|c| is_cased(*c)) && !after.is_some_and(|c| is_cased(*c))
}
