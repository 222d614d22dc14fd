//! `propylon demo`: examples served with built-in backends, their curl lines tried and printed.
//! The same program as `run`, with backends beside it and a port that needs no privileges.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, ValueHint};
use propylon_snapshot::Bind;
use tokio::sync::watch;

use super::flags::{LogFormat, PortPair, Serve, Workload};
use super::out::{self, Exit};
use super::{logging, readable};
use crate::app::{self, App, Config, Door, Ends};
use crate::demo::builtin;
use crate::demo::client;
use crate::demo::exchange::Exchanges;
use crate::demo::pick::{self, Picked};
use crate::failure::Failure;

/// Flags of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// An example's folder, or a folder of examples [default: ./examples, else built-in ones]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: Option<PathBuf>,

    /// Where the Gateways' port 80 is bound
    #[arg(long, value_name = "PORT", default_value_t = 8080,
        value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,

    /// Try the exchanges, print the answers, and end; fails if an answer is not the expected one
    #[arg(long)]
    once: bool,

    /// Where admin answers, or `off` [default: 127.0.0.1:15000]
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<Serve>,

    /// What to log, e.g. `info`
    #[arg(long, value_name = "FILTER", default_value = "warn", help_heading = "Output")]
    log: String,
}

/// The flags line of an example is understood by the parser of the real flags.
#[derive(Debug, Parser)]
struct ExampleFlags {
    #[command(flatten)]
    workload: Workload,
}

impl Demo {
    /// Serves the examples.
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        logging::start(&self.log, LogFormat::Human)?;
        let here = PathBuf::from(EXAMPLES_FOLDER);
        let (folder, _unpacked) = match &self.folder {
            Some(folder) => (folder.clone(), None),
            None if here.is_dir() => (here, None),
            None => {
                let unpacked = builtin::unpack(&std::env::temp_dir())?;
                (unpacked.path().to_owned(), Some(unpacked))
            }
        };
        let picked =
            pick::pick(&folder).map_err(|source| Failure::Path { path: folder.clone(), source })?;
        let config = self.config(&picked)?;
        readable(&config.settings)?;
        app::block_on(self.serve(config, picked, &folder))
    }

    fn config(&self, picked: &Picked) -> Result<Config, Failure> {
        let flags = picked.together.iter().flat_map(|example| &example.exchanges.flags);
        let argv = std::iter::once("demo").chain(flags.map(String::as_str));
        let ExampleFlags { mut workload } = ExampleFlags::try_parse_from(argv)
            .map_err(|error| Failure::Other(format!("the example's flags: {error}")))?;
        workload.port_map.push(PortPair { declared: HTTP_PORT, bound: self.port });
        let paths: Vec<PathBuf> = picked.together.iter().map(|e| e.path.clone()).collect();
        let admin = if self.once { Some(Serve::Off) } else { self.admin };
        let off = Some(Serve::Off);
        Ok(Config {
            settings: workload.settings(&paths),
            workers: if self.once { 1 } else { DEMO_WORKERS },
            admin: Door::new("admin", "--admin", admin, ([127, 0, 0, 1], 15000)),
            status: Door::new("status", "--status", off, ([0, 0, 0, 0], 15020)),
            ready: Door::new("readiness", "--ready", off, ([0, 0, 0, 0], 15021)),
            drain: Duration::from_secs(1),
            log_format: LogFormat::Human,
        })
    }

    async fn serve(&self, config: Config, picked: Picked, folder: &Path) -> Result<Exit, Failure> {
        let mut ends = Ends::listen()?;
        let (_backends_stop, stopping) = watch::channel(false);
        for backend in crate::demo::start(&stopping).await {
            match backend.problem {
                None => out::line(&format!("backend    {}  {}", backend.address, backend.name))?,
                Some(error) => out::complain(&format!(
                    "warning: the demo's {} cannot listen on {} ({error}); whatever answers there \
                     answers for it",
                    backend.name, backend.address
                )),
            }
        }
        let app = app::start(config).await?;
        if let Some(taken) = app.unbound() {
            return Err(Failure::Other(format!(
                "{taken}; choose another port with --port, e.g. --port 9090"
            )));
        }
        let mut as_expected = true;
        for example in &picked.together {
            out::line(&format!("\n# {}", example.path.display()))?;
            as_expected &= try_all(&app, &example.exchanges).await?;
        }
        for (path, why) in &picked.apart {
            let path = path.display();
            out::line(&format!("\n# {path} is served by itself ({why}): propylon demo {path}"))?;
        }
        if self.once {
            app.finish(&mut ends).await;
            return Ok(if as_expected { Exit::Success } else { Exit::Failure });
        }
        out::line(&format!(
            "\nServing until Ctrl-C. Change the YAML below {} and see it reload.",
            folder.display()
        ))?;
        ends.wanted().await;
        app.finish(&mut ends).await;
        Ok(Exit::Success)
    }
}

/// Sends every request of an example and prints what it answers. True if all are as expected.
async fn try_all(app: &App, exchanges: &Exchanges) -> Result<bool, Failure> {
    let mut as_expected = true;
    for exchange in &exchanges.list {
        let declared = exchanges.gateway_port(exchange.request.port);
        let Some(address) = gateway_address(app, declared) else {
            out::complain(&format!("nothing listens for the Gateways' port {declared}"));
            as_expected = false;
            continue;
        };
        out::line(&format!("\n$ {}", exchange.request.curl(address.port())))?;
        match client::ask(address, &exchange.request).await {
            Ok(answer) => {
                out::line(answer.text.trim_end())?;
                if let Some(status) = exchange.status.filter(|status| *status != answer.status) {
                    out::complain(&format!("expected {status}, answered {}", answer.status));
                    as_expected = false;
                }
            }
            Err(error) => {
                out::complain(&format!("no answer: {error}"));
                as_expected = false;
            }
        }
    }
    Ok(as_expected)
}

/// Where this machine reaches a Gateway's port.
fn gateway_address(app: &App, declared: u16) -> Option<SocketAddr> {
    let served = app.served();
    let status = served.listeners.iter().find(|status| status.port == declared)?;
    match status.outcome.as_ref().ok()? {
        Bind::Ip(address) if address.ip().is_unspecified() => {
            Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()))
        }
        Bind::Ip(address) => Some(*address),
        Bind::Unix(_) | Bind::Abstract(_) => None,
    }
}

pub(super) const EXAMPLES: &str = "\
Examples:
  propylon demo                              ./examples (or built-in ones), port 80 at 8080
  propylon demo examples/bookinfo --port 9090
  propylon demo examples --once              try, print, end";

/// Where the source tree has its examples.
const EXAMPLES_FOLDER: &str = "examples";
const HTTP_PORT: u16 = 80;
/// A demo leaves the machine to its user.
const DEMO_WORKERS: usize = 2;
