//! `jam-session`: looks after the session table from a terminal or a scheduled job.

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("name a database beside `cli`: `--features cli,sqlite`, `cli,postgres` or `cli,mysql`");

use std::{io::stdout, process::ExitCode, time::Duration};

use clap::{CommandFactory as _, Parser, Subcommand, error::ErrorKind};
use clap_complete::Shell;

#[cfg(feature = "redis")]
mod cache;
mod clearsessions;
mod commands;
mod failure;
mod files;
mod open;
mod signing;
use failure::Failure;
use signing::Signing;

/// Looks after the table in which web applications keep their sessions.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the table is missing or not as it should be.
#[derive(Debug, Parser)]
#[command(name = "jam-session", version)]
struct Cli {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: Command,
}

/// Which table of which database.
#[derive(Debug, clap::Args)]
struct Target {
    /// The database: `sqlite:…`, `postgres:…` or `mysql:…`; or `file:` and a directory of sessions, or the cache:
    /// `redis:…`; a file `.env` may set the variable
    #[arg(short = 'D', long, env = "DATABASE_URL", hide_env_values = true, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// The session table, with its schema and a dot in front if it has one
    #[arg(short, long, default_value = "django_session", global = true)]
    table: String,
    /// How many seconds to wait for the database
    #[arg(long, default_value = "10", global = true, value_name = "SECONDS")]
    connect_timeout: u64,
    #[command(flatten)]
    signing: Signing,
}

impl Target {
    fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create the table and its indexes where they are missing
    Migrate {
        /// Also tell a Django on this database that its migration of the sessions has run
        #[arg(long)]
        record_in_django: bool,
    },
    /// Say what is wrong with the table, if anything
    Check,
    /// Remove expired sessions, a batch at a time, and never one that is being extended
    Clearsessions {
        /// How many sessions one statement removes
        #[arg(long, default_value = "500", value_parser = clap::value_parser!(u16).range(1..=10_000))]
        batch_size: u16,
        /// Only count them
        #[arg(long)]
        dry_run: bool,
    },
    /// Decode the session whose key is on standard input, as it is stored or as its cookie has it: its expiry, then a
    /// JSON line for each name
    Show,
    /// Count live and expired sessions, and say how large and how old they are
    Stats,
    /// Print completions for a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
}

fn main() -> ExitCode {
    let outcome = read_env_file().and_then(|()| run(&Cli::parse()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// What is set already wins over the file.
fn read_env_file() -> Result<(), Failure> {
    match dotenvy::dotenv() {
        Err(dotenvy::Error::LineParse(..)) => {
            Err(Failure::Usage("a line of the file `.env` is not NAME=value: correct it, or quote the value".into()))
        }
        // None there, or none that we may read.
        _ => Ok(()),
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    if let Command::Completions { shell } = &cli.command {
        clap_complete::generate(*shell, &mut Cli::command(), "jam-session", &mut stdout());
        return Ok(());
    }
    let Some(url) = &cli.target.database_url else {
        let message = "no database: give `--database-url`, or set DATABASE_URL";
        Cli::command().error(ErrorKind::MissingRequiredArgument, message).exit();
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    runtime.block_on(open::open_and_run(url, cli))
}
