//! The `tarmem` program: what its command line means.
//!
//! - `serve`: the service; `settings` are what it is set up by, `listen` where it listens, `logs` what it says on the
//!   way.
//! - `connect`: the options that lead to a service, for all the other commands.
//! - `commands`: these commands, one file for each; `tls`: certificates for a service and its clients.
//! - `arguments`: what an argument may look like; `values`: those that are values, with objects among them.
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
mod commands;
mod connect;
mod listen;
mod logs;
mod output;
mod reloading;
mod serve;
mod settings;
mod tls;
mod trim;
mod values;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches, Parser};
use commands::Command;
use connect::Connect;
use output::{Failure, wrong};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  tarmem serve --port 18813
  export TARMEM_ADDR=localhost:18813
  tarmem memoize k builtins.list '[1,2]'    prints [1,2]
  tarmem call k append 3                    prints null
  tarmem get k                              prints [1,2,3]
  tarmem memoize big builtins.list @big.json

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

/// Does what the command line says.
pub fn main() -> ExitCode {
    let done = parse().and_then(|cli| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::failed(format!("cannot start a runtime: {error}")))?;
        let done = runtime.block_on(run(cli));
        // Not to wait for the name of a host to be looked up when nobody needs it any more.
        runtime.shutdown_background();
        done
    });
    done.map_or_else(Failure::report, |()| ExitCode::SUCCESS)
}

/// The commands that connect to nobody, and what is said of an option of a client there.
const ALONE: [(&str, &str); 2] = [
    ("serve", "where `tarmem serve` listens is given by --host, --port and --unix"),
    ("tls", "`tarmem tls` makes files, and connects to nobody"),
];

/// What the program understands.
fn command() -> clap::Command {
    let command = Cli::command();
    let options: Vec<Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    // These know the options as well, to say what to give instead, but do not offer them.
    let hidden = || options.iter().map(|option| option.clone().hide(true));
    ALONE.iter().fold(command, |command, (name, _)| {
        command.mut_subcommand(name, |command| command.args(hidden()).mut_subcommands(|inside| inside.args(hidden())))
    })
}

fn parse() -> Result<Cli, Failure> {
    let matches = command().try_get_matches()?;
    refuse_to_connect(&matches)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    cli.command.load()?;
    Ok(cli)
}

/// `serve --addr` would be understood as the address to listen on, by whoever writes it.
fn refuse_to_connect(matches: &ArgMatches) -> Result<(), Failure> {
    let name = matches.subcommand_name();
    let Some((_, instead)) = ALONE.iter().find(|(alone, _)| name == Some(alone)) else { return Ok(()) };
    // Before the command, behind it, and behind one inside it.
    let levels = || std::iter::successors(Some(matches), |level| level.subcommand().map(|(_, inside)| inside));
    let given = |id: &str| levels().any(|level| level.value_source(id) == Some(ValueSource::CommandLine));
    let options = command();
    match options.get_arguments().find(|option| option.is_global_set() && given(option.get_id().as_str())) {
        None => Ok(()),
        Some(option) => {
            let option = option.get_long().unwrap_or_default();
            Err(wrong(ErrorKind::ArgumentConflict, format!("--{option} is for a client; {instead}")))
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
    let done = command.run(&session).await;
    // In order: what was taken out of a queue, say, is back in it unless the service hears that it has arrived.
    session.close().await;
    done
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        super::command().debug_assert();
    }
}
