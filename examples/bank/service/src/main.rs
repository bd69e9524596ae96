//! The `tarmem` program with the bank's classes in it.

tarmem::link!(bank);

fn main() -> std::process::ExitCode {
    tarmem::cli::main()
}
