//! The limits of a service, each with its unit, default and range.

use super::units::{Amount, Unit, duration};
use std::fmt::Write;
use std::time::Duration;
use tarmem_remote::error::near_misses;

/// The description of one limit.
pub(super) struct Field {
    pub(super) name: &'static str,
    unit: Unit,
    /// The lines of its documentation.
    docs: &'static [&'static str],
    default: &'static str,
    /// The minimum and the maximum.
    range: [&'static str; 2],
    get: fn(&Limits) -> Amount,
    set: fn(&mut Limits, Amount),
}

/// Defines `Limits` and the description of each field.
macro_rules! limits {
    ($($(#[doc = $docs:literal])+ $name:ident: $unit:ident = $default:literal in $least:literal..=$most:literal;)+) => {
        /// The limits of a service.
        ///
        /// A call or connection that exceeds a limit gets an error that names the limit and its value; nothing else is
        /// affected.
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
                // A test checks that every default can be parsed.
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
    /// The maximum size of a frame, and so of an argument or result, in bytes.
    frame_bytes: Bytes = "16MiB" in "4KiB"..="2GiB";
    /// How long a frame may take from its first byte to its last.
    frame_time: Time = "1m" in "10ms"..="1day";
    /// The maximum size of a frame before a connection has opened a session, in bytes.
    handshake_frame_bytes: Bytes = "4KiB" in "256"..="1MiB";
    /// How long a connection may take to open its session, including the TLS handshake.
    handshake_time: Time = "10s" in "10ms"..="1h";
    /// The number of connections at a time.
    connections: Count = "10000" in "1"..="1000000";
    /// The number of connections that wait to be accepted, per listener. The system has its own limit (on Linux,
    /// net.core.somaxconn). A client that finds the queue full tries again after a second.
    listen_backlog: Count = "1024" in "1"..="65535";
    /// The number of calls of one session that have not been answered yet.
    calls_in_flight: Count = "65536" in "1"..="16777216";
    /// The number of generators, functions and methods of one session that run at a time on threads where they may
    /// block; further ones wait until one of them ends. (There are 512 such threads.)
    blocking_calls: Count = "64" in "1"..="512";
    /// The number of operations in one batch.
    batch_operations: Count = "4096" in "1"..="1048576";
    /// Bytes of results of one session that its client has not yet reported as received. Beyond the limit, its next
    /// calls wait until the client has received some. Results of calls that started before are kept, up to a quarter of
    /// held_bytes.
    uncollected_bytes: Bytes = "64MiB" in "4KiB"..="1TiB";
    /// The number of batches of results of one session that its client has not yet reported as received. Beyond the
    /// limit, its next calls wait until the client has received some.
    uncollected_batches: Count = "4096" in "16"..="1048576";
    /// Bytes of replies that one connection has not taken yet. Beyond the limit, the service does not read from the
    /// connection until it takes some.
    unsent_bytes: Bytes = "32MiB" in "4KiB"..="1TiB";
    /// Bytes of batches of one connection that wait for earlier ones. Beyond the limit, the service does not read from
    /// the connection until some are served.
    unserved_bytes: Bytes = "32MiB" in "4KiB"..="1TiB";
    /// Bytes of arguments of one session's waiting calls: as received, and in addition as decoded if they are decoded.
    waiting_bytes: Bytes = "64MiB" in "4KiB"..="1TiB";
    /// Bytes of results that clients have not yet reported as received, and of arguments of waiting calls, of all
    /// sessions.
    held_bytes: Bytes = "1GiB" in "64KiB"..="1PiB";
    /// Bytes of changes and results that are not on disk yet, of all sessions, for a service that keeps its data.
    /// Beyond the limit, the service reads from no connection until the disk has caught up.
    unsaved_bytes: Bytes = "64MiB" in "64KiB"..="1TiB";
    /// Bytes of data on disk: of keys, objects and sessions, and of the log. The files may take twice that. Beyond the
    /// limit, new objects and calls with more than 256 bytes of arguments are refused, and 8 MiB later all
    /// calls with arguments that change something. The same happens before the disk is full.
    data_bytes: Bytes = "1PiB" in "16MiB"..="1PiB";
    /// Bytes of decoded large arguments of running generators, async methods and other calls that may wait, of all
    /// sessions; at most 128 MiB of one session. Further calls wait 10 seconds for room, and are then refused.
    running_bytes: Bytes = "512MiB" in "64MiB"..="1PiB";
    /// The number of provisional results of one session (handles, locks, items) that its client has not acknowledged
    /// yet. Without an acknowledgement they are taken back.
    unacknowledged: Count = "1000000" in "1024"..="4294967295";
    /// The number of sessions at a time, with or without a connection.
    sessions: Count = "65536" in "1"..="16777216";
    /// How long a session is kept when its client is silent. Then its locks, waits and handles are released. A client
    /// sends something four times in this time.
    lease: Time = "10s" in "100ms"..="1day";
    /// The number of requests of one connection (batches, polls) that have not been answered yet.
    requests_in_flight: Count = "64" in "8"..="1048576";
    /// The number of keys.
    keys: Count = "4294967296" in "1"..="281474976710656";
    /// The number of handles to objects that one session may hold.
    handles: Count = "1000000" in "1"..="4294967295";
    /// The length of a key, in bytes.
    key_bytes: Bytes = "1KiB" in "1"..="64KiB";
    /// The length of the name of a module, class, method or function, in bytes.
    name_bytes: Bytes = "256" in "16"..="4KiB";
    /// The number of keys in one page of `keys`.
    page_keys: Count = "1000" in "1"..="100000";
    /// How long a generator may run before callers that wait for it get an error.
    generator_time: Time = "10m" in "1ms"..="365days";
    /// The default timeout of calls made within the service's process: by methods, generators and in-process sessions.
    /// (Clients have their own default, which is also 30 s.)
    call_time: Time = "30s" in "1ms"..="365days";
    /// How long running calls may take to finish after a shutdown has begun.
    shutdown_time: Time = "10s" in "0s"..="1day";
}

/// The error of a limit that does not exist or is set to an impossible value.
///
/// The message names the limit, its range and a remedy.
///
/// ```
/// let error = tarmem::Limits::default().set("connections", "0").unwrap_err();
/// assert_eq!(error.to_string(), "connections cannot be 0; give it 1 to 1000000");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LimitError(String);

impl Limits {
    /// Sets the limit called `name` to a value written as text: `16MiB`, `30s`, `10000`.
    ///
    /// # Errors
    /// If there is no such limit, or the value cannot be parsed or is out of the limit's range.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let field = FIELDS.iter().find(|field| field.name == name).ok_or_else(|| {
            let near = near_misses(name, FIELDS.iter().map(|field| field.name));
            let hint = match near.as_slice() {
                [] => "`tarmem serve --print-config` lists all limits".to_owned(),
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

    /// Checks that each limit is in its range. [`set`](Self::set) checks this, too, but the fields can be assigned
    /// directly.
    ///
    /// # Errors
    /// If a limit is out of its range; the error is about the first one that is.
    pub fn check(&self) -> Result<(), LimitError> {
        FIELDS.iter().try_for_each(|field| field.check((field.get)(self)))
    }

    /// All limits as TOML, as in the settings file, with comments: what each one limits, its unit and its default.
    pub(crate) fn to_toml(&self) -> String {
        let mut toml = String::new();
        for field in FIELDS {
            for line in field.docs {
                let _ = writeln!(toml, "#{line}");
            }
            let Field { name, unit, default, range: [least, most], get, .. } = field;
            // Writing to a `String` cannot fail.
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
    fn defaults_are_in_range_and_shown_as_they_are_written() {
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
    fn each_limit_can_be_set_to_its_bounds_and_not_beyond() {
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
    fn errors_have_one_line_with_the_remedy() {
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
