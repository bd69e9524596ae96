//! Where a service listens: what options say and what the file says, option by option.

use super::arguments::port;
use super::output::Failure;
use crate::client::within_brackets;
use clap::Args;
use std::path::PathBuf;

/// If nothing is said at all.
const DEFAULT_HOST: &str = "0.0.0.0";

/// The options for that.
#[derive(Args, Debug, Default)]
pub(super) struct ListenOptions {
    /// The host or address to listen on, in place of those in the file; peers on other hosts need --tokens, --tls-client-ca or
    /// --unprotected, too [default: 0.0.0.0, unless there is --unix and no --port]
    #[arg(long)]
    host: Option<String>,

    /// The port to listen on, in place of those in the file; 0 takes any free one [default: 0]
    #[arg(long, value_parser = port)]
    port: Option<u16>,

    /// Listen on a Unix socket, in place of those in the file; and by TCP only if --host, --port or the file asks for it
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
}

/// A place to listen.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Listen {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl ListenOptions {
    /// All the places, of which there is one at least.
    ///
    /// # Errors
    /// A place in the file that is none, or a file that lets nobody in.
    pub(super) fn settle(self, file: Option<Vec<String>>) -> Result<Vec<Listen>, Failure> {
        let said = file.is_some();
        let mut places =
            file.unwrap_or_default().iter().map(|place| Listen::parse(place)).collect::<Result<Vec<_>, _>>()?;
        if self.host.is_some() || self.port.is_some() {
            if !places.iter().any(|place| matches!(place, Listen::Tcp { .. })) {
                places.insert(0, Listen::Tcp { host: DEFAULT_HOST.to_owned(), port: 0 });
            }
            for place in &mut places {
                if let Listen::Tcp { host, port } = place {
                    *host = self.host.as_ref().unwrap_or(host).clone();
                    *port = self.port.unwrap_or(*port);
                }
            }
        }
        if let Some(path) = self.unix {
            places.retain(|place| !matches!(place, Listen::Unix(_)));
            places.push(Listen::Unix(path));
        }
        if places.is_empty() && said {
            return Err(Failure::failed(
                "listen is empty, so nobody could connect; leave it out, or say where to listen",
            ));
        }
        if places.is_empty() {
            places.push(Listen::Tcp { host: DEFAULT_HOST.to_owned(), port: 0 });
        }
        let mut settled: Vec<Listen> = Vec::with_capacity(places.len());
        for place in places {
            // The same host and port can be had once; any free port, as often as it is asked for.
            if matches!(place, Listen::Tcp { port: 0, .. }) || !settled.contains(&place) {
                settled.push(place);
            }
        }
        Ok(settled)
    }
}

impl Listen {
    fn parse(place: &str) -> Result<Self, Failure> {
        if let Some(path) = place.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Listen::Unix(path.into()));
        }
        let split = place.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = split.filter(|(host, _)| !host.is_empty() && *host != "unix").ok_or_else(|| {
            Failure::failed(format!("listen: {place:?} is not HOST:PORT, such as localhost:18813, or unix:/path"))
        })?;
        let host = within_brackets(host).ok_or_else(|| {
            Failure::failed(format!("listen: {place:?} lacks a bracket, or has one too many; write [::1]:18813"))
        })?;
        Ok(Listen::Tcp { host: host.to_owned(), port })
    }

    /// As the file says it.
    pub(super) fn show(&self) -> String {
        match self {
            Listen::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Listen::Tcp { host, port } => format!("{host}:{port}"),
            Listen::Unix(path) => format!("unix:{}", path.display()),
        }
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
        let file = file.map(|places| places.iter().map(|place| (*place).to_owned()).collect());
        match given.settle(file) {
            Ok(places) => places.iter().map(Listen::show).collect(),
            Err(failure) => vec![failure.to_string()],
        }
    }

    #[test]
    fn options_count_more_than_the_file_one_by_one() {
        /// The options, the file's places, and what they come to.
        type Case<'a> = (&'a str, Option<&'a [&'a str]>, &'a [&'a str]);
        let both: &[&str] = &["127.0.0.1:1", "unix:/a"];
        let cases: [Case; 15] = [
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
            ("port=7", Some(&["unix:/a"]), &["0.0.0.0:7", "unix:/a"]),
            ("port=7", Some(&["127.0.0.1:1", "127.0.0.1:2", "[::1]:1"]), &["127.0.0.1:7", "[::1]:7"]),
            ("", Some(&["h:0", "h:0", "h:1", "h:1"]), &["h:0", "h:0", "h:1"]),
            ("unix=/b", Some(&[]), &["unix:/b"]),
        ];
        for (options, file, expected) in cases {
            assert_eq!(settled(options, file), expected, "{options} over {file:?}");
        }
    }

    #[test]
    fn what_is_no_place_is_said() {
        for place in ["here", "unix:", ":1", "h:70000", "unix:1"] {
            let [message] = &settled("", Some(&[place]))[..] else { panic!("{place}") };
            assert!(place == "unix:1" || message.contains("HOST:PORT"), "{message}");
        }
        for place in ["[::1:7", "::1]:7"] {
            assert!(settled("", Some(&[place]))[0].contains("bracket"), "{place}");
        }
        assert!(settled("", Some(&[]))[0].contains("listen is empty"));
    }
}
