//! Each limit with its unit, its default and its range.

use super::units::{Amount, Unit, duration};
use std::fmt::Write;
use std::time::Duration;
use tarmem_remote::error::near_misses;

/// A limit, as people see it.
pub(super) struct Field {
    pub(super) name: &'static str,
    unit: Unit,
    /// What it limits.
    docs: &'static [&'static str],
    default: &'static str,
    /// The least and the most that it can be.
    range: [&'static str; 2],
    get: fn(&Limits) -> Amount,
    set: fn(&mut Limits, Amount),
}

/// Makes the struct and all that is known about its fields out of one line for each.
macro_rules! limits {
    ($($(#[doc = $docs:literal])+ $name:ident: $unit:ident = $default:literal in $least:literal..=$most:literal;)+) => {
        /// The limits of a service. Over a limit, a call or connection gets an error that names the limit and its
        /// value; nothing else is affected.
        ///
        /// ```
        /// let mut limits = tarmem::Limits::default();
        /// limits.connections = 100;
        /// limits.set("frame_bytes", "1MiB")?;
        /// assert_eq!(limits.frame_bytes, 1 << 20);
        /// assert!(limits.set("frame_bytes", "1B").is_err());
        /// # Ok::<(), tarmem::LimitError>(())
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $(
                $(#[doc = $docs])+
                #[doc = concat!("\n\nDefault `", $default, "`; `", $least, "` to `", $most, "`.")]
                pub $name: limits!(@type $unit),
            )+
        }

        impl Default for Limits {
            fn default() -> Self {
                // Each default can be read: a test sees to that.
                Limits { $($name: limits!(@from $unit, Unit::$unit.parse($default).unwrap_or_default())),+ }
            }
        }

        pub(super) const FIELDS: &[Field] = &[$(Field {
            name: stringify!($name),
            unit: Unit::$unit,
            docs: &[$($docs),+],
            default: $default,
            range: [$least, $most],
            get: |limits| limits!(@into $unit, limits.$name),
            set: |limits, amount| limits.$name = limits!(@from $unit, amount),
        }),+];
    };
    (@type Time) => { Duration };
    (@type $unit:ident) => { usize };
    (@from Time, $amount:expr) => { duration($amount) };
    (@from $unit:ident, $amount:expr) => { usize::try_from($amount).unwrap_or(usize::MAX) };
    (@into Time, $value:expr) => { $value.as_nanos() };
    (@into $unit:ident, $value:expr) => { $value as Amount };
}

limits! {
    /// The largest frame, and so the largest argument or result, in bytes.
    frame_bytes: Bytes = "16MiB" in "4KiB"..="2GiB";
    /// How long a frame may take from its first byte to its last.
    frame_time: Time = "1m" in "10ms"..="1day";
    /// The largest frame before a connection has opened a session, in bytes.
    handshake_frame_bytes: Bytes = "4KiB" in "256"..="1MiB";
    /// How long a connection may take to open its session; the TLS handshake is part of that.
    handshake_time: Time = "10s" in "10ms"..="1h";
    /// Connections at one time.
    connections: Count = "10000" in "1"..="1000000";
    /// Connections in the line of each listener that are still to be accepted. The system has a limit of its own (on
    /// Linux, net.core.somaxconn); who finds the line full tries again after a second.
    listen_backlog: Count = "1024" in "1"..="65535";
    /// Calls of one session that have not been answered yet.
    calls_in_flight: Count = "65536" in "1"..="16777216";
    /// Generators, functions and methods of one session that run at one time on threads where they may block; more wait
    /// until one of those is done. (There are 512 such threads.)
    blocking_calls: Count = "64" in "1"..="512";
    /// Operations in one batch.
    batch_operations: Count = "4096" in "1"..="1048576";
    /// Bytes of results of one session that its client has not said it has received; beyond that its next calls wait
    /// until it has received some. The results of those that began before are kept, up to a quarter of held_bytes.
    uncollected_bytes: Bytes = "64MiB" in "4KiB"..="1TiB";
    /// Batches of results of one session that its client has not said it has received; beyond that its next calls wait
    /// until it has received some.
    uncollected_batches: Count = "4096" in "16"..="1048576";
    /// Bytes of replies of one connection that it has not taken yet; beyond that it is not read from until it takes
    /// some.
    unsent_bytes: Bytes = "32MiB" in "4KiB"..="1TiB";
    /// Bytes of batches of one connection that wait for those before them; beyond that it is not read from until some
    /// are served.
    unserved_bytes: Bytes = "32MiB" in "4KiB"..="1TiB";
    /// Bytes of arguments of one session's calls that wait, as they came, and with what they take decoded where they
    /// are.
    waiting_bytes: Bytes = "64MiB" in "4KiB"..="1TiB";
    /// Bytes of all sessions' results that were not received, and of arguments of calls that wait.
    held_bytes: Bytes = "1GiB" in "64KiB"..="1PiB";
    /// Bytes that the large arguments of generators, async methods and other calls that may wait take decoded while
    /// these run, of all sessions; 128 MiB at most for one session. More wait for room for 10 seconds, and are refused
    /// then.
    running_bytes: Bytes = "512MiB" in "64MiB"..="1PiB";
    /// Results of one session that are taken back unless its client says that it has them (handles, locks, items), of
    /// which it has not said so yet.
    unacknowledged: Count = "1000000" in "1024"..="4294967295";
    /// Sessions at one time, with a connection or without.
    sessions: Count = "65536" in "1"..="16777216";
    /// How long a session is kept of whose client nothing is heard: then its locks, waits and handles are given up. Its
    /// client is heard four times as often.
    lease: Time = "10s" in "100ms"..="1day";
    /// Requests of one connection (batches, polls) that have not been answered yet.
    requests_in_flight: Count = "64" in "8"..="1048576";
    /// Keys.
    keys: Count = "4294967296" in "1"..="281474976710656";
    /// Handles to objects that one session may hold.
    handles: Count = "1000000" in "1"..="4294967295";
    /// The length of a key, in bytes.
    key_bytes: Bytes = "1KiB" in "1"..="64KiB";
    /// The length of the name of a module, class, method or function, in bytes.
    name_bytes: Bytes = "256" in "16"..="4KiB";
    /// Keys in one page of `keys`.
    page_keys: Count = "1000" in "1"..="100000";
    /// How long a generator may run before those who wait for it are told that it takes too long.
    generator_time: Time = "10m" in "1ms"..="365days";
    /// How long a call may take that is made in the service's own process, by a method, a generator or a session there,
    /// and does not say. (Clients have a default of their own, 30 s too.)
    call_time: Time = "30s" in "1ms"..="365days";
    /// How long what runs may go on after a shutdown was asked for.
    shutdown_time: Time = "10s" in "0s"..="1day";
}

/// A limit that cannot be so. The error names it, its range and a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LimitError(String);

impl Limits {
    /// Sets the limit called `name`, by what a person writes: `16MiB`, `30s`, `10000`.
    ///
    /// # Errors
    /// If there is no such limit, or it cannot be that.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let field = FIELDS.iter().find(|field| field.name == name).ok_or_else(|| {
            let near = near_misses(name, FIELDS.iter().map(|field| field.name));
            let hint = match near.as_slice() {
                [] => "`tarmem serve --print-config` shows all that there are".to_owned(),
                near => format!("did you mean {}?", near.join(" or ")),
            };
            LimitError(format!("there is no limit called {name:?}; {hint}"))
        })?;
        let amount = field.unit.parse(value).ok_or_else(|| {
            LimitError(format!("{name} cannot be {value:?}; write it like {}", field.unit.examples()))
        })?;
        field.check(amount)?;
        (field.set)(self, amount);
        Ok(())
    }

    /// Whether each of them is in its range: fields can be set to anything.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), LimitError> {
        FIELDS.iter().try_for_each(|field| field.check((field.get)(self)))
    }

    /// All of them, as the file has them: what each limits, its unit, its default, and what it is now.
    pub(crate) fn to_toml(&self) -> String {
        let mut toml = String::new();
        for field in FIELDS {
            for line in field.docs {
                let _ = writeln!(toml, "#{line}");
            }
            let Field { name, unit, default, range: [least, most], get, .. } = field;
            // A text takes anything that is written to it.
            let _ = writeln!(toml, "# Unit: {}. Default: {default}; {least} to {most}.", unit.describe());
            let _ = writeln!(toml, "{name} = {}", unit.toml(get(self)));
        }
        toml
    }
}

impl Field {
    fn check(&self, amount: Amount) -> Result<(), LimitError> {
        let Field { name, unit, range: [least, most], .. } = *self;
        let (low, high) = (unit.parse(least), unit.parse(most));
        if low.is_none_or(|low| low <= amount) && high.is_none_or(|high| amount <= high) {
            return Ok(());
        }
        Err(LimitError(format!("{name} cannot be {}; give it {least} to {most}", unit.show(amount))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_default_is_in_its_range_and_shown_as_it_is_written() {
        let limits = Limits::default();
        limits.check().expect("in range");
        for field in FIELDS {
            let amount = (field.get)(&limits);
            assert_eq!(field.unit.parse(field.default), Some(amount), "{}", field.name);
            assert_eq!(field.unit.show(amount), field.default, "{}", field.name);
            for bound in field.range {
                assert!(field.unit.parse(bound).is_some(), "{}: {bound}", field.name);
            }
            assert!(field.docs.iter().all(|line| line.starts_with(' ')), "{}", field.name);
        }
    }

    #[test]
    fn each_can_be_set_to_its_bounds_and_not_beyond() {
        for field in FIELDS {
            for bound in field.range {
                let mut limits = Limits::default();
                limits.set(field.name, bound).expect("in range");
                assert_eq!(Some((field.get)(&limits)), field.unit.parse(bound), "{}", field.name);
                limits.check().expect("in range");
            }
            let beyond = field.unit.parse(field.range[1]).expect("readable") + 1;
            let error = Limits::default().set(field.name, &field.unit.show(beyond)).expect_err("out of range");
            for part in [field.name, field.range[0], field.range[1]] {
                assert!(error.to_string().contains(part), "{error}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_told_in_one_line() {
        let cases = [
            ("fram_bytes", "1MiB", "did you mean frame_bytes"),
            ("xyzzy", "1", "--print-config"),
            ("frame_bytes", "much", "frame_bytes cannot be \"much\"; write it like 64KiB"),
            ("frame_bytes", "5s", "64KiB"),
            ("handshake_time", "30", "write it like 500ms"),
            ("connections", "0", "connections cannot be 0; give it 1 to 1000000"),
            ("connections", "-1", "10000"),
        ];
        for (name, value, part) in cases {
            let error = Limits::default().set(name, value).expect_err(name).to_string();
            assert!(error.contains(part) && !error.contains('\n'), "{error}");
        }
    }
}
