//! The command line: one file per subcommand, this one names them and their flags.
//! Decides nothing about traffic; turns flags into calls and outcomes into exit codes.

mod asking;
mod certs;
mod check;
mod clusters;
mod completions;
pub(crate) mod connections;
mod demo;
mod describe;
mod explain;
pub(crate) mod flags;
mod iptables;
mod logging;
mod man;
pub(crate) mod out;
mod routes;
mod run;
mod stdin;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::load::Settings;
use out::Exit;

/// Istio's traffic API as one fast binary: a gateway from a directory of YAML.
#[derive(Debug, Parser)]
#[command(
    name = "propylon",
    version,
    about,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = EXAMPLES
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the gateway that the files describe; reload whenever they change
    #[command(after_help = run::EXAMPLES)]
    Run(run::Run),
    /// Say what is wrong with the files, without serving them
    #[command(after_help = check::EXAMPLES)]
    Check(check::Check),
    /// Say what would happen to one request, and why
    #[command(after_help = explain::EXAMPLES)]
    Explain(explain::Explain),
    /// Show every host, rule and destination as compiled
    #[command(after_help = routes::EXAMPLES)]
    Routes(routes::Routes),
    /// Show every certificate that servers show and trust: names, dates, where it came from
    #[command(after_help = certs::EXAMPLES)]
    Certs(certs::Certs),
    /// Show what a running gateway sends requests to: endpoints, health, load, limits
    #[command(after_help = clusters::EXAMPLES)]
    Clusters(clusters::Clusters),
    /// Serve examples with built-in backends, and show what to try
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Demo),
    /// Redirect what leaves a workload to its sidecar, or stop doing so
    #[command(after_help = iptables::EXAMPLES)]
    Iptables(iptables::Iptables),
    /// Print a shell's completion script
    #[command(after_help = completions::EXAMPLES)]
    Completions(completions::Completions),
    /// Print the manual page
    #[command(after_help = man::EXAMPLES)]
    Man(man::Man),
}

impl Cli {
    /// Runs the command and returns the program's exit code: 0 done, 1 failed or problems found,
    /// 2 (from the parser) a command line that cannot be understood.
    #[must_use]
    pub(crate) fn execute(self) -> ExitCode {
        let done = match self.command {
            Command::Run(run) => run.execute(),
            Command::Check(check) => check.execute(),
            Command::Explain(explain) => explain.execute(),
            Command::Routes(routes) => routes.execute(),
            Command::Certs(certs) => certs.execute(),
            Command::Clusters(clusters) => clusters.execute(),
            Command::Demo(demo) => demo.execute(),
            Command::Iptables(iptables) => iptables.execute(),
            Command::Completions(completions) => completions.execute(),
            Command::Man(man) => man.execute(),
        };
        match done {
            Ok(exit) => exit.into(),
            // `propylon demo | head`: whoever reads has seen enough.
            Err(Failure::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                Exit::Success.into()
            }
            Err(failure) => {
                out::complain(&format!("error: {failure}"));
                Exit::Failure.into()
            }
        }
    }
}

/// Fails early, and in plain words, for paths that do not exist: an empty gateway helps nobody.
fn readable(settings: &Settings) -> Result<(), Failure> {
    for path in settings.paths.iter().chain(&settings.mesh_config) {
        if let Err(source) = std::fs::metadata(path) {
            return Err(Failure::Path { path: path.clone(), source });
        }
    }
    Ok(())
}

const EXAMPLES: &str = "\
Examples:
  propylon demo                                       a working gateway in one command
  propylon run ./config --port-map 80=8080            serve a directory, port 80 at 8080
  propylon check ./config                             find mistakes before they serve
  propylon explain GET http://shop.example/api ./config
                                                      why a request goes where it goes

Exit codes: 0 done, 1 failed or errors found, 2 wrong usage.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
