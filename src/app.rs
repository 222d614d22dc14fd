//! Every task of the serving program, started top to bottom, and how it ends.
//! Wiring only: the loop is `reload`'s, requests are the data plane's, questions are `admin`'s.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use propylon_proxy::DataPlane;
use propylon_source::file::Watch;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::admin::{Admin, Ready};
use crate::cli::flags::{LogFormat, Serve};
use crate::descriptors;
use crate::failure::Failure;
use crate::http_server;
use crate::load::{Loader, Settings};
use crate::reload::Reload;
use crate::report::Report;
use crate::resolver::HickoryResolver;
use crate::status::{Phase, Served, Status};

/// What the program is started with.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// What is read and for whom.
    pub settings: Settings,
    /// Threads that serve requests; at least 1.
    pub workers: usize,
    /// The admin server.
    pub admin: Door,
    /// The status server.
    pub status: Door,
    /// The readiness server.
    pub ready: Door,
    /// How long a drain may take.
    pub drain: Duration,
    /// How reports look.
    pub log_format: LogFormat,
}

/// One address of the control side, and what the user said about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door {
    what: &'static str,
    flag: &'static str,
    address: Option<SocketAddr>,
    explicit: bool,
}

impl Door {
    /// What answers there, the flag that moves it, what the user gave, and where it is otherwise.
    #[must_use]
    pub(crate) fn new(
        what: &'static str,
        flag: &'static str,
        given: Option<Serve>,
        otherwise: impl Into<SocketAddr>,
    ) -> Self {
        let address = match given {
            Some(Serve::At(address)) => Some(address),
            Some(Serve::Off) => None,
            None => Some(otherwise.into()),
        };
        Self { what, flag, address, explicit: given.is_some() }
    }
}

/// The running program.
pub(crate) struct App {
    plane: Arc<DataPlane>,
    status: Arc<Status>,
    reloading: JoinHandle<()>,
    looking: JoinHandle<()>,
    stop: watch::Sender<bool>,
    report: Report,
    drain: Duration,
    _watch: Option<Watch>,
}

/// Runs a future on the control runtime: one thread, this one. Workers have runtimes of their own.
///
/// # Errors
/// The future's own, and when the runtime cannot be made.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    descriptors::raise();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // A compilation that still runs on its thread is nobody's business any more.
    runtime.shutdown_background();
    done
}

/// Serves until SIGTERM or SIGINT, then drains.
///
/// # Errors
/// When it cannot start.
pub(crate) async fn serve(config: Config) -> Result<(), Failure> {
    let mut ends = Ends::listen()?;
    let app = start(config).await?;
    ends.wanted().await;
    app.finish(&mut ends).await;
    Ok(())
}

/// Starts everything. When this returns, the first configuration is live.
///
/// # Errors
/// When an address that the user asked for is taken, or the system refuses threads or signals.
pub(crate) async fn start(config: Config) -> Result<App, Failure> {
    let Config { settings, workers, admin, status: status_door, ready, drain, log_format } = config;
    let report = Report { format: log_format };
    let status = Arc::new(Status::new());
    let (stop, stopping) = watch::channel(false);

    // Control addresses first: a mistake in a flag must not open a port for requests.
    let admin = open(admin, report).await?;
    let status_server = open(status_door, report).await?;
    let ready = open(ready, report).await?;

    // Watching begins before the first reading, so that no change falls between the two.
    let bell: Arc<Notify> = Arc::default();
    let changed = Arc::clone(&bell);
    let watched: Vec<PathBuf> =
        settings.paths.iter().chain(&settings.mesh_config).cloned().collect();
    let watch = match Watch::new(&watched, move || changed.notify_one()) {
        Ok(watch) => {
            if let Some(why) = watch.degraded() {
                report.warn(&format!("changes of files are noticed late: {why}"));
            }
            Some(watch)
        }
        Err(error) => {
            report
                .warn(&format!("files are not watched ({error}); send SIGHUP to read them again"));
            None
        }
    };
    let mut loader = Loader::new(settings);
    let loaded = loader.load();

    let resolver = Arc::new(HickoryResolver::default());
    let plane = DataPlane::start(propylon_proxy::Options { workers, resolver })?;
    let plane = Arc::new(plane);
    let wishes = Arc::clone(&bell);
    let reload = Reload::new(loader, Arc::clone(&plane), Arc::clone(&status), report, wishes);

    let probes = Arc::new(Ready(Arc::clone(&status)));
    for listener in [status_server, ready].into_iter().flatten() {
        tokio::spawn(http_server::serve(listener, probes.clone(), stopping.clone()));
    }
    let admin_address = admin.as_ref().and_then(|listener| listener.local_addr().ok());
    if let Some(listener) = admin {
        let admin = Admin::new(Arc::clone(&status), Arc::downgrade(&plane), Arc::clone(&bell));
        tokio::spawn(http_server::serve(listener, Arc::new(admin), stopping.clone()));
    }

    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            bell.notify_one();
        }
    });

    reload.first(loaded).await;
    if let Some(address) = admin_address {
        report.line(&format!("admin      http://{address}/"));
    }
    tokio::spawn(reload.certificates().run());
    let looking = tokio::spawn(reload.clone().look_at_named());
    let reloading = tokio::spawn(reload.run());
    Ok(App { plane, status, reloading, looking, stop, report, drain, _watch: watch })
}

impl App {
    /// What is served now.
    #[must_use]
    pub(crate) fn served(&self) -> Arc<Served> {
        self.status.served()
    }

    /// A sentence about the first address that could not be bound.
    #[must_use]
    pub(crate) fn unbound(&self) -> Option<String> {
        let served = self.served();
        served.listeners.iter().find_map(|listener| {
            let error = listener.outcome.as_ref().err()?;
            Some(format!("cannot listen: {error}"))
        })
    }

    /// Lets running requests end, at most as long as the drain may take, and stops.
    pub(crate) async fn finish(self, ends: &mut Ends) {
        let Self { plane, status, reloading, looking, stop, report, drain, _watch } = self;
        status.enter(Phase::Draining);
        report.event(&format!("stopping: running requests have {} to end", seconds(drain)));
        reloading.abort();
        looking.abort();
        let _ = reloading.await;
        let _ = looking.await;
        // Admin goes on answering: a drain is when people look.
        tokio::select! {
            ended = plane.let_requests_end(drain) => match ended {
                true => report.event("stopped: every request had ended"),
                false => report.event("stopped: connections that were still open are cut"),
            },
            () = ends.insisted() => report.event("stopped at once"),
        }
        let _ = stop.send(true);
    }
}

/// The signals that end the program.
pub(crate) struct Ends {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Ends {
    /// Takes SIGTERM and SIGINT over from the system's default.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Ends when someone at the terminal asks again. A second SIGTERM is no such wish: process
    /// groups and supervisors often send it twice.
    pub(crate) async fn insisted(&mut self) {
        let _ = self.interrupt.recv().await;
    }

    /// Ends when one of them arrives.
    pub(crate) async fn wanted(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Binds a control address. One that the user did not name must not stop requests from being
/// served.
async fn open(door: Door, report: Report) -> Result<Option<tokio::net::TcpListener>, Failure> {
    let Door { what, flag, address, explicit } = door;
    let Some(address) = address else { return Ok(None) };
    match http_server::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(source) => {
            let busy = source.kind() == io::ErrorKind::AddrInUse;
            let holder = busy.then(|| propylon_proxy::holder_of(address)).flatten();
            let failure = Failure::Bind { what, address, flag, holder, source };
            if explicit {
                return Err(failure);
            }
            report.warn(&failure.to_string());
            Ok(None)
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}
