//! Where a service listens: the options that say it, and how they override the settings file.

use super::arguments::{host, path, port};
use super::output::{Failure, wrong};
use crate::config::Place;
use clap::Args;
use clap::error::ErrorKind;
use std::path::PathBuf;

/// The host if neither the options nor the file name one.
const DEFAULT_HOST: &str = "0.0.0.0";

/// The options that say where to listen.
#[derive(Args, Debug, Default)]
pub(super) struct ListenOptions {
    /// The host or address to listen on, instead of those in the file; to admit clients from other hosts, also give
    /// --tokens, --tls-client-ca or --unprotected [default: 0.0.0.0, unless --unix is given without --port]
    #[arg(long, value_parser = host)]
    host: Option<String>,

    /// The port to listen on, instead of those in the file; 0 takes any free one. If the file lists only Unix sockets,
    /// --host is needed, too [default: 0]
    #[arg(long, value_parser = port)]
    port: Option<u16>,

    /// Listen on this Unix socket, instead of those in the file; on TCP only if --host, --port or the file says so
    #[arg(long, value_name = "PATH", value_parser = path)]
    unix: Option<PathBuf>,
}

impl ListenOptions {
    /// Combines the options with the places in the file. The result is not empty.
    ///
    /// # Errors
    /// If there is a port without a host, and the file has no host either.
    pub(super) fn settle(self, file: Option<Vec<Place>>) -> Result<Vec<Place>, Failure> {
        let mut places = file.unwrap_or_default();
        let anew = self.host.is_some() || self.port.is_some();
        if anew {
            if !places.iter().any(|place| matches!(place, Place::Tcp { .. })) {
                if self.host.is_none() && !places.is_empty() {
                    // Nobody asked to listen on all addresses of this machine.
                    let message = "--port needs --host, too: the file listens on Unix sockets only; give --host \
                                   127.0.0.1 for this machine, or --host 0.0.0.0 for all of its addresses";
                    return Err(wrong(ErrorKind::MissingRequiredArgument, message));
                }
                places.insert(0, Place::Tcp { host: DEFAULT_HOST.to_owned(), port: 0 });
            }
            for place in &mut places {
                if let Place::Tcp { host, port } = place {
                    *host = self.host.as_ref().unwrap_or(host).clone();
                    *port = self.port.unwrap_or(*port);
                }
            }
        }
        if let Some(path) = self.unix {
            places.retain(|place| !matches!(place, Place::Unix(_)));
            places.push(Place::Unix(path));
        }
        if places.is_empty() {
            places.push(Place::Tcp { host: DEFAULT_HOST.to_owned(), port: 0 });
        }
        let mut settled: Vec<Place> = Vec::with_capacity(places.len());
        for place in places {
            // A host and port can be bound only once, but a free port as often as the file asks for one.
            let any_port = !anew && matches!(place, Place::Tcp { port: 0, .. });
            if any_port || !settled.contains(&place) {
                settled.push(place);
            }
        }
        Ok(settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(options: &str, file: Option<&[&str]>) -> Vec<String> {
        let mut given = ListenOptions::default();
        for option in options.split_whitespace() {
            match option.split_once('=').expect("NAME=VALUE") {
                ("host", host) => given.host = Some(host.to_owned()),
                ("port", port) => given.port = Some(port.parse().expect("a port")),
                (_, path) => given.unix = Some(path.into()),
            }
        }
        let file = file.map(|places| places.iter().map(|place| place.parse().expect("a place")).collect());
        match given.settle(file) {
            Ok(places) => places.iter().map(Place::to_string).collect(),
            Err(failure) => vec![failure.to_string()],
        }
    }

    #[test]
    fn each_option_overrides_its_part_of_the_file() {
        /// The options, the places in the file, and the result.
        type Case<'a> = (&'a str, Option<&'a [&'a str]>, &'a [&'a str]);
        let both: &[&str] = &["127.0.0.1:1", "unix:/a"];
        let cases: [Case; 16] = [
            ("", None, &["0.0.0.0:0"]),
            ("port=7", None, &["0.0.0.0:7"]),
            ("host=h", None, &["h:0"]),
            ("unix=/b", None, &["unix:/b"]),
            ("unix=/b port=7", None, &["0.0.0.0:7", "unix:/b"]),
            ("", Some(both), both),
            ("port=7", Some(both), &["127.0.0.1:7", "unix:/a"]),
            ("host=::1", Some(both), &["[::1]:1", "unix:/a"]),
            ("unix=/b", Some(both), &["127.0.0.1:1", "unix:/b"]),
            ("host=h port=7 unix=/b", Some(both), &["h:7", "unix:/b"]),
            ("unix=/b", Some(&["unix:/a"]), &["unix:/b"]),
            ("host=h", Some(&["unix:/a"]), &["h:0", "unix:/a"]),
            ("port=7", Some(&["127.0.0.1:1", "127.0.0.1:2", "[::1]:1"]), &["127.0.0.1:7", "[::1]:7"]),
            ("", Some(&["h:0", "h:0", "h:1", "h:1"]), &["h:0", "h:0", "h:1"]),
            ("host=::1", Some(&["127.0.0.1:0", "h:0", "unix:/a"]), &["[::1]:0", "unix:/a"]),
            ("port=0", Some(&["h:1", "h:2"]), &["h:0"]),
        ];
        for (options, file, expected) in cases {
            assert_eq!(settled(options, file), expected, "{options} over {file:?}");
        }
    }

    #[test]
    fn a_port_without_a_host_is_refused_if_the_file_has_no_host() {
        for options in ["port=0", "port=7", "port=7 unix=/b"] {
            let [message] = &settled(options, Some(&["unix:/a"]))[..] else { panic!("{options}") };
            assert!(message.contains("--port needs --host, too"), "{message}");
        }
    }
}
