//! The fuzz targets of tests/fuzz. This is compiled for them, and for the tests that replay their corpora.
//!
//! - [`decoders`]: the decoders of bytes from outside: frames, values, the first request.
//! - [`session`]: a service, with sessions that submit arbitrary operations.

mod decoders;
mod session;

pub use decoders::{frame, open, value};
pub use session::submit;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    /// Runs a target with each input of its corpus, and with parts of each.
    fn replay(target: &str, run: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
        let mut inputs = 0;
        for entry in fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display())) {
            let input = fs::read(entry.expect("readable").path()).expect("readable");
            run(&input);
            run(&input[..input.len() / 2]);
            run(&input[input.len() / 3..]);
            inputs += 1;
        }
        assert!(inputs >= 10, "{inputs} inputs for {target}");
    }

    #[test]
    fn frames() {
        replay("frame", frame);
    }

    #[test]
    fn values() {
        replay("value", value);
    }

    #[test]
    fn opens() {
        replay("open", open);
    }

    #[test]
    fn submissions() {
        replay("submit", submit);
    }
}
