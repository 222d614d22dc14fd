//! The admin server's paths. Everything here only looks; the two that act want POST.
//! Access is settled before a path is looked at.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, HeaderValue};
use hyper::{Method, Request, StatusCode};
use propylon_proxy::DataPlane;
use tokio::sync::Notify;

use super::access;
use super::clusters::Clusters;
use super::home;
use super::stats::{self, Shape};
use super::view;
use crate::certificates::{inventory, moment};
use crate::http_server::{Answer, Answering, HTML, JSON, Serve, TEXT, answer};
use crate::status::Status;

/// Answers questions about the running program.
pub(crate) struct Admin {
    status: Arc<Status>,
    plane: Weak<DataPlane>,
    reload: Arc<Notify>,
}

impl Admin {
    /// Looks at `status` and `plane`; rings `reload` when asked to read the files again.
    #[must_use]
    pub(crate) fn new(status: Arc<Status>, plane: Weak<DataPlane>, reload: Arc<Notify>) -> Self {
        Self { status, plane, reload }
    }

    async fn reply(&self, asked: Result<Asked, Box<Answer>>) -> Answer {
        match asked {
            Ok(Asked { page, query }) => self.page(page, &query).await,
            Err(refusal) => *refusal,
        }
    }

    async fn page(&self, page: &Page, query: &str) -> Answer {
        let json = parameter(query, "format") == Some("json");
        let ok = |kind, body: String| answer(StatusCode::OK, kind, body);
        match page.name {
            Name::Home => ok(HTML, self.home()),
            Name::Help => ok(TEXT, help()),
            Name::Config => ok(
                JSON,
                format!("{:#}\n", view::config(&self.status.served(), &self.status.problems())),
            ),
            Name::Certs => {
                let now = moment::seconds(SystemTime::now());
                let snapshot = &self.status.served().snapshot;
                ok(JSON, format!("{:#}\n", inventory::envoy_json(snapshot, now)))
            }
            Name::Stats => {
                let counters = self.plane.upgrade().map(|plane| plane.stats()).unwrap_or_default();
                let filter = parameter(query, "filter").unwrap_or_default();
                let (shape, kind) = if json { (Shape::Json, JSON) } else { (Shape::Text, TEXT) };
                ok(kind, stats::render(counters, filter, shape))
            }
            Name::Clusters => {
                let plane = self.plane.upgrade();
                // What answers later must not keep the data plane from ending.
                let asked = plane.map(|plane| (plane.cluster_status(), plane.loads()));
                let (statuses, loads) = match asked {
                    Some((statuses, loads)) => (statuses, loads.await),
                    None => Default::default(),
                };
                let now = moment::seconds(SystemTime::now());
                let snapshot = &self.status.served().snapshot;
                let clusters = Clusters { snapshot, statuses: &statuses, loads: &loads, now };
                if json {
                    ok(JSON, format!("{:#}\n", clusters.json()))
                } else {
                    ok(TEXT, clusters.text())
                }
            }
            Name::Ready => {
                let status = match self.status.ready() {
                    true => StatusCode::OK,
                    false => StatusCode::SERVICE_UNAVAILABLE,
                };
                answer(status, TEXT, format!("{}\n", self.status.phase().envoy_name()))
            }
            Name::ServerInfo => {
                let uptime = self.status.started().elapsed();
                let about = view::server_info(self.status.phase(), uptime, SystemTime::now());
                ok(JSON, format!("{about:#}\n"))
            }
            Name::Reload => {
                self.reload.notify_one();
                answer(StatusCode::ACCEPTED, TEXT, "reading the files again\n")
            }
        }
    }

    fn home(&self) -> String {
        home::page(&self.status, PAGES.iter().map(|page| (page.path, page.about, page.acts)))
    }
}

impl Serve for Admin {
    fn answer(&self, request: Request<Incoming>, local: SocketAddr) -> Answering<'_> {
        let asked = asked(&request, local);
        Box::pin(async move {
            let mut reply = self.reply(asked).await;
            // Nothing here is for caches, frames or guessed content types.
            let headers = reply.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
            headers.insert("x-frame-options", HeaderValue::from_static("DENY"));
            reply
        })
    }
}

/// A page that may be answered, and how it is asked for.
struct Asked {
    page: &'static Page,
    query: String,
}

/// The page that a request asks for, or why it gets none.
fn asked<B>(request: &Request<B>, local: SocketAddr) -> Result<Asked, Box<Answer>> {
    if let Err(refusal) = access::check(request.headers(), local) {
        return Err(Box::new(answer(refusal.status, TEXT, refusal.text)));
    }
    let path = request.uri().path();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let Some(page) = PAGES.iter().find(|page| page.path == path) else {
        let text = format!("no such page\n\n{}", help());
        return Err(Box::new(answer(StatusCode::NOT_FOUND, TEXT, text)));
    };
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    if page.acts && request.method() != Method::POST || !page.acts && !looks {
        let wanted = if page.acts { "POST" } else { "GET, HEAD" };
        let text = format!("{path} answers to {wanted}\n");
        let mut refusal = answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, text);
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static(wanted));
        return Err(Box::new(refusal));
    }
    Ok(Asked { page, query })
}

/// One path.
#[derive(Debug)]
struct Page {
    path: &'static str,
    about: &'static str,
    name: Name,
    /// It changes something, so it wants POST.
    acts: bool,
}

#[derive(Debug, Clone, Copy)]
enum Name {
    Home,
    Config,
    Clusters,
    Certs,
    Stats,
    Ready,
    ServerInfo,
    Help,
    Reload,
}

const PAGES: &[Page] = &[
    Page { path: "/", about: "this page", name: Name::Home, acts: false },
    Page {
        path: "/config",
        about: "what is served: generation, listeners, problems, compiled tables (JSON)",
        name: Name::Config,
        acts: false,
    },
    Page {
        path: "/clusters",
        about: "clusters: endpoints, health, load, limits, counters; ?format=json",
        name: Name::Clusters,
        acts: false,
    },
    Page {
        path: "/certs",
        about: "certificates of TLS servers, in Envoy's form (JSON)",
        name: Name::Certs,
        acts: false,
    },
    Page {
        path: "/stats",
        about: "counters; ?filter=part-of-name, ?format=json",
        name: Name::Stats,
        acts: false,
    },
    Page { path: "/ready", about: "200 when serving", name: Name::Ready, acts: false },
    Page {
        path: "/server_info",
        about: "version, state, uptime (JSON)",
        name: Name::ServerInfo,
        acts: false,
    },
    Page { path: "/help", about: "the list of pages", name: Name::Help, acts: false },
    Page { path: "/reload", about: "read the files again", name: Name::Reload, acts: true },
];

fn help() -> String {
    let line = |page: &Page| {
        let verb = if page.acts { "POST" } else { "GET" };
        format!("{verb:<4} {:<13} {}\n", page.path, page.about)
    };
    PAGES.iter().map(line).collect()
}

/// The first value of a query parameter, undecoded.
fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name).map(|p| p.1)
}

#[cfg(test)]
mod tests;
