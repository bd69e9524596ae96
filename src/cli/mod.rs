//! The `tarmem` program: what its command line means.
//!
//! - `serve`: the service; `settings` are what it is set up by, `logs` what it says on the way.
//! - `connect`: the options that lead to a service, for all the other commands.
//! - `objects`: commands on what one key is mapped to.
//! - `inspect`: commands on what a service has and offers.
//! - `arguments`: what an argument may look like; `named`, objects among them.
//! - `tls`: certificates for a service and its clients.
//! - `output`: results as lines of JSON, failures as a line of text.
//!
//! `tarmem serve` offers the modules that are linked into it. A program that serves classes of your own is two lines:
//!
//! ```no_run
//! tarmem::link!(serde); // in place of `serde`: the crate that defines your classes
//!
//! fn main() -> std::process::ExitCode {
//!     tarmem::cli::main()
//! }
//! ```

mod arguments;
mod connect;
mod inspect;
mod logs;
mod named;
mod objects;
mod output;
mod serve;
mod settings;
mod tls;

use crate::client::Session;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use connect::Connect;
use output::{Failure, Output};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  tarmem serve --port 18813
  export TARMEM_ADDR=localhost:18813
  tarmem memoize k builtins.list '[1,2]'    prints [1,2]
  tarmem call k append 3                    prints null
  tarmem get k                              prints [1,2,3]

Results are JSON on standard output, one value a line. A failure is one line on standard error.
Exit status: 0 done, 1 failed, 2 the command line is wrong.";

/// Live objects on a network service, used together by many processes.
#[derive(Parser)]
#[command(name = "tarmem", version, after_help = EXAMPLES, arg_required_else_help = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Serve),
    Tls(tls::Tls),
    Memoize(objects::Memoize),
    Get(objects::Get),
    Update(objects::Update),
    Delete(objects::Delete),
    Call(objects::Call),
    IsMemoized(inspect::IsMemoized),
    Keys(inspect::Keys),
    Describe(inspect::Describe),
    Import(inspect::Import),
    Version(inspect::Version),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let done = parse().map_err(Failure::from).and_then(|cli| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::failed(format!("cannot start a runtime: {error}")))?;
        let done = runtime.block_on(run(cli));
        // Not to wait for the name of a host to be looked up when nobody needs it any more.
        runtime.shutdown_background();
        done
    });
    done.map_or_else(Failure::report, |()| ExitCode::SUCCESS)
}

fn parse() -> Result<Cli, clap::Error> {
    let matches = Cli::command().try_get_matches()?;
    let cli = Cli::from_arg_matches(&matches)?;
    match &cli.command {
        Command::Serve(_) => {
            refuse_to_connect(&matches, "where `tarmem serve` listens is given by --host and --port")?;
        }
        Command::Tls(_) => refuse_to_connect(&matches, "`tarmem tls` makes files, and connects to nobody")?,
        Command::Import(import) => import.check()?,
        _ => {}
    }
    Ok(cli)
}

/// `serve --addr` would be understood as the address to listen on, by whoever writes it.
fn refuse_to_connect(matches: &ArgMatches, instead: &str) -> Result<(), clap::Error> {
    match Connect::OPTIONS.iter().find(|(id, _)| matches.value_source(id) == Some(ValueSource::CommandLine)) {
        None => Ok(()),
        Some((_, option)) => {
            Err(Cli::command().error(ErrorKind::ArgumentConflict, format!("{option} is for a client; {instead}")))
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let command = match cli.command {
        Command::Serve(serve) => return serve.run().await,
        Command::Tls(tls) => return tls.run(),
        command => command,
    };
    let session = cli.connect.session().await?;
    let done = ask(command, &session).await;
    // In order: what was taken out of a queue, say, is back in it unless the service hears that it has arrived.
    session.close().await;
    done
}

async fn ask(command: Command, session: &Session) -> Result<(), Failure> {
    let mut output = Output::new();
    match command {
        Command::Serve(_) | Command::Tls(_) => {}
        Command::Memoize(memoize) => memoize.run(session, &mut output).await?,
        Command::Get(get) => get.run(session, &mut output).await?,
        Command::Update(update) => update.run(session, &mut output).await?,
        Command::Delete(delete) => delete.run(session, &mut output).await?,
        Command::Call(call) => call.run(session, &mut output).await?,
        Command::IsMemoized(is_memoized) => is_memoized.run(session, &mut output).await?,
        Command::Keys(keys) => keys.run(session, &mut output).await?,
        Command::Describe(describe) => describe.run(session, &mut output).await?,
        Command::Import(import) => import.run(session, &mut output).await?,
        Command::Version(version) => version.run(session, &mut output).await?,
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
