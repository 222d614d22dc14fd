//! `propylon completions SHELL`: the completion script of a shell, made from the command line
//! itself.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::out::{self, Exit};
use crate::failure::Failure;

/// Flags of `completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell to complete in
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "propylon", &mut script);
        let script = String::from_utf8_lossy(&script);
        out::unless_closed(out::line(script.trim_end()))?;
        Ok(Exit::Success)
    }
}

pub(super) const EXAMPLES: &str = "\
Examples:
  source <(propylon completions bash)
  propylon completions zsh > ~/.zfunc/_propylon";
