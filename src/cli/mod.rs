//! The `tarmem` program: its command line.
//!
//! - `serve`: the command that runs a service; `settings`, `listen` and `logs`: its options, where it listens, its log;
//!   `reloading` reads the tokens again, `trim` returns free memory to the system.
//! - `connect`: the options by which all other commands connect to a service.
//! - `data`: looks after the directory of a service that does not run.
//! - `commands`: these commands, one file for each; `tls`: makes certificates for a service and its clients.
//! - `arguments`: parses single arguments; `values`: the arguments of methods and functions, which may contain objects.
//! - `output`: prints results as lines of JSON, and failures as a line of text.
//!
//! `tarmem serve` offers the modules that are linked into the program. To serve your own classes, write a program of
//! two lines:
//!
//! ```no_run
//! tarmem::link!(serde); // instead of `serde`, name the crate that defines your classes
//!
//! fn main() -> std::process::ExitCode {
//!     tarmem::cli::main()
//! }
//! ```

mod arguments;
mod commands;
mod connect;
mod data;
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

Results are JSON on standard output, one value per line. A failure is one line on standard error.
Exit status: 0 if the command succeeded, 1 if it failed, 2 if the command line is wrong; that of ping tells the
state of the service.";

/// Live objects on a network service, shared by many processes.
#[derive(Parser)]
#[command(name = "tarmem", version, after_help = EXAMPLES, arg_required_else_help = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: Connect,
}

/// Runs the command line of this process, and returns its exit status.
pub fn main() -> ExitCode {
    let done = parse().and_then(|cli| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::failed(format!("cannot start a runtime: {error}")))?;
        let done = runtime.block_on(run(cli));
        // Dropping the runtime would wait for the look-up of a host's name that is no longer needed.
        runtime.shutdown_background();
        done
    });
    done.map_or_else(Failure::report, |()| ExitCode::SUCCESS)
}

/// The commands that do not connect to a service, and the remedy if they are given an option of a client.
const ALONE: [(&str, &str); 3] = [
    ("serve", "to say where `tarmem serve` listens, use --host, --port and --unix"),
    ("data", "leave it out: `tarmem data` reads and makes directories, and connects to no service"),
    ("tls", "leave it out: `tarmem tls` only makes files, and connects to no service"),
];

/// The command line as clap knows it.
fn command() -> clap::Command {
    let command = Cli::command();
    let options: Vec<Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    // These commands parse the options of clients, so that `refuse_to_connect` can name the remedy, but do not show
    // them.
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

/// Refuses the options of clients for commands that do not connect: a user who writes `serve --addr` probably means the
/// address to listen on.
fn refuse_to_connect(matches: &ArgMatches) -> Result<(), Failure> {
    let name = matches.subcommand_name();
    let Some((_, instead)) = ALONE.iter().find(|(alone, _)| name == Some(alone)) else { return Ok(()) };
    // The option may stand before the command, after it, or after its subcommand.
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
        Command::Data(data) => return data.run(),
        Command::Tls(tls) => return tls.run(),
        Command::Ping(ping) => return ping.run(cli.connect).await,
        command => command,
    };
    let session = cli.connect.session().await?;
    let done = command.run(&session).await;
    // `close` acknowledges results. Without this, an item that was taken out of a queue would be put back.
    session.close().await;
    done
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_valid() {
        super::command().debug_assert();
    }

    #[test]
    fn help_lists_each_command_with_what_it_does() {
        let mut command = super::command();
        let help = command.render_help().to_string();
        let lines = |name: &str| help.lines().filter(|line| line.split_whitespace().next() == Some(name)).count();
        for subcommand in command.get_subcommands() {
            let (name, about) = (subcommand.get_name(), subcommand.get_about().map(ToString::to_string));
            let about = about.unwrap_or_else(|| panic!("{name} does not say what it does"));
            assert!(lines(name) == 1 && help.contains(about.lines().next().unwrap_or_default()), "{name}: {help}");
            // Its own help shows what each argument is.
            for argument in subcommand.get_arguments().filter(|argument| !argument.is_hide_set()) {
                assert!(argument.get_help().is_some(), "{} of {name} does not say what it is", argument.get_id());
            }
        }
    }
}
