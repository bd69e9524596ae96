//! The `tarmem` program: a service, and a client of one. All of it is in [`tarmem::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    tarmem::cli::main()
}
