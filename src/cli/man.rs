//! `propylon man [COMMAND]`: the manual page, made from the command line itself.

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man as Page;

use super::Cli;
use super::out::{self, Exit};
use crate::failure::Failure;

/// Flags of `man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Whose page; without it, that of the program
    command: Option<String>,
}

impl Man {
    /// Prints the page.
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let mut all = Cli::command();
        all.build();
        let page = match &self.command {
            None => all,
            Some(name) => find(&all, name)?,
        };
        let mut text = Vec::new();
        Page::new(page).render(&mut text)?;
        out::unless_closed(out::line(String::from_utf8_lossy(&text).trim_end()))?;
        Ok(Exit::Success)
    }
}

/// The command of a name. Once built, it knows the name of its page: `propylon-run`.
fn find(all: &Command, name: &str) -> Result<Command, Failure> {
    let Some(command) = all.find_subcommand(name) else {
        let names: Vec<&str> = all.get_subcommands().map(Command::get_name).collect();
        let names = names.join(", ");
        return Err(Failure::Other(format!("no command {name:?}; there are {names}")));
    };
    Ok(command.clone())
}

pub(super) const EXAMPLES: &str = "\
Examples:
  propylon man | man -l -
  propylon man run > /usr/local/share/man/man1/propylon-run.1";
