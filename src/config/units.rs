//! Parses and shows amounts: `16MiB`, `30s`, `10000`.

use bytesize::ByteSize;
use std::time::Duration;

/// The unit of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Bytes,
    /// A number of things.
    Count,
    Time,
}

/// An amount: a number of bytes, of things, or of nanoseconds.
pub(super) type Amount = u128;

impl Unit {
    /// The unit's name.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Unit::Bytes => "bytes",
            Unit::Count => "a number",
            Unit::Time => "time",
        }
    }

    /// Examples of amounts as they are written.
    pub(super) fn examples(self) -> &'static str {
        match self {
            Unit::Bytes => "64KiB, 16MiB or a number of bytes",
            Unit::Count => "10000",
            Unit::Time => "500ms, 30s or 10m",
        }
    }

    /// Parses what [`show`](Self::show) writes, and other usual notations.
    pub(super) fn parse(self, text: &str) -> Option<Amount> {
        let text = text.trim();
        let digits = || text.replace('_', "").parse::<u64>().ok().map(Amount::from);
        match self {
            Unit::Bytes => digits().or_else(|| Some(text.parse::<ByteSize>().ok()?.as_u64().into())),
            Unit::Count => digits(),
            Unit::Time => Some(humantime::parse_duration(text).ok()?.as_nanos()),
        }
    }

    /// The exact amount as text, which [`parse`](Self::parse) understands.
    pub(super) fn show(self, amount: Amount) -> String {
        const BINARY: [(u32, &str); 5] = [(50, "PiB"), (40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        match self {
            Unit::Bytes => BINARY
                .into_iter()
                .find(|(shift, _)| amount != 0 && amount.trailing_zeros() >= *shift)
                .map_or_else(|| amount.to_string(), |(shift, unit)| format!("{}{unit}", amount >> shift)),
            Unit::Count => amount.to_string(),
            Unit::Time => humantime::format_duration(duration(amount)).to_string(),
        }
    }

    /// The amount as a TOML value.
    pub(super) fn toml(self, amount: Amount) -> String {
        match self {
            Unit::Count => self.show(amount),
            Unit::Bytes | Unit::Time => format!("{:?}", self.show(amount)),
        }
    }
}

/// A duration of `nanos` nanoseconds; the longest possible one if they are too many.
pub(super) fn duration(nanos: Amount) -> Duration {
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    // A remainder of the division by a billion always fits.
    Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_parsed_in_usual_notations() {
        let cases = [
            (Unit::Bytes, "16MiB", Some(16 << 20)),
            (Unit::Bytes, "16 MiB", Some(16 << 20)),
            (Unit::Bytes, "1.5KiB", Some(1536)),
            (Unit::Bytes, "2kB", Some(2000)),
            (Unit::Bytes, "4096", Some(4096)),
            (Unit::Bytes, "-1", None),
            (Unit::Bytes, "much", None),
            (Unit::Count, "10_000", Some(10_000)),
            (Unit::Count, "10k", None),
            (Unit::Time, "30s", Some(30_000_000_000)),
            (Unit::Time, "1m 30s", Some(90_000_000_000)),
            (Unit::Time, "250ms", Some(250_000_000)),
            (Unit::Time, "30", None),
            (Unit::Time, "", None),
        ];
        for (unit, text, amount) in cases {
            assert_eq!(unit.parse(text), amount, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn shown_amounts_parse(bytes: u64, count: u64, seconds in 0u64..1 << 40, nanos in 0u128..1_000_000_000) {
            let time = u128::from(seconds) * 1_000_000_000 + nanos;
            for (unit, amount) in [(Unit::Bytes, bytes.into()), (Unit::Count, count.into()), (Unit::Time, time)] {
                prop_assert_eq!(unit.parse(&unit.show(amount)), Some(amount), "{}", unit.show(amount));
            }
        }
    }
}
