//! `propylon run`: the flags of the serving program.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::flags::{LogFormat, Serve, Workload};
use super::out::Exit;
use super::{logging, readable};
use crate::app::{self, Config, Door};
use crate::failure::Failure;

/// Flags of `run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Files and directories to serve
    #[arg(value_name = "PATH", default_value = "./", value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) workload: Workload,

    #[command(flatten)]
    pub(super) process: Process,
}

/// Flags about the process rather than its configuration.
#[derive(Debug, Args)]
pub(super) struct Process {
    /// Worker threads that serve requests [default: one per available core]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) workers: Option<u16>,

    /// Where admin answers, or `off` [default: 127.0.0.1:15000]
    #[arg(long, value_name = "ADDRESS", help_heading = "Addresses")]
    pub(super) admin: Option<Serve>,

    /// Where the status server answers, or `off` [default: 0.0.0.0:15020]
    #[arg(long, value_name = "ADDRESS", help_heading = "Addresses")]
    pub(super) status: Option<Serve>,

    /// Where readiness answers, or `off` [default: 0.0.0.0:15021]
    #[arg(long, value_name = "ADDRESS", help_heading = "Addresses")]
    pub(super) ready: Option<Serve>,

    /// Seconds that running requests may take to end when the program is asked to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(super) drain: u32,

    /// What to log, e.g. `debug` or `warn,propylon_proxy=debug`
    #[arg(long, value_name = "FILTER", default_value = "info", help_heading = "Output")]
    pub(super) log: String,

    /// How log lines and reports look
    #[arg(long, value_enum, default_value = "human", help_heading = "Output")]
    pub(super) log_format: LogFormat,
}

impl Run {
    /// Serves until told to stop.
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let settings = self.workload.settings(&self.paths);
        readable(&settings)?;
        logging::start(&self.process.log, self.process.log_format)?;
        app::block_on(app::serve(self.process.config(settings)))?;
        Ok(Exit::Success)
    }
}

impl Process {
    /// What the program needs to know to start.
    pub(super) fn config(&self, settings: crate::load::Settings) -> Config {
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        Config {
            settings,
            workers: self.workers.map_or_else(available, usize::from),
            admin: Door::new("admin", "--admin", self.admin, ([127, 0, 0, 1], 15000)),
            status: Door::new("status", "--status", self.status, ([0, 0, 0, 0], 15020)),
            ready: Door::new("readiness", "--ready", self.ready, ([0, 0, 0, 0], 15021)),
            drain: std::time::Duration::from_secs(self.drain.into()),
            log_format: self.log_format,
        }
    }
}

pub(super) const EXAMPLES: &str = "\
Examples:
  propylon run                                  serve the YAML of this directory
  propylon run ./config --port-map 80=8080      bind port 80 of the Gateways at 8080
  propylon run ./config --label istio=egressgateway --namespace prod
  propylon run ./config --admin off --status off --ready 0.0.0.0:15021

SIGHUP reads the files again; SIGTERM and SIGINT let running requests end, then stop.";
