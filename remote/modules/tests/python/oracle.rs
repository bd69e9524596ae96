//! CPython, in its own process.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tarmem_modules::python::repr;
use tarmem_remote::Value;
use tarmem_remote::args::Args;

pub(crate) struct Oracle {
    process: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

/// The outcome of one operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// The kind of the error.
    pub(crate) error: Option<String>,
    /// The `repr` of the result.
    pub(crate) result: String,
    /// The `repr` of the object afterwards.
    pub(crate) state: String,
}

impl Oracle {
    /// Returns `None`, with a notice, if there is no Python.
    pub(crate) fn start() -> Option<Self> {
        // For the tests of this package, and for those of tarmem.
        let folders = ["/tests/python/oracle.py", "/remote/modules/tests/python/oracle.py"];
        let scripts = folders.map(|path| format!("{}{path}", env!("CARGO_MANIFEST_DIR")));
        let script = scripts.iter().find(|script| Path::new(script).exists()).expect("it stands beside this file");
        let started = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        match started {
            Ok(mut process) => {
                let requests = process.stdin.take().expect("it is piped");
                let replies = BufReader::new(process.stdout.take().expect("it is piped"));
                Some(Oracle { process, requests, replies })
            }
            Err(error) => {
                println!("NOTICE: skipped, for there is no python3 to compare with: {error}");
                None
            }
        }
    }

    /// Asks Python for the outcomes of making an object of `kind`, and of operations on it.
    pub(crate) fn ask(&mut self, kind: &str, init: &[Value], ops: &[(String, Args)]) -> Vec<Outcome> {
        let written = |args: &[Value]| args.iter().map(repr).collect::<Vec<_>>();
        let named = |args: &Args| -> Vec<(String, String)> {
            args.by_name().iter().map(|(name, value)| (name.clone(), repr(value))).collect()
        };
        let ops: Vec<_> = ops.iter().map(|(name, args)| (name, written(args.positional()), named(args))).collect();
        let batch = serde_json::json!({ "type": kind, "init": written(init), "ops": ops });
        writeln!(self.requests, "{batch}").expect("the oracle reads");
        self.requests.flush().expect("the oracle reads");
        let mut line = String::new();
        self.replies.read_line(&mut line).expect("the oracle answers");
        let replies: Vec<(Option<String>, String, String)> =
            serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e} in the answer to {batch}: {line}"));
        replies.into_iter().map(|(error, result, state)| Outcome { error, result, state }).collect()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
