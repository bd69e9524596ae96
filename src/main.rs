//! The `tarmem` program, a service and a client in one. Its code is in [`tarmem::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    tarmem::cli::main()
}
